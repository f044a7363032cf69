"""The order of frames in the deep pass, and the reasons."""

from dataclasses import dataclass

from vidlocal.records import Video
from vidlocal.store.content import frames, videos
from vidlocal.store.content.frames import DistinctCounts
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import priorities
from vidlocal.store.queue.priorities import PriorityReason, QueuedFrame

# Frames listed in `Plan.first`.
MAX_FIRST = 10


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """Queued frames of a video, most valuable first."""

    video: Video
    counts: DistinctCounts
    waiting: tuple[QueuedFrame, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The next descriptions. `first`: the next frames across all videos, in order."""

    videos: tuple[VideoPlan, ...]
    first: tuple[QueuedFrame, ...]
    seconds_per_frame: float | None

    def seconds(self, count: int) -> float | None:
        """Time for `count` frames; None before the first measurement."""
        return None if self.seconds_per_frame is None else count * self.seconds_per_frame


def read_plan(library: Library, video: Video | None = None) -> Plan:
    """Read the plan of a video, or of all."""
    counts = frames.distinct_counts(library)
    queue = priorities.queued_frames(library, None if video is None else video.id)
    by_video: dict[int, list[QueuedFrame]] = {}
    for frame in queue:
        by_video.setdefault(frame.video_id, []).append(frame)
    plans = tuple(
        VideoPlan(video, counts.get(video.id, DistinctCounts(0, 0, 0)), tuple(by_video.get(video.id, ())))
        for video in (videos.every(library) if video is None else [video])
    )
    pace = facts.get(library, facts.SECONDS_PER_FRAME)
    return Plan(plans, tuple(queue[:MAX_FIRST]), None if pace is None else float(pace))


def describe_reason(frame: QueuedFrame) -> str:
    """Reason for the priority of a frame, for people."""
    if frame.reason is PriorityReason.SOUGHT:
        return f'near a search with few results: "{frame.query}"'
    if frame.reason is PriorityReason.SEARCHED:
        return f'near a result of the search: "{frame.query}"'
    if frame.rank is not None:
        return f"represents its video, rank {frame.rank + 1}"
    return f"novel: {frame.novelty:.0%} different from all earlier frames".replace("%", " %")
