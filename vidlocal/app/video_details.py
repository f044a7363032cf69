"""Videos with frame counts, tags and chapters, for `list` and `show`."""

from dataclasses import asdict, dataclass

from vidlocal.records import Chapter, Video, VideoTag
from vidlocal.store.content import frames, understanding, videos
from vidlocal.store.content.frames import Coverage
from vidlocal.store.database import Library


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """A video with results of the text model, empty before the first run."""

    video: Video
    coverage: Coverage
    event_type: str | None
    excitement: float | None
    tags: tuple[VideoTag, ...]
    chapters: tuple[Chapter, ...]

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
        }


def video_data(video: Video, coverage: Coverage) -> dict[str, object]:
    """Return a video with frame counts as plain data for JSON."""
    return asdict(video) | {"frames": coverage.total, "frames_described": coverage.described}


def list_videos(library: Library) -> list[tuple[Video, Coverage]]:
    """List all videos with their frame counts."""
    return [(video, frames.coverage(library, video.id)) for video in videos.every(library)]


def read_details(library: Library, video: Video) -> VideoDetails:
    """Read the details of a video."""
    event_type, excitement = understanding.event_of(library, video.id)
    tags, chapters = understanding.tags(library, video.id), understanding.chapters(library, video.id)
    coverage = frames.coverage(library, video.id)
    return VideoDetails(video, coverage, event_type, excitement, tuple(tags), tuple(chapters))
