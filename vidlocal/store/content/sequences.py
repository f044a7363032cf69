"""Strips: consecutive frames of a video that are watched together, to see what happens."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.records import Frame, JobKind, Passage, PassageKind, Provenance
from vidlocal.store.content import frames, passages
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

MOST_PICTURES = 8
LONGEST = 20.0

# A strip with fewer pictures goes on over a cut: shots of an edited film are often that short.
_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Strip:
    """The pictures to watch, in order of time, none repeating another. `end` is when the next frame follows."""

    pictures: tuple[Frame, ...]
    end: float

    @property
    def start(self) -> float:
        return self.pictures[0].time

    @property
    def cuts(self) -> tuple[float, ...]:
        """When a new shot begins."""
        pairs = zip(self.pictures, self.pictures[1:], strict=False)
        return tuple(after.time for before, after in pairs if after.shot != before.shot)


def cut(timeline: Sequence[Frame]) -> tuple[Strip, ...]:
    """The strips of a video that are worth watching. `timeline` are all its frames in order of time.

    A strip has at most 8 pictures over at most 20 s, and ends at a cut once it has 3. The strip after such a cut
    begins with the last picture before it: that is where one thing turns into another. A strip in which no shot has
    two different pictures is left out, because nothing is seen to move. Each begins with another frame.
    """
    distinct = [frame for frame in timeline if frame.image is not None]
    times = [frame.time for frame in timeline]
    found: list[Strip] = []
    first = 0
    while first < len(distinct):
        last = _last(distinct, first)
        pictures = tuple(distinct[first : last + 1])
        if len({picture.shot for picture in pictures}) < len(pictures):
            found.append(Strip(pictures, _followed_at(times, pictures[-1].time)))
        ended_at_cut = last + 1 < len(distinct) and last - first + 1 >= _ENOUGH and _is_cut(distinct, last + 1)
        first = last if ended_at_cut and distinct[last + 1].time - distinct[last].time <= LONGEST else last + 1
    return tuple(found)


def of_video(library: Library, video_id: int) -> tuple[Strip, ...]:
    """The strips of a stored video: always the same, because its frames are."""
    return cut(frames.of_video(library, video_id))


def queue(library: Library, video_id: int) -> int:
    """One watch job per strip, as valuable as its most valuable picture. How many there are."""
    worth = {
        row["target"]: row["priority"]
        for row in library.rows(
            "SELECT target, priority FROM jobs WHERE kind = ? AND video_id = ?", JobKind.DESCRIBE, video_id
        )
    }
    found = of_video(library, video_id)
    with library.writing():
        for strip in found:
            priority = max(worth.get(picture.id, 0.0) for picture in strip.pictures)
            jobs.add(library, JobKind.WATCH, strip.pictures[0].id, video_id, priority=priority)
    return len(found)


def store_action(library: Library, strip: Strip, text: str, provenance: Provenance, *, visible: bool = True) -> None:
    """Replace what is known to happen in a strip; nothing, when `text` is blank. Nest `jobs.finish` beside it."""
    first = strip.pictures[0]
    with library.writing() as connection:
        connection.execute(
            "DELETE FROM passages WHERE frame_id = ? AND kind = ? AND engine IS NOT ?",
            (first.id, PassageKind.ACTION, passages.BY_HAND),
        )
        action = Passage(
            start=strip.start,
            end=strip.end,
            kind=PassageKind.ACTION,
            text=text,
            engine=provenance.engine,
            model=provenance.model,
            prompt_version=provenance.prompt_version,
            frame_id=first.id,
        )
        passages.add(library, first.video_id, [action], digest=provenance.digest, visible=visible)


def watch_hidden_again(library: Library) -> int:
    """Forget what is not visible of what happens, and queue it again. How many strips that was."""
    with library.writing() as connection:
        hidden = connection.execute(
            "SELECT DISTINCT frame_id, video_id FROM passages WHERE NOT visible AND kind = ?", (PassageKind.ACTION,)
        ).fetchall()
        connection.execute("DELETE FROM passages WHERE NOT visible AND kind = ?", (PassageKind.ACTION,))
        for row in hidden:
            jobs.add(library, JobKind.WATCH, row["frame_id"], row["video_id"])
    return len(hidden)


def _last(distinct: Sequence[Frame], first: int) -> int:
    """The position of the last picture of the strip that begins at `first`."""
    last = first
    while (
        last + 1 < len(distinct)
        and last + 1 - first < MOST_PICTURES
        and distinct[last + 1].time - distinct[first].time <= LONGEST
        and not (_is_cut(distinct, last + 1) and last - first + 1 >= _ENOUGH)
    ):
        last += 1
    return last


def _is_cut(distinct: Sequence[Frame], position: int) -> bool:
    return distinct[position].shot != distinct[position - 1].shot


def _followed_at(times: Sequence[float], time: float) -> float:
    position = bisect_right(times, time)
    return times[position] if position < len(times) else time
