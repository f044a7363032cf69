"""Videos with frame counts, tags and chapters, for `list` and `show`."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from vidlocal.records import Chapter, EnrichmentStatus, PassageKind, Video, VideoTag
from vidlocal.store.content import frames, passages, people, telemetry, understanding, videos
from vidlocal.store.content.frames import Coverage
from vidlocal.store.database import Library
from vidlocal.telemetry import Reading


class VideoStatus(StrEnum):
    """Progress of the captions of a video: none, some, or all frames."""

    WAITING = "waiting"
    PARTIAL = "partial"
    DONE = "done"

    @classmethod
    def of(cls, video: Video) -> Self:
        return cls(_STATUSES[video.enrichment_status])


_STATUSES = {
    EnrichmentStatus.PENDING: "waiting",
    EnrichmentStatus.ENRICHING: "partial",
    EnrichmentStatus.ENRICHED: "done",
}


class SortKey(StrEnum):
    """Orders of a list of videos."""

    ADDED = "added"
    TITLE = "title"
    DATE = "date"
    LENGTH = "length"
    SIZE = "size"
    PATH = "path"


_SORT_KEYS: dict[SortKey, Callable[[Video], Any]] = {
    SortKey.ADDED: lambda video: video.id,
    SortKey.TITLE: lambda video: video.title.casefold(),
    SortKey.DATE: lambda video: video.recorded_at or "",
    SortKey.LENGTH: lambda video: -video.duration,
    SortKey.SIZE: lambda video: -video.size_bytes,
    SortKey.PATH: lambda video: video.path,
}


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """A video with results of the text model, empty before the first run. `people`: names, and seconds on screen."""

    video: Video
    coverage: Coverage
    event_type: str | None
    excitement: float | None
    tags: tuple[VideoTag, ...]
    chapters: tuple[Chapter, ...]
    readings: tuple[Reading, ...]
    people: tuple[tuple[str, float], ...] = ()

    def as_data(self) -> dict[str, object]:
        """Return the details as plain data for JSON."""
        tags, chapters = [asdict(tag) for tag in self.tags], [asdict(chapter) for chapter in self.chapters]
        for entry in (*tags, *chapters):
            entry["rests_on"] = entry.pop("citations")
        return video_data(self.video, self.coverage) | {
            "event_type": self.event_type,
            "excitement": self.excitement,
            "tags": tags,
            "chapters": chapters,
            "readings": [asdict(reading) for reading in self.readings],
            "people": [{"name": name, "seconds": seconds} for name, seconds in self.people],
        }


def video_data(video: Video, coverage: Coverage) -> dict[str, object]:
    """Return a video with frame counts as plain data for JSON."""
    return asdict(video) | {"frames": coverage.total, "frames_described": coverage.described}


def select_videos(
    library: Library,
    *,
    sort: SortKey = SortKey.ADDED,
    status: VideoStatus | None = None,
    folder: Path | None = None,
) -> list[Video]:
    """List the videos in an order, filtered by `status` and `folder` (with subfolders)."""
    return [
        video
        for video in sorted(videos.every(library), key=_SORT_KEYS[sort])
        if (status is None or VideoStatus.of(video) is status)
        and (folder is None or Path(video.path).is_relative_to(os.path.abspath(os.path.expanduser(folder))))
    ]


def with_coverage(library: Library, selected: Sequence[Video]) -> list[tuple[Video, Coverage]]:
    """Return the videos with their frame counts."""
    return [(video, frames.coverage(library, video.id)) for video in selected]


def read_details(library: Library, video: Video) -> VideoDetails:
    """Read the details of a video."""
    event_type, excitement = understanding.event_of(library, video.id)
    tags, chapters = understanding.tags(library, video.id), _chapters(library, video)
    coverage = frames.coverage(library, video.id)
    readings = telemetry.of_video(library, video.id)
    seen = people.screen_time(library, video.id)
    return VideoDetails(
        video, coverage, event_type, excitement, tuple(tags), tuple(chapters), tuple(readings), tuple(seen)
    )


def _chapters(library: Library, video: Video) -> list[Chapter]:
    """Return the chapters of the file, else of the text model."""
    titles = passages.of_video(library, video.id, [PassageKind.CHAPTER])
    if titles:
        return [Chapter(title.start, title.end, title.text, "", ()) for title in titles]
    return understanding.chapters(library, video.id)
