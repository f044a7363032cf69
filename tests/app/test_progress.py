"""Lines of progress."""

from pathlib import Path

from tests.support.progress_lines import RecordedLine
from vidlocal.app.progress import show_enrich_progress, show_ingest_progress
from vidlocal.enrich.runner.queue_runner import EnrichProgress
from vidlocal.ingest.meter import IngestProgress
from vidlocal.records import JobKind


class Shown(RecordedLine):
    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[str, float | None, float | None]] = []

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        self.shown.append((task, fraction, eta))


def test_ingest_shows_file_stage_and_the_position_in_the_run() -> None:
    line = Shown()
    show_ingest_progress(line, IngestProgress(Path("/videos/X.mp4"), "OCR", 0.9, 3, 31, 0.25, 120.0))
    assert line.shown == [("file 3 of 31  OCR  X.mp4", 0.25, 120.0)]


def test_speech_is_shown_by_file_and_position_never_in_percent() -> None:
    line = Shown()
    show_enrich_progress(line, EnrichProgress(JobKind.TRANSCRIBE, 2, 4, "Wedding", "", None, None, 90.0, 180.0))
    show_enrich_progress(line, EnrichProgress(JobKind.READ, 2, 4, "Wedding", "", None, None, None, 180.0))
    assert line.shown == [("transcribing 3/4  1:30 of 3:00  Wedding", 0.625, None), ("OCR 3/4  Wedding", 0.5, None)]


def test_frames_are_counted() -> None:
    line = Shown()
    show_enrich_progress(line, EnrichProgress(JobKind.DESCRIBE, 2, 4, "Wedding", "a bride", 3.0, 6.0))
    assert line.shown == [("captioning 2/4  Wedding  3.0 s/frame", 0.5, 6.0)]
