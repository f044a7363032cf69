"""Removes typical hallucinations of speech models from a transcript: sound remarks and loops."""

import re
from collections.abc import Iterable
from dataclasses import replace

from vidlocal.records import Cue

# "[Music]", "(applause)", "*laughs*": descriptions of sound, not speech.
_REMARK = re.compile(r"[\[({*（【][^\])}*）】]*[\])}*）】][.!]?")
_NOTES = re.compile("[♪♫♬♩]+")

# A looping decoder repeats a line without a gap. People pause between repetitions.
_MIN_LOOP_CUES = 3
_MAX_LOOP_GAP_S = 0.25

# The same words five times in a row, or eight times without spaces. People repeat a word three or four times.
_STUTTER = re.compile(r"(\b\w[^\n]{0,80}?)(?:[\s,.!?;…-]+\1\b){4,}", re.IGNORECASE)
_UNSPACED_STUTTER = re.compile(r"(\w{1,20}?)\1{7,}", re.IGNORECASE)


def remove_hallucinations(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Remove remarks and empty cues, and reduce each loop to the first repetition."""
    runs: list[list[Cue]] = []
    for cue in map(_clean, cues):
        if cue.text:
            previous = runs[-1][-1] if runs else None
            if previous and _same_text(previous, cue) and cue.start - previous.end <= _MAX_LOOP_GAP_S:
                runs[-1].append(cue)
            else:
                runs.append([cue])
    return tuple(cue for run in runs for cue in (run[:1] if len(run) >= _MIN_LOOP_CUES else run))


def _clean(cue: Cue) -> Cue:
    """Remove remarks, musical notes and stutter. The text is empty if no letter or digit remains."""
    text = _NOTES.sub(" ", _REMARK.sub(" ", cue.text))
    text = " ".join(_UNSPACED_STUTTER.sub(r"\1", _STUTTER.sub(r"\1", text)).split())
    return replace(cue, text=text if any(character.isalnum() for character in text) else "")


def _same_text(cue: Cue, other: Cue) -> bool:
    return _normalized(cue.text) == _normalized(other.text)


def _normalized(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()
