"""Order of frames waiting for a description.

1. frames in or near the moments of searches with too few results;
2. frames in or near the moments of other searches;
3. the representative frames of all videos by rank: the first of every video, then the second of every video ...;
4. all other frames by novelty.

Within 1 and 2 the order is that of 3 and 4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.records import JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.history.searches import PastSearch, Span
from vidlocal.store.queue.job_filter import SEARCHED_PRIORITY

# Searches add a multiple of SEARCHED_PRIORITY to the value of a frame, which is at most half of it.
REPRESENTATIVE_PRIORITY = SEARCHED_PRIORITY / 2
SOUGHT_PRIORITY = SEARCHED_PRIORITY * 2
# Below every describe job of every video: text is embedded in large batches, not between two frames.
EMBED_PRIORITY = -1.0

# A match is seldom exactly where its words are, even less so for a search with too few results.
_MARGIN_S = 10.0
_WIDE_MARGIN_S = 30.0

# Value of a row of `frames` without searches: 1000 downwards for representative frames, 0 to 1 for others.
FRAME_VALUE_SQL = f"CASE WHEN frames.rank IS NULL THEN frames.novelty ELSE {REPRESENTATIVE_PRIORITY} - frames.rank END"


class PriorityReason(StrEnum):
    """Reason for the priority of a frame. The values are printed."""

    SOUGHT = "sought"  # in or near a moment of a search with too few results
    SEARCHED = "searched"  # in or near a moment of a search
    RANK = "rank"  # representative of its video
    NOVELTY = "novelty"  # differs from earlier frames


@dataclass(frozen=True, slots=True)
class QueuedFrame:
    """A frame waiting for a description. `rank` counts from 0, None for frames without rank.

    `query` is the search that moved it ahead.
    """

    frame_id: int
    video_id: int
    time: float
    rank: int | None
    novelty: float
    priority: float
    reason: PriorityReason
    query: str | None = None


def reprioritise(library: Library) -> int:
    """Update the priorities of queued jobs after searches or new jobs. Returns the number of changed jobs."""
    searched = _searched_frames(library)
    changed = [(new, job_id) for job_id, old, new in _priorities(library, searched) if abs(old - new) > 1e-9]
    if changed:
        with library.writing() as connection:
            connection.executemany("UPDATE jobs SET priority = ? WHERE id = ?", changed)
    return len(changed)


def queued_frames(library: Library, video_id: int | None = None) -> list[QueuedFrame]:
    """List the frames waiting for their description, of a video or of all, in the order of work.

    Includes the searches since the last `reprioritise`. Writes nothing.
    """
    searched = _searched_frames(library)
    rows = library.rows(
        f"""SELECT jobs.id, frames.id AS frame, frames.video_id, time, rank, novelty, {FRAME_VALUE_SQL} AS value
        FROM jobs JOIN frames ON frames.id = jobs.target
        WHERE jobs.kind = ? AND jobs.state IN (?, ?) AND (? IS NULL OR jobs.video_id = ?) ORDER BY jobs.id""",
        JobKind.DESCRIBE,
        JobState.QUEUED,
        JobState.RUNNING,
        video_id,
        video_id,
    )
    queued = []
    for _, frame, video, time, rank, novelty, value in rows:
        search = searched.get(frame)
        reason = _reason(search) if search else PriorityReason.NOVELTY if rank is None else PriorityReason.RANK
        query = search.query if search else None
        queued.append(QueuedFrame(frame, video, time, rank, novelty, value + _bonus(search), reason, query))
    return sorted(queued, key=lambda frame: -frame.priority)


def _priorities(library: Library, searched: Mapping[int, PastSearch]) -> Iterator[tuple[int, float, float]]:
    """Yield id, stored priority and new priority of every queued describe and watch job.

    The own value of a sequence was set when it was queued.
    """
    rows = library.rows(
        f"""SELECT jobs.id, target, priority, CASE WHEN kind = ? THEN {FRAME_VALUE_SQL} END AS value
        FROM jobs JOIN frames ON frames.id = target WHERE kind IN (?, ?) AND state = ?""",
        JobKind.DESCRIBE,
        JobKind.DESCRIBE,
        JobKind.WATCH,
        JobState.QUEUED,
    )
    for job_id, frame, priority, value in rows:
        own_value = priority % SEARCHED_PRIORITY if value is None else value
        yield job_id, priority, own_value + _bonus(searched.get(frame))


def _searched_frames(library: Library) -> dict[int, PastSearch]:
    """Map the distinct frames near moments of past searches to the search with the largest bonus."""
    searched: dict[int, PastSearch] = {}
    for search in searches.recent(library):
        for span in search.spans:
            for frame in _frames_near(library, span, _WIDE_MARGIN_S if search.found_little else _MARGIN_S):
                other = searched.get(frame)
                if other is None or (search.found_little and not other.found_little):
                    searched[frame] = search
    return searched


def _frames_near(library: Library, span: Span, margin: float) -> list[int]:
    """List the distinct frames visible within `margin` seconds of a span."""
    rows = library.rows(
        "SELECT DISTINCT coalesce(same_as, id) FROM frames WHERE video_id = ? AND time BETWEEN ? AND ?",
        span.video_id,
        span.start - margin,
        span.end + margin,
    )
    return [row[0] for row in rows]


def _reason(search: PastSearch) -> PriorityReason:
    return PriorityReason.SOUGHT if search.found_little else PriorityReason.SEARCHED


def _bonus(search: PastSearch | None) -> float:
    if search is None:
        return 0.0
    return SOUGHT_PRIORITY if search.found_little else SEARCHED_PRIORITY
