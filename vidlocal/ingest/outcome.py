"""Result of indexing a file."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vidlocal.records import Video


class IngestResult(StrEnum):
    """Result for one file."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result for one file, with the reason of a failure. `notes`: sentences about work left for a later run.

    `skip_reason`: a few words for the reason of a skip, empty for other results. `subtitles`, `speech` and
    `screen_texts` count the passages of an added video.
    """

    path: Path
    result: IngestResult
    video: Video | None = None
    reason: str | None = None
    skip_reason: str = ""
    frames: int = 0
    distinct: int = 0
    subtitles: int = 0
    speech: int = 0
    screen_texts: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def as_data(self) -> dict[str, object]:
        """Return the outcome as plain data for JSON."""
        video = self.video
        return {
            "path": str(self.path),
            "result": self.result.value,
            "video": None if video is None else {"id": video.id, "title": video.title, "duration": video.duration},
            "frames": self.frames,
            "distinct": self.distinct,
            "subtitles": self.subtitles,
            "speech": self.speech,
            "screen_texts": self.screen_texts,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "partial": None if video is None else video.partial,
            "notes": list(self.notes),
        }
