"""Wait on several pipes at once, to avoid deadlocks."""

import contextlib
import os
import selectors
import time
from collections import deque

_CHUNK = 1 << 16
_F_SETPIPE_SZ = 1031  # Linux fcntl: with the default of 64 KB, a raw frame takes twenty context switches
_PIPE_BYTES = 1 << 20


class WaitTimedOut(Exception):
    """No or not enough data within the time limit."""


def make_pipe() -> tuple[int, int]:
    """Create a pipe with a large buffer. Returns the read end and the write end."""
    read_end, write_end = os.pipe()
    widen(read_end)
    return read_end, write_end


def widen(fd: int) -> None:
    """Enlarge the buffer of a pipe to one megabyte, where supported."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.fcntl(fd, _F_SETPIPE_SZ, _PIPE_BYTES)


class WaitBudget:
    """Limits the seconds spent waiting, in total and since the last data."""

    def __init__(self, *, total: float, stall: float | None = None) -> None:
        self._remaining_s = total
        self._stall = stall

    def wait(self, selector: selectors.BaseSelector) -> list[selectors.SelectorKey]:
        """Wait for pipes to become ready. Raises WaitTimedOut."""
        allowed = self._remaining_s if self._stall is None else min(self._remaining_s, self._stall)
        started = time.monotonic()
        ready = selector.select(max(0.0, allowed))
        self._remaining_s -= time.monotonic() - started
        if not ready:
            raise WaitTimedOut
        return [key for key, _ in ready]


class Tail:
    """Keeps the last bytes of a stream, as text."""

    def __init__(self, keep_bytes: int = 8192) -> None:
        self._keep = keep_bytes
        self._bytes = b""

    def add(self, data: bytes) -> None:
        self._bytes = (self._bytes + data)[-self._keep :]

    def text(self) -> str:
        return self._bytes.decode("utf-8", "replace")


class LineBuffer:
    """Splits a stream of bytes into lines of text."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: deque[str] = deque()

    def add(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(line.decode("utf-8", "replace") for line in lines)

    def pop(self) -> str | None:
        """Remove and return the oldest line; None if there is none."""
        return self._lines.popleft() if self._lines else None


def read_some(fd: int) -> bytes:
    """Read available bytes; b"" at the end."""
    try:
        return os.read(fd, _CHUNK)
    except OSError:  # the other side has closed the pipe
        return b""
