"""Which frame is worth describing first.

1. frames in or near what a search found too little of;
2. frames in or near the moments of other searches;
3. the representative frames of all videos, by rank: the first of every video, then the second of every video ...;
4. the rest, by how new they look in their film.

Within 1 and 2 the order is that of 3 and 4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.records import JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.history.searches import Span, Wish
from vidlocal.store.queue.job_filter import SEARCHED

# A value by itself is at most this; what a search adds is a multiple of twice as much.
REPRESENTATIVE = SEARCHED / 2
SOUGHT = SEARCHED * 2
# Below every describe job of every video: text is embedded in large batches, not between two frames.
EMBED_PRIORITY = -1.0

# What a search means is seldom exactly where its words are; less so when it found little.
_NEAR_S = 10.0
_NEAR_LITTLE_S = 30.0

# The value of a frame by itself, over the table `frames`: 1000 downwards for representatives, 0 to 1 for the others.
VALUE = f"CASE WHEN frames.rank IS NULL THEN frames.novelty ELSE {REPRESENTATIVE} - frames.rank END"


class Reason(StrEnum):
    """Why a frame stands where it does. The values are printed."""

    SOUGHT = "sought"  # in or near what a search found too little of
    SEARCHED = "searched"  # in or near a moment of a search
    RANK = "rank"  # represents its video
    NOVELTY = "novelty"  # looks new in its film


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame that is not described yet. `rank` counts from 0, None for frames that represent nothing.

    `query` is the search that moved it ahead, if one did.
    """

    frame_id: int
    video_id: int
    time: float
    rank: int | None
    novelty: float
    priority: float
    reason: Reason
    query: str | None = None


def reprioritise(library: Library) -> int:
    """Put the queue in its order, after searches and after frames were queued again. How many jobs moved.

    What is already as it should be is not written.
    """
    wanted = _wanted(library)
    moved = [(new, job_id) for job_id, old, new in _priorities(library, wanted) if abs(old - new) > 1e-9]
    if moved:
        with library.writing() as connection:
            connection.executemany("UPDATE jobs SET priority = ? WHERE id = ?", moved)
    return len(moved)


def queue(library: Library, video_id: int | None = None) -> list[Waiting]:
    """The frames that wait to be described, of one video or of all, in the order in which they will be.

    Searches count up to this moment, whether or not `reprioritise` has seen them. Writes nothing.
    """
    wanted = _wanted(library)
    rows = library.rows(
        f"""SELECT jobs.id, frames.id AS frame, frames.video_id, time, rank, novelty, {VALUE} AS value
        FROM jobs JOIN frames ON frames.id = jobs.target
        WHERE jobs.kind = ? AND jobs.state IN (?, ?) AND (? IS NULL OR jobs.video_id = ?) ORDER BY jobs.id""",
        JobKind.DESCRIBE,
        JobState.QUEUED,
        JobState.RUNNING,
        video_id,
        video_id,
    )
    waiting = []
    for _, frame, video, time, rank, novelty, value in rows:
        wish = wanted.get(frame)
        reason = _reason(wish) if wish else Reason.NOVELTY if rank is None else Reason.RANK
        query = wish.query if wish else None
        waiting.append(Waiting(frame, video, time, rank, novelty, value + _bonus(wish), reason, query))
    return sorted(waiting, key=lambda frame: -frame.priority)


def _priorities(library: Library, wanted: Mapping[int, Wish]) -> Iterator[tuple[int, float, float]]:
    """Id, stored priority and right priority of every waiting job that looks at frames.

    What a strip of frames is worth by itself was settled when it was queued.
    """
    rows = library.rows(
        f"""SELECT jobs.id, target, priority, CASE WHEN kind = ? THEN {VALUE} END AS value
        FROM jobs JOIN frames ON frames.id = target WHERE kind IN (?, ?) AND state = ?""",
        JobKind.DESCRIBE,
        JobKind.DESCRIBE,
        JobKind.WATCH,
        JobState.QUEUED,
    )
    for job_id, frame, priority, value in rows:
        itself = priority % SEARCHED if value is None else value
        yield job_id, priority, itself + _bonus(wanted.get(frame))


def _wanted(library: Library) -> dict[int, Wish]:
    """The distinct frames that past searches ask for, each with the search that asks most."""
    wanted: dict[int, Wish] = {}
    for wish in searches.wishes(library):
        for span in wish.spans:
            for frame in _near(library, span, _NEAR_LITTLE_S if wish.found_little else _NEAR_S):
                known = wanted.get(frame)
                if known is None or (wish.found_little and not known.found_little):
                    wanted[frame] = wish
    return wanted


def _near(library: Library, span: Span, margin: float) -> list[int]:
    """The distinct frames shown in or near a span."""
    rows = library.rows(
        "SELECT DISTINCT coalesce(same_as, id) FROM frames WHERE video_id = ? AND time BETWEEN ? AND ?",
        span.video_id,
        span.start - margin,
        span.end + margin,
    )
    return [row[0] for row in rows]


def _reason(wish: Wish) -> Reason:
    return Reason.SOUGHT if wish.found_little else Reason.SEARCHED


def _bonus(wish: Wish | None) -> float:
    if wish is None:
        return 0.0
    return SOUGHT if wish.found_little else SEARCHED
