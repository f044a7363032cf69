"""What a speech model makes up, told from what was said: remarks about sounds, and loops."""

import re
from collections.abc import Iterable
from dataclasses import replace

from vidlocal.records import Cue

# "[Music]", "(applause)", "*laughs*": about the sound, not in it.
_REMARK = re.compile(r"[\[({*（【][^\])}*）】]*[\])}*）】][.!]?")
_NOTES = re.compile("[♪♫♬♩]+")

# A decoder that hangs says the same line again and again, one line ending where the next begins. People who
# repeat themselves pause.
_LOOP = 3
_TOUCHING_S = 0.25

# The same words five times in a row, or eight times without a space; people do say a word three or four times.
_STUTTER = re.compile(r"(\b\w[^\n]{0,80}?)(?:[\s,.!?;…-]+\1\b){4,}", re.IGNORECASE)
_UNSPACED_STUTTER = re.compile(r"(\w{1,20}?)\1{7,}", re.IGNORECASE)


def remove_hallucinations(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """The cues that hold words somebody may have said, each loop cut down to its first turn."""
    turns: list[list[Cue]] = []
    for cue in map(_in_words, cues):
        if cue.text:
            if turns and _same(turns[-1][-1], cue) and cue.start - turns[-1][-1].end <= _TOUCHING_S:
                turns[-1].append(cue)
            else:
                turns.append([cue])
    return tuple(cue for same in turns for cue in (same[:1] if len(same) >= _LOOP else same))


def _in_words(cue: Cue) -> Cue:
    text = _NOTES.sub(" ", _REMARK.sub(" ", cue.text))
    text = " ".join(_UNSPACED_STUTTER.sub(r"\1", _STUTTER.sub(r"\1", text)).split())
    return replace(cue, text=text if any(character.isalnum() for character in text) else "")


def _same(one: Cue, other: Cue) -> bool:
    return _bare(one.text) == _bare(other.text)


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()
