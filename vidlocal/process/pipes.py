"""Waiting on several pipes at once, so that no side can block the other."""

import contextlib
import os
import selectors
import time
from collections import deque

_CHUNK = 1 << 16
_F_SETPIPE_SZ = 1031  # Linux fcntl: the default of 64 KB makes a raw picture twenty switches
_PIPE_BYTES = 1 << 20


class WaitTimedOut(Exception):
    """Nothing came, or not enough, in the time that was given."""


def make_pipe() -> tuple[int, int]:
    """The read end and the write end of a new pipe, as wide as the system allows."""
    read_end, write_end = os.pipe()
    widen(read_end)
    return read_end, write_end


def widen(fd: int) -> None:
    """Let a pipe hold a megabyte where the system can do it."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.fcntl(fd, _F_SETPIPE_SZ, _PIPE_BYTES)


class WaitBudget:
    """Counts the seconds spent waiting: in all, and since something last moved."""

    def __init__(self, *, total: float, stall: float | None = None) -> None:
        self._remaining_s = total
        self._stall = stall

    def wait(self, selector: selectors.BaseSelector) -> list[selectors.SelectorKey]:
        """The pipes that are ready. Raises OutOfTime."""
        allowed = self._remaining_s if self._stall is None else min(self._remaining_s, self._stall)
        started = time.monotonic()
        ready = selector.select(max(0.0, allowed))
        self._remaining_s -= time.monotonic() - started
        if not ready:
            raise WaitTimedOut
        return [key for key, _ in ready]


class Tail:
    """The last bytes of what was said, as text."""

    def __init__(self, keep_bytes: int = 8192) -> None:
        self._keep = keep_bytes
        self._bytes = b""

    def add(self, data: bytes) -> None:
        self._bytes = (self._bytes + data)[-self._keep :]

    def text(self) -> str:
        return self._bytes.decode("utf-8", "replace")


class LineBuffer:
    """Whole lines of text out of pieces of bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: deque[str] = deque()

    def add(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(line.decode("utf-8", "replace") for line in whole)

    def pop(self) -> str | None:
        """The oldest line not taken yet, None when there is none."""
        return self._lines.popleft() if self._lines else None


def read_some(fd: int) -> bytes:
    """What is there to read now, b"" at the end."""
    try:
        return os.read(fd, _CHUNK)
    except OSError:  # the other side is gone
        return b""
