"""Cues put in order: times that make sense, and every line said once, however often a file repeats it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from vidlocal.records import Cue

# How long a cue stays when its file gives it no length, and at most: a forgotten end time (99:59:59) must not
# make one line match a whole film.
_DEFAULT_CUE_S = 4.0
_MAX_CUE_S = 60.0

# Cues closer than this follow on one another: rolling captions leave 10 ms between two steps, frame-by-frame
# effects one frame.
_MAX_ROLL_GAP_S = 0.3


@dataclass(frozen=True, slots=True)
class RawCue:
    """What a file shows between two times, line by line, as it stands in the file."""

    start: float
    end: float
    lines: tuple[str, ...]


def normalize_cues(shown: Iterable[RawCue], *, language: str | None = None, zero: float = 0.0) -> tuple[Cue, ...]:
    """The cues in time order. Rolling captions, layers and karaoke steps are told apart from new lines.

    `zero` is the time of the file that is 0 on the clock of the container.
    """
    kept: list[_OpenCue] = []
    last_said: dict[str, _OpenCue] = {}
    current = _OpenCue(0.0, 0.0, "")
    before: tuple[str, ...] = ()
    before_end = -math.inf
    for start, end, lines in sorted(_on_the_clock(shown, zero), key=lambda item: item[0]):
        touching = start - before_end <= _MAX_ROLL_GAP_S
        seen = _overlap(before, lines) if touching else 0
        if seen:
            current.grow(before[-1], lines[seen - 1])
        text = " ".join(lines[seen:])
        known = last_said.get(text)
        if known is not None and start - known.end <= _MAX_ROLL_GAP_S:
            current = known
        elif text:
            current = _OpenCue(start, end, text)
            last_said[text] = current
            kept.append(current)
        current.end = max(current.end, end)
        before, before_end = lines, max(end, before_end) if touching else end
    return tuple(Cue(line.start, line.end, line.text, language) for line in kept)


def merge_cues(*groups: Iterable[Cue], duration: float | None = None) -> tuple[Cue, ...]:
    """The cues of several files of one video in time order, each line once; what lies after its end is left out."""
    kept: list[Cue] = []
    said: dict[str, float] = {}
    for cue in sorted((cue for group in groups for cue in group), key=lambda cue: cue.start):
        beyond = duration is not None and cue.start >= duration
        if beyond or abs(cue.start - said.get(cue.text, -math.inf)) <= 1.0:
            continue
        said[cue.text] = cue.start
        end = cue.end if duration is None else min(cue.end, duration)
        kept.append(Cue(cue.start, end, cue.text, cue.language))
    return tuple(kept)


@dataclass(slots=True)
class _OpenCue:
    start: float
    end: float
    text: str

    def grow(self, said: str, now: str) -> None:
        """Put `now` in the place of the last words `said`."""
        if self.text.endswith(said):
            self.text = self.text[: len(self.text) - len(said)] + now


def _on_the_clock(shown: Iterable[RawCue], zero: float) -> Iterable[tuple[float, float, tuple[str, ...]]]:
    for item in shown:
        start, end = item.start - zero, item.end - zero
        if end <= start:
            end = start + _DEFAULT_CUE_S
        start = max(0.0, start)
        if item.lines and end > start:
            yield start, min(end, start + _MAX_CUE_S), item.lines


def _overlap(before: tuple[str, ...], lines: tuple[str, ...]) -> int:
    """How many of the first lines were already shown as the last ones, the very last perhaps with fewer words."""
    for count in range(min(len(before), len(lines)), 0, -1):
        if before[-count:-1] == lines[: count - 1] and _grows(before[-1], lines[count - 1]):
            return count
    return 0


def _grows(said: str, text: str) -> bool:
    """Whether `text` is `said`, or has more words after it, as captions that appear word by word do."""
    return text.startswith(said) and not (text[len(said) :][:1].isalnum() and said[-1].isalnum())
