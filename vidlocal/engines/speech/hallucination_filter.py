"""Removes typical hallucinations of speech models from a transcript: remarks on sounds, subtitle credits and loops."""

import re
from collections.abc import Iterable, Sequence
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

# Whisper also learned the farewells of web videos, and says them over music and applause. People say them, too: once,
# and clearly.
_FAREWELL = re.compile(
    r"(?:thank you|thanks) (?:so much |very much )?for (?:watching|listening|viewing)|(?:please |don t forget to )?"
    r"(?:like and )?subscribe\b.{0,30}|ご視聴ありがとうございました|"
    r"시청해 ?주셔서 감사합니다|(?:感谢|谢谢|謝謝)(?:大家|您的)?(?:观看|收看|觀看)|"
    r"спасибо за просмотр|merci d avoir regardé.{0,20}|gracias por ver.{0,12}|vielen dank fürs zuschauen|"
    r"obrigad[oa] por assistir.{0,12}|grazie per aver guardato.{0,12}|dziękuję za obejrzenie.{0,12}"
)
_MIN_FAREWELL_CONFIDENCE = 0.7
_MAX_FAREWELLS = 2

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


def remove_farewells(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """Remove farewells such as "Thanks for watching!" with low confidence or repeated."""
    farewells = [cue for cue in cues if _FAREWELL.fullmatch(_normalized(cue.text))]
    is_repeated = len(farewells) > _MAX_FAREWELLS
    invented = [
        cue
        for cue in farewells
        if is_repeated or (cue.confidence is not None and cue.confidence < _MIN_FAREWELL_CONFIDENCE)
    ]
    return tuple(cue for cue in cues if cue not in invented)


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
