"""Sequences: consecutive distinct frames of a video for a single request to the vision model."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.records import Frame, JobKind, Passage, PassageKind, Provenance
from vidlocal.store.content import frames, passages
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

MAX_FRAMES = 8
MAX_SEQUENCE_S = 20.0

# A sequence with fewer frames continues over a cut: shots of an edited film are often that short.
_MIN_FRAMES_BEFORE_CUT = 3


@dataclass(frozen=True, slots=True)
class FrameSequence:
    """Distinct frames in order of time. `end`: time of the frame after the last frame, in seconds."""

    frames: tuple[Frame, ...]
    end: float

    @property
    def start(self) -> float:
        """Time of the first frame, in seconds."""
        return self.frames[0].time

    @property
    def cuts(self) -> tuple[float, ...]:
        """Start times of new shots, in seconds."""
        pairs = zip(self.frames, self.frames[1:], strict=False)
        return tuple(after.time for before, after in pairs if after.shot != before.shot)


def split(timeline: Sequence[Frame]) -> tuple[FrameSequence, ...]:
    """Split a video into the sequences worth watching. `timeline` are all frames in order of time.

    A sequence has at most 8 frames over at most 20 s, and ends at a cut once it has 3. The sequence after such a cut
    starts with the last frame before the cut, to show the transition. Sequences without two distinct frames of a shot
    are skipped (no motion visible). First frames are unique, so they identify a sequence.
    """
    distinct = [frame for frame in timeline if frame.image is not None]
    times = [frame.time for frame in timeline]
    sequences: list[FrameSequence] = []
    first = 0
    while first < len(distinct):
        last = _last(distinct, first)
        members = tuple(distinct[first : last + 1])
        if len({frame.shot for frame in members}) < len(members):
            sequences.append(FrameSequence(members, _next_frame_time(times, members[-1].time)))
        ended_at_cut = (
            last + 1 < len(distinct) and len(members) >= _MIN_FRAMES_BEFORE_CUT and _is_cut(distinct, last + 1)
        )
        first = last if ended_at_cut and distinct[last + 1].time - distinct[last].time <= MAX_SEQUENCE_S else last + 1
    return tuple(sequences)


def of_video(library: Library, video_id: int) -> tuple[FrameSequence, ...]:
    """Return the sequences of a stored video, always the same."""
    return split(frames.of_video(library, video_id))


def queue(library: Library, video_id: int) -> int:
    """Queue a watch job per sequence with the highest priority of the frames. Returns the number of sequences."""
    priorities = {
        row["target"]: row["priority"]
        for row in library.rows(
            "SELECT target, priority FROM jobs WHERE kind = ? AND video_id = ?", JobKind.DESCRIBE, video_id
        )
    }
    sequences = of_video(library, video_id)
    with library.writing():
        for sequence in sequences:
            priority = max(priorities.get(frame.id, 0.0) for frame in sequence.frames)
            jobs.add(library, JobKind.WATCH, sequence.frames[0].id, video_id, priority=priority)
    return len(sequences)


def store_action(
    library: Library, sequence: FrameSequence, text: str, provenance: Provenance, *, visible: bool = True
) -> None:
    """Replace the action of a sequence; a blank text deletes. Nest `jobs.finish` in the same transaction."""
    first = sequence.frames[0]
    with library.writing() as connection:
        connection.execute(
            "DELETE FROM passages WHERE frame_id = ? AND kind = ? AND engine IS NOT ?",
            (first.id, PassageKind.ACTION, passages.BY_HAND),
        )
        action = Passage(
            start=sequence.start,
            end=sequence.end,
            kind=PassageKind.ACTION,
            text=text,
            engine=provenance.engine,
            model=provenance.model,
            prompt_version=provenance.prompt_version,
            frame_id=first.id,
        )
        passages.add(library, first.video_id, [action], digest=provenance.digest, visible=visible)


def requeue_unverified(library: Library) -> int:
    """Delete unverified actions and queue their sequences again. Returns the number of sequences."""
    with library.writing() as connection:
        rows = connection.execute(
            "SELECT DISTINCT frame_id, video_id FROM passages WHERE NOT visible AND kind = ?", (PassageKind.ACTION,)
        ).fetchall()
        connection.execute("DELETE FROM passages WHERE NOT visible AND kind = ?", (PassageKind.ACTION,))
        for row in rows:
            jobs.add(library, JobKind.WATCH, row["frame_id"], row["video_id"])
    return len(rows)


def _last(distinct: Sequence[Frame], first: int) -> int:
    """Return the position of the last frame of the sequence starting at `first`."""
    last = first
    while (
        last + 1 < len(distinct)
        and last + 1 - first < MAX_FRAMES
        and distinct[last + 1].time - distinct[first].time <= MAX_SEQUENCE_S
        and not (_is_cut(distinct, last + 1) and last - first + 1 >= _MIN_FRAMES_BEFORE_CUT)
    ):
        last += 1
    return last


def _is_cut(distinct: Sequence[Frame], position: int) -> bool:
    return distinct[position].shot != distinct[position - 1].shot


def _next_frame_time(times: Sequence[float], time: float) -> float:
    position = bisect_right(times, time)
    return times[position] if position < len(times) else time
