"""Remarks about sounds in transcripts and subtitles, such as `[Music]`, `(applause)` or `♪`. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace

from vidlocal.records import Cue

# `[door slams]`, `(laughter)`, `*sighs*` and the like in other scripts.
_REMARK = re.compile(
    r"(?:\[([^\]]*)\]|\(([^)]*)\)|\{([^}]*)\}|（([^）]*)）|【([^】]*)】|［([^］]*)］|\*([^*]*)\*)[.!]?"
)
_NOTES = re.compile("[♪♫♬♩🎵🎶]+")
_SONG = re.compile("[♪♫♬♩🎵🎶][^♪♫♬♩🎵🎶]*[♪♫♬♩🎵🎶]*")

# Remarks of Whisper about the lack of a sound, or of words.
_NO_SOUNDS = frozenset(("blank audio", "silence", "no audio", "no sound", "inaudible", "unintelligible", "pause"))
_MUSIC = "music"

# The same sound with less than this between two cues is one.
_MAX_GAP_S = 3.0


def without_remarks(text: str) -> str:
    """Remove remarks and musical notes. The words of a song stay."""
    return " ".join(_NOTES.sub(" ", _REMARK.sub(" ", text)).split())


def has_dialogue(text: str) -> bool:
    """Return True if a text is more than remarks and songs."""
    return any(letter.isalnum() for letter in _SONG.sub(" ", _REMARK.sub(" ", text)))


def remarks(text: str) -> tuple[str, ...]:
    """List the sounds named in a text, without brackets. Notes alone are music."""
    named = (" ".join(filter(None, match.groups())) for match in _REMARK.finditer(text))
    sounds = [" ".join(remark.replace("_", " ").split()).strip(" .…-") for remark in named]
    if not sounds and _NOTES.search(text) and not _has_letters(without_remarks(text)):
        sounds = [_MUSIC]
    return tuple(sound for sound in sounds if _has_letters(sound) and sound.casefold() not in _NO_SOUNDS)


def sound_cues(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Cues of the sounds named in cues, a continuous sound as a single cue."""
    sounds: list[Cue] = []
    latest: dict[str, int] = {}
    for cue in cues:
        for sound in remarks(cue.text):
            position = latest.get(sound.casefold())
            if position is not None and cue.start - sounds[position].end <= _MAX_GAP_S:
                sounds[position] = replace(sounds[position], end=max(sounds[position].end, cue.end))
                continue
            latest[sound.casefold()] = len(sounds)
            sounds.append(replace(cue, text=sound, words=()))
    return tuple(sounds)


def merge_sounds(sounds: Iterable[Cue]) -> tuple[Cue, ...]:
    """Merge cues of the same sound without a gap, as `sound_cues` does."""
    return sound_cues(replace(sound, text=f"[{sound.text}]") for sound in sounds)


def _has_letters(text: str) -> bool:
    return any(letter.isalnum() for letter in text)
