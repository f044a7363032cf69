"""The progress line on a terminal, drawn by rich."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from vidlocal.cli.ui import console
from vidlocal.render.sanitize import one_line, sanitize
from vidlocal.timecode import format_duration

# Below this fraction an extrapolation is too unstable to show.
_MIN_ETA_FRACTION = 0.02
_BAR_CELLS = 16
# Width of the spinner and the percentage, and of the time left. The file number and the longest stage take 34 cells:
# in narrow terminals they come before the bar and the time left.
_FIXED_CELLS = 8
_LEFT_CELLS = 16
_MIN_BAR_WIDTH = 75
_MIN_LEFT_WIDTH = 58


@contextmanager
def live_line() -> Iterator["LiveLine"]:
    """Draw a live line, removed at the end of the block."""
    terminal = console.rich_console(stderr=True)
    bar = [BarColumn(bar_width=_BAR_CELLS)] if terminal.width >= _MIN_BAR_WIDTH else []
    left = [_text("{task.fields[left]}")] if terminal.width >= _MIN_LEFT_WIDTH else []
    width = terminal.width - _FIXED_CELLS - len(bar) * (_BAR_CELLS + 1) - len(left) * _LEFT_CELLS
    columns = (
        SpinnerColumn(),
        _text("{task.description}", Column(no_wrap=True, overflow="ellipsis", max_width=max(1, width))),
        *bar,
        _text("{task.fields[share]}"),
        *left,
    )
    with _WithDetail(*columns, console=terminal, transient=True) as progress:
        yield LiveLine(progress, progress.add_task("", total=1.0, left="", share="", detail="", visible=False))


class LiveLine:
    """A `ProgressLine` on a terminal. Without `eta`, the time left is extrapolated from the elapsed time."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._label = ""
        self._started = 0.0

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        now = time.monotonic()
        if task != self._label and eta is None:
            self._label, self._started = task, now
        if eta is None and fraction is not None and fraction > _MIN_ETA_FRACTION:
            eta = (now - self._started) / fraction * (1 - fraction)
        self._progress.update(
            self._task,
            description=one_line(task),
            completed=fraction or 0.0,
            left="" if eta is None or eta < 1 else f"{format_duration(eta)} left",
            share="" if fraction is None else f"{fraction:4.0%}",
            detail=one_line(detail),
            visible=True,
        )

    def notify(self, message: str) -> None:
        self._progress.console.print(Text(sanitize(message).replace("\n", " ")))


class _WithDetail(Progress):
    """Progress bar of rich with a dim line of detail below."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.visible and task.fields["detail"]:
                yield Text(f"  {task.fields['detail']}", style="dim", no_wrap=True, overflow="ellipsis")


def _text(form: str, column: Column | None = None) -> TextColumn:
    return TextColumn(form, markup=False, table_column=column or Column(no_wrap=True))
