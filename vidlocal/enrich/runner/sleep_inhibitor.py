"""Keeping the machine from falling asleep while there is work, with the program the system has for it."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from vidlocal.errors import ToolError
from vidlocal.process import Stream, run

_WHY = "Describing frames"
_ASK_TIMEOUT_S = 5.0
# Only the seconds spent waiting for its output count, and nobody does.
_NO_LIMIT_S = 60.0


class Awake:
    """Keeps the machine awake between `keep` and `release`, where the system lets us. A context manager.

    A lid that is closed and a person who sends the machine to sleep by hand still do on macOS; on Linux the lid
    does, and a person may have to confirm.
    """

    def __init__(self) -> None:
        self._held = ExitStack()
        self._is_held = False
        self._program: Sequence[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def keep(self) -> None:
        """From now on. Harmless when kept already, and where nothing can be done."""
        if self._is_held:
            return
        if self._program is None:
            self._program = _find_program(os.getpid())
        if self._program:
            with suppress(ToolError):
                self._held.enter_context(Stream(self._program, timeout=_NO_LIMIT_S, stall_timeout=_NO_LIMIT_S))
                self._is_held = True

    def release(self) -> None:
        """The machine may sleep again."""
        self._held.close()
        self._is_held = False


def _find_program(pid: int) -> Sequence[str]:
    """The words of the program that keeps this machine awake; none where there is none that may.

    Each ends by itself when the process `pid` ends, so that nothing is left after a kill.
    """
    if sys.platform == "darwin":
        return ("caffeinate", "-i", "-s", "-w", str(pid))
    # A service without a session may forbid idling but not sleeping (logind's default policy).
    for what in ("idle:sleep", "idle"):
        inhibit = ("systemd-inhibit", f"--what={what}", "--who=vidlocal", f"--why={_WHY}", "--mode=block")
        with suppress(ToolError):
            if run((*inhibit, "true"), timeout=_ASK_TIMEOUT_S).returncode == 0:
                return (*inhibit, "tail", f"--pid={pid}", "-f", "/dev/null")
    return ()
