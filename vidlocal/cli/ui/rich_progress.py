"""The progress line on a terminal, drawn by rich."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from vidlocal.cli.ui import console as output
from vidlocal.render.sanitize import one_line
from vidlocal.timecode import format_duration

# Before that, a guess from the clock jumps about too much to be of use.
_ETA_FROM = 0.02
_BAR_CELLS = 16
# The bar, the share and the time left beside the description.
_BESIDE_CELLS = 44


@contextmanager
def live_line() -> Iterator["LiveLine"]:
    """A line that moves, and is gone after the block."""
    console = output.console(stderr=True)
    columns = (
        SpinnerColumn(),
        _text("{task.description}", Column(no_wrap=True, overflow="ellipsis", max_width=console.width - _BESIDE_CELLS)),
        BarColumn(bar_width=_BAR_CELLS),
        _text("{task.fields[share]}"),
        _text("{task.fields[left]}"),
    )
    with _WithDetail(*columns, console=console, transient=True) as progress:
        yield LiveLine(progress, progress.add_task("", total=1.0, left="", share="", detail="", visible=False))


class LiveLine:
    """A `Line` on a terminal. The time left is the caller's, or a guess from the clock."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._what = ""
        self._began = 0.0

    def at(self, what: str, done: float | None, *, eta: float | None = None, detail: str = "") -> None:
        now = time.monotonic()
        if what != self._what and eta is None:
            self._what, self._began = what, now
        if eta is None and done is not None and done > _ETA_FROM:
            eta = (now - self._began) / done * (1 - done)
        self._progress.update(
            self._task,
            description=flat(what),
            completed=done or 0.0,
            left="" if eta is None or eta < 1 else f"{lasting(eta)} left",
            share="" if done is None else f"{done:4.0%}",
            detail=flat(detail),
            visible=True,
        )

    def say(self, sentence: str) -> None:
        self._progress.console.print(Text(flat(sentence)))


class _WithDetail(Progress):
    """rich's progress with one dim line below: what was found last."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.visible and task.fields["detail"]:
                yield Text(f"  {task.fields['detail']}", style="dim", no_wrap=True, overflow="ellipsis")


def _text(form: str, column: Column | None = None) -> TextColumn:
    return TextColumn(form, markup=False, table_column=column or Column(no_wrap=True))
