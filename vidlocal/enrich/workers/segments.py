"""A video's notes cut into parts that a text model can read in one go. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.engines import prompt_escape
from vidlocal.engines.text_prompts import MOST_NOTE_CHARACTERS
from vidlocal.records import Passage

# Long enough to be about something, short enough to be a chapter.
PART_S = 120.0
# An eight-hour film has parts of ten minutes: what it costs to sum up a video is bounded.
MOST_PARTS = 48
# Tokens that the line of one part takes, at least, when the parts are put together.
_LINE_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a video and the passages that begin in it. `number` is its place on the timeline."""

    number: int
    start: float
    end: float
    given: tuple[Passage, ...]


def cut(found: Sequence[Passage], duration: float, *, room: int) -> tuple[Part, ...]:
    """The parts of a video in order, without those of which nothing is known. `room` is in tokens.

    Where a part says more than there is room for, its passages are thinned out evenly; a scene that is described
    in the same words as the one before is left out first.
    """
    length = max([duration, *(passage.start for passage in found)])
    count = max(1, min(MOST_PARTS, room // _LINE_TOKENS, round(length / PART_S)))
    step = length / count
    inside: dict[int, list[Passage]] = {}
    for passage in found:
        number = min(count - 1, int(passage.start / step)) if step else 0
        inside.setdefault(number, []).append(passage)
    return tuple(
        Part(number, number * step, (number + 1) * step, thinned(without_echoes(given), room=room))
        for number, given in sorted(inside.items())
    )


def without_echoes(given: Sequence[Passage]) -> list[Passage]:
    """The passages without those that say word for word what the last one of their kind said."""
    last: dict[str, str] = {}
    kept = []
    for passage in given:
        words = " ".join(passage.text.casefold().split())
        if last.get(passage.kind) != words:
            kept.append(passage)
        last[passage.kind] = words
    return kept


def thinned(given: Sequence[Passage], *, room: int, most: int = MOST_NOTE_CHARACTERS) -> tuple[Passage, ...]:
    """As many of the passages as fit into `room` tokens, evenly spread; each takes at most `most` characters."""
    costs = [prompt_escape.tokens(prompt_escape.notes([passage], most=most)) + 2 for passage in given]
    share = min(1.0, room / max(1, sum(costs)))
    while True:
        kept = [place for place in range(len(given)) if int((place + 1) * share) > int(place * share)] or [0]
        if len(kept) <= 1 or sum(costs[place] for place in kept) <= room:
            return tuple(given[place] for place in kept) if given else ()
        share *= 0.95
