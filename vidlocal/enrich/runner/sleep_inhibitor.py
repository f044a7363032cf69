"""Sleep inhibitor: systemd-inhibit on Linux, caffeinate on macOS."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from vidlocal.errors import ToolError
from vidlocal.process import Stream, run

_WHY = "Describing frames"
_TRIAL_TIMEOUT_S = 5.0
# Counts only time spent waiting for output, which is never read.
_NO_LIMIT_S = 60.0


class SleepInhibitor:
    """Keeps the machine awake between `acquire` and `release`, if the system allows. A context manager.

    Limits: on macOS, closing the lid or choosing sleep still works. On Linux the lid still works, and choosing sleep
    may need confirmation.
    """

    def __init__(self) -> None:
        self._process = ExitStack()
        self._is_held = False
        self._program: Sequence[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Prevent sleep from now on. No effect if already acquired or not supported."""
        if self._is_held:
            return
        if self._program is None:
            self._program = _find_program(os.getpid())
        if self._program:
            with suppress(ToolError):
                self._process.enter_context(Stream(self._program, timeout=_NO_LIMIT_S, stall_timeout=_NO_LIMIT_S))
                self._is_held = True

    def release(self) -> None:
        """Allow sleep again."""
        self._process.close()
        self._is_held = False


def _find_program(pid: int) -> Sequence[str]:
    """Return the command line of the inhibitor, empty if none is available or allowed.

    The program ends with process `pid`, also after a kill.
    """
    if sys.platform == "darwin":
        return ("caffeinate", "-i", "-s", "-w", str(pid))
    # A service without a session may block idling but not sleeping (default policy of logind).
    for lock in ("idle:sleep", "idle"):
        inhibit = ("systemd-inhibit", f"--what={lock}", "--who=vidlocal", f"--why={_WHY}", "--mode=block")
        with suppress(ToolError):
            if run((*inhibit, "true"), timeout=_TRIAL_TIMEOUT_S).returncode == 0:
                return (*inhibit, "tail", f"--pid={pid}", "-f", "/dev/null")
    return ()
