"""Cut the passages of a video into segments for the context of a text model. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.engines.prompts import prompt_escape
from vidlocal.engines.prompts.text_prompts import MAX_NOTE_CHARACTERS
from vidlocal.records import Passage

# Long enough for one topic, short enough for a chapter.
SEGMENT_S = 120.0
# Bounds the cost of a summary: an eight-hour film has segments of ten minutes.
MAX_SEGMENTS = 48
# Minimum tokens of a segment in the prompt that combines them.
_MIN_LINE_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of a video, and passages starting inside. `number`: position on the timeline."""

    number: int
    start: float
    end: float
    passages: tuple[Passage, ...]


def cut(passages: Sequence[Passage], duration: float, *, room: int) -> tuple[Segment, ...]:
    """Return the segments with passages, in order. `room`: tokens for a segment.

    Passages beyond that room are thinned out evenly, after removing repeated descriptions.
    """
    length = max([duration, *(passage.start for passage in passages)])
    count = max(1, min(MAX_SEGMENTS, room // _MIN_LINE_TOKENS, round(length / SEGMENT_S)))
    step = length / count
    by_segment: dict[int, list[Passage]] = {}
    for passage in passages:
        number = min(count - 1, int(passage.start / step)) if step else 0
        by_segment.setdefault(number, []).append(passage)
    return tuple(
        Segment(number, number * step, (number + 1) * step, thin_out(without_repeats(members), room=room))
        for number, members in sorted(by_segment.items())
    )


def without_repeats(passages: Sequence[Passage]) -> list[Passage]:
    """Drop passages with the words of the previous passage of their kind."""
    last: dict[str, str] = {}
    distinct = []
    for passage in passages:
        words = " ".join(passage.text.casefold().split())
        if last.get(passage.kind) != words:
            distinct.append(passage)
        last[passage.kind] = words
    return distinct


def thin_out(passages: Sequence[Passage], *, room: int, max_chars: int = MAX_NOTE_CHARACTERS) -> tuple[Passage, ...]:
    """Evenly spread passages within `room` tokens, each cut to `max_chars` characters."""
    costs = [
        prompt_escape.estimate_tokens(prompt_escape.format_notes([passage], max_chars=max_chars)) + 2
        for passage in passages
    ]
    share = min(1.0, room / max(1, sum(costs)))
    while True:
        selected = [index for index in range(len(passages)) if int((index + 1) * share) > int(index * share)] or [0]
        if len(selected) <= 1 or sum(costs[index] for index in selected) <= room:
            return tuple(passages[index] for index in selected) if passages else ()
        share *= 0.95
