"""Progress of long work, for terminals, logs and web pages."""

from typing import Protocol

from vidlocal.enrich.runner.queue_runner import EnrichProgress
from vidlocal.job_specs import JOB_SPECS
from vidlocal.records import JobKind


class ProgressLine(Protocol):
    """A line of progress, and messages above."""

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        """Show the task, the finished fraction (0 to 1, None if unknown), the seconds left, and a dim second line."""

    def notify(self, message: str) -> None:
        """Print a permanent message above the line."""


def show_enrich_progress(line: ProgressLine, progress: EnrichProgress) -> None:
    """Show the position of a deep pass on a line of progress."""
    task = f"{JOB_SPECS[progress.kind].label} {progress.done:,}/{progress.total:,}  {progress.video}"
    if progress.seconds_each is not None and progress.kind is JobKind.DESCRIBE:
        task += f"  {progress.seconds_each:.1f} s/frame"
    fraction = progress.done / progress.total if progress.total else None
    line.update(task, fraction, eta=progress.eta, detail=progress.last)
