"""Progress on stderr: a live line on a terminal, an occasional line elsewhere."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vidlocal.cli.ui import console
from vidlocal.timecode import format_duration

if TYPE_CHECKING:
    from vidlocal.app.progress import ProgressLine

# In a log: a first line for work that takes longer than this, then one a minute.
_FIRST_LINE_S = 10.0
_LINE_INTERVAL_S = 60.0
# Terminals that cannot move the cursor.
_DUMB = frozenset({"", "dumb", "unknown"})
_WITHOUT_NUMBERS = str.maketrans("", "", "0123456789,./")


@contextmanager
def progress_line(*, quiet: bool) -> "Iterator[ProgressLine]":
    """Open the progress line of a command; removed at the end of the block."""
    if quiet:
        yield _Silent()
    elif sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in _DUMB:
        from vidlocal.cli.ui.rich_progress import live_line

        with live_line() as live:
            yield live
    else:
        yield _Plain()


class _Silent:
    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        pass

    def notify(self, message: str) -> None:
        pass


class _Plain:
    """Occasional lines for a log; none for short work."""

    def __init__(self) -> None:
        self._task = ""
        self._next_at = 0.0

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        now = time.monotonic()
        task_name = task.translate(_WITHOUT_NUMBERS)
        if task_name != self._task:
            self._task, self._next_at = task_name, now + _FIRST_LINE_S
        if now < self._next_at:
            return
        self._next_at = now + _LINE_INTERVAL_S
        parts = [task]
        if fraction is not None:
            parts.append(f"{fraction:.0%}")
        if eta is not None:
            parts.append(f"{format_duration(eta)} left")
        console.notice("  ".join(parts))

    def notify(self, message: str) -> None:
        console.lines_notice(message.replace("\n", " "))
