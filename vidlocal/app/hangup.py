"""Going on when the terminal is closed."""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def outlived(gone: Callable[[], None]) -> Iterator[None]:
    """In the block a closed terminal does not end the program. `gone` is told, once, when it happens.

    Streams that went to the terminal go nowhere from then on; files and pipes stay what they are.
    """
    told = False

    def hang_up(number: int, frame: FrameType | None) -> None:
        nonlocal told
        leave()
        if not told:
            told = True
            gone()

    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_DFL:  # nohup has seen to it
        yield
        return
    signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def leave() -> None:
    """Send what goes to a terminal nowhere, from now on."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if os.isatty(stream.fileno()) or is_gone(stream.fileno()):
                os.dup2(null, stream.fileno())
    os.close(null)


def is_gone(file: int) -> bool:
    """Whether a terminal hung up without a signal: the program was disowned, or has a session of its own."""
    poll = select.poll()
    poll.register(file, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
