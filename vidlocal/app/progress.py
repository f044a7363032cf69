"""Progress of long work, for terminals, logs and web pages."""

from typing import TYPE_CHECKING, Protocol

from vidlocal.job_specs import JOB_SPECS
from vidlocal.records import JobKind
from vidlocal.timecode import format_short_time

if TYPE_CHECKING:
    from vidlocal.enrich.runner.queue_runner import EnrichProgress
    from vidlocal.enrich.workers.fast_pass import StageProgress
    from vidlocal.ingest.meter import IngestProgress


class ProgressLine(Protocol):
    """A line of progress, and messages above."""

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        """Show the task, the finished fraction (0 to 1, None if unknown), the seconds left, and a dim second line."""

    def notify(self, message: str) -> None:
        """Print a permanent message above the line."""


def show_ingest_progress(line: ProgressLine, progress: "IngestProgress") -> None:
    """Show the position of ingest on a line of progress."""
    task = f"file {progress.number:,} of {progress.total:,}  {progress.stage}  {progress.path.name}"
    line.update(task, progress.done, eta=progress.eta)


def show_stage_progress(line: ProgressLine, stage: "StageProgress") -> None:
    """Show the position of the fast pass on a line of progress."""
    task = f"{JOB_SPECS[stage.kind].label} {min(stage.done + 1, stage.total):,}/{stage.total:,}"
    line.update(task, (stage.done + (stage.fraction or 0.0)) / stage.total if stage.total else None)


def show_enrich_progress(line: ProgressLine, progress: "EnrichProgress") -> None:
    """Show the position of a deep pass on a line of progress."""
    parts = [f"{JOB_SPECS[progress.kind].label} {_count(progress)}"]
    done = float(progress.done)
    if progress.position is not None and progress.duration is not None:
        parts.append(f"{format_short_time(progress.position)} of {format_short_time(progress.duration)}")
        done += progress.position / progress.duration
    task = "  ".join([*parts, progress.video])
    if progress.seconds_each is not None and progress.kind is JobKind.DESCRIBE:
        task += f"  {progress.seconds_each:.1f} s/frame"
    line.update(task, done / progress.total if progress.total else None, eta=progress.eta, detail=progress.last)


def _count(progress: "EnrichProgress") -> str:
    """`3/31`: the video at work of a fast pass, else the finished frames."""
    number = progress.done + (progress.duration is not None)
    return f"{min(number, progress.total):,}/{progress.total:,}"
