"""Normalize cues: valid times, and each line once despite rolling captions."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from vidlocal.records import Cue

# Length of a cue without one, and maximum length: with a placeholder end time (99:59:59), a line would match a whole
# film.
_DEFAULT_CUE_S = 4.0
_MAX_CUE_S = 60.0

# Maximum gap between two steps of the same text: rolling captions leave 10 ms, frame-by-frame effects a single frame.
_MAX_ROLL_GAP_S = 0.3


# Captions roll word by word if this many cues, and half of all, repeat this many words of the previous cue.
_MIN_ROLLING_WORDS = 2
_MIN_ROLLING_CUES = 3

# Start, end, lines, speaker.
_TimedLines = tuple[float, float, tuple[str, ...], str | None]


@dataclass(frozen=True, slots=True)
class RawCue:
    """A cue as stored in the file."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None


def normalize_cues(raw_cues: Iterable[RawCue], *, language: str | None = None, zero: float = 0.0) -> tuple[Cue, ...]:
    """Cues in time order, with the steps of rolling captions, layers and karaoke effects merged.

    `zero` is the time in the file of 0 on the clock of the container.
    """
    cues: list[_OpenCue] = []
    by_text: dict[tuple[str, str | None], _OpenCue] = {}
    current = _OpenCue(0.0, 0.0, "")
    previous: tuple[str, ...] = ()
    previous_end = -math.inf
    for start, end, lines, speaker in _by_words(sorted(_with_valid_times(raw_cues, zero), key=lambda item: item[0])):
        is_step = start - previous_end <= _MAX_ROLL_GAP_S
        repeated = _overlap(previous, lines) if is_step else 0
        if repeated:
            current.replace_end(previous[-1], lines[repeated - 1])
        text = " ".join(lines[repeated:])
        same = by_text.get((text, speaker))
        if same is not None and start - same.end <= _MAX_ROLL_GAP_S:
            current = same
        elif text:
            current = _OpenCue(start, end, text, speaker)
            by_text[text, speaker] = current
            cues.append(current)
        current.end = max(current.end, end)
        previous, previous_end = lines, max(end, previous_end) if is_step else end
    return tuple(Cue(cue.start, cue.end, cue.text, language, speaker=cue.speaker) for cue in cues)


def merge_cues(*groups: Iterable[Cue], duration: float | None = None) -> tuple[Cue, ...]:
    """Merge cues of several files of a video in time order, without duplicates and cues after the end."""
    merged: list[Cue] = []
    last_start: dict[tuple[str, str | None], float] = {}
    for cue in sorted((cue for group in groups for cue in group), key=lambda cue: cue.start):
        is_past_end = duration is not None and cue.start >= duration
        if is_past_end or abs(cue.start - last_start.get((cue.text, cue.speaker), -math.inf)) <= 1.0:
            continue
        last_start[cue.text, cue.speaker] = cue.start
        end = cue.end if duration is None else min(cue.end, duration)
        merged.append(replace(cue, end=end))
    return tuple(merged)


@dataclass(slots=True)
class _OpenCue:
    start: float
    end: float
    text: str
    speaker: str | None = None

    def replace_end(self, old: str, new: str) -> None:
        """Replace `old` at the end of the text with `new`."""
        if self.text.endswith(old):
            self.text = self.text[: len(self.text) - len(old)] + new


def _with_valid_times(raw_cues: Iterable[RawCue], zero: float) -> Iterable[_TimedLines]:
    for cue in raw_cues:
        start, end = cue.start - zero, cue.end - zero
        if end <= start:
            end = start + _DEFAULT_CUE_S
        start = max(0.0, start)
        if cue.lines and end > start:
            yield start, min(end, start + _MAX_CUE_S), cue.lines, cue.speaker


def _by_words(cues: list[_TimedLines]) -> list[_TimedLines]:
    """Take every word as a line, if most one-line cues start with the last words of the previous cue.

    Rolling captions look like this where a program joined their lines.
    """
    pairs = [
        (first.split(), second.split())
        for (_, end, (first, *more), _), (start, _, (second, *_), _) in pairwise(cues)
        if not more and start - end <= _MAX_ROLL_GAP_S
    ]
    rolling = sum(_overlap(tuple(first), tuple(second)) >= _MIN_ROLLING_WORDS for first, second in pairs)
    if rolling < max(_MIN_ROLLING_CUES, len(cues) / 2):
        return cues
    return [
        (start, end, tuple(word for line in lines for word in line.split()), speaker)
        for start, end, lines, speaker in cues
    ]


def _overlap(previous: tuple[str, ...], lines: tuple[str, ...]) -> int:
    """Number of first lines equal to the last previous lines. The very last line may have more words now."""
    for count in range(min(len(previous), len(lines)), 0, -1):
        if previous[-count:-1] == lines[: count - 1] and _is_continuation(previous[-1], lines[count - 1]):
            return count
    return 0


def _is_continuation(line: str, longer: str) -> bool:
    """True if `longer` is `line` or adds whole words, as in captions shown word by word."""
    return longer.startswith(line) and not (longer[len(line) :][:1].isalnum() and line[-1].isalnum())
