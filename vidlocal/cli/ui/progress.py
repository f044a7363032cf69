"""One line of progress on stderr for long work: live on a terminal, now and then in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from vidlocal.cli.ui import console
from vidlocal.timecode import format_duration

# A log that is not looked at live wants a line for what takes long, and then one a minute.
_PLAIN_FIRST_S = 10.0
_PLAIN_EVERY_S = 60.0
_WITHOUT_NUMBERS = str.maketrans("", "", "0123456789,./")


class Line(Protocol):
    """Where long work says how far it is."""

    def at(self, what: str, done: float | None, *, eta: float | None = None, detail: str = "") -> None:
        """Show `what` is being done, `done` 0 to 1, the seconds left and a dim second line."""

    def say(self, sentence: str) -> None:
        """A sentence that stays, above the line."""


@contextmanager
def line(*, quiet: bool) -> Iterator[Line]:
    """The progress line of a command, removed at the end of the block."""
    if quiet:
        yield _Silent()
    elif sys.stderr.isatty():
        from vidlocal.cli.ui.rich_progress import live_line

        with live_line() as alive:
            yield alive
    else:
        yield _Plain()


class _Silent:
    def at(self, what: str, done: float | None, *, eta: float | None = None, detail: str = "") -> None:
        pass

    def say(self, sentence: str) -> None:
        pass


class _Plain:
    """Lines for a log: none for what is quickly done."""

    def __init__(self) -> None:
        self._work = ""
        self._next = 0.0

    def at(self, what: str, done: float | None, *, eta: float | None = None, detail: str = "") -> None:
        now = time.monotonic()
        work = what.translate(_WITHOUT_NUMBERS)
        if work != self._work:
            self._work, self._next = work, now + _PLAIN_FIRST_S
        if now < self._next:
            return
        self._next = now + _PLAIN_EVERY_S
        parts = [what]
        if done is not None:
            parts.append(f"{done:.0%}")
        if eta is not None:
            parts.append(f"{format_duration(eta)} left")
        console.notice("  ".join(parts))

    def say(self, sentence: str) -> None:
        console.notice(sentence)
