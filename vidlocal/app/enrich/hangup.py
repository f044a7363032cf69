"""Keep running after the terminal is closed."""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def survive_hangup(on_hangup: Callable[[], None]) -> Iterator[None]:
    """Keep the program running if the terminal closes inside the block; `on_hangup` is called once.

    Streams of the terminal are redirected to /dev/null from then on; files and pipes stay as they are.
    """
    is_reported = False

    def hang_up(number: int, frame: FrameType | None) -> None:
        nonlocal is_reported
        detach_streams()
        if not is_reported:
            is_reported = True
            on_hangup()

    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_DFL:  # started with nohup
        yield
        return
    signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def detach_streams() -> None:
    """Redirect standard streams of the terminal to /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if os.isatty(stream.fileno()) or is_gone(stream.fileno()):
                os.dup2(null, stream.fileno())
    os.close(null)


def is_gone(file: int) -> bool:
    """True if the terminal hung up without a signal, as for a disowned program or a separate session."""
    poll = select.poll()
    poll.register(file, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
