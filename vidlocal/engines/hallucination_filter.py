"""Removes typical hallucinations of speech models from a transcript: remarks on sounds, subtitle credits and loops."""

import re
from collections.abc import Iterable
from dataclasses import replace

from vidlocal.records import Cue
from vidlocal.sound_remarks import without_remarks

# Whisper learned from subtitles, and writes their credits for music and noise. Nobody says them.
_CREDITS = re.compile(
    r"amara\.org|dimatorzok|qtss\b|opensubtitles|"
    r"^(?:sous-titr(?:es|age)|untertitel(?:ung)?|subt[ií]tulos|legendas|sottotitoli|ondertitel(?:s|ing)|napisy|субтитры|"
    r"subtitles?|captions?|transcri(?:pt|bed|ption))\b.{0,30}\b"
    r"(?:by|par|von|der|des|im auftrag|por|pela|pelo|a cura|door|stworzone|przez|сделал|создавал|подготов)\b|"
    r"字幕(?:by|制作|提供|志愿者|組|组)",
    re.IGNORECASE,
)
_MAX_CREDIT_CHARACTERS = 100

# A looping decoder repeats a line without a gap. People pause between repetitions.
_MIN_LOOP_CUES = 3
_MAX_LOOP_GAP_S = 0.25

# The same words five times in a row, or eight times without spaces. People repeat a word three or four times.
_STUTTER = re.compile(r"(\b\w[^\n]{0,80}?)(?:[\s,.!?;…-]+\1\b){4,}", re.IGNORECASE)
_UNSPACED_STUTTER = re.compile(r"(\w{1,20}?)\1{7,}", re.IGNORECASE)


def remove_hallucinations(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Remove remarks, credits and empty cues, and reduce each loop to the first repetition."""
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
    """Remove remarks, musical notes and stutter. The text is empty for credits, and if no letter or digit remains."""
    if len(cue.text) <= _MAX_CREDIT_CHARACTERS and _CREDITS.search(cue.text.strip()):
        return replace(cue, text="")
    text = without_remarks(cue.text)
    text = " ".join(_UNSPACED_STUTTER.sub(r"\1", _STUTTER.sub(r"\1", text)).split())
    return replace(cue, text=text if any(character.isalnum() for character in text) else "")


def _same_text(cue: Cue, other: Cue) -> bool:
    return _normalized(cue.text) == _normalized(other.text)


def _normalized(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()
