"""Readings of cameras in subtitle tracks: settings, positions, heights. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vidlocal.records import Cue

# Drones and dashcams write cues such as `F/2.8, SS 320, ISO 100, GPS (8.6, 53.1, 15)`. Of all words at least this share
# has digits, in at least this share of the cues.
_MIN_NUMERIC_WORDS = 0.4
_MIN_NUMERIC_CUES = 0.8
# A countdown of three is none.
_MIN_CUES = 4

# Drones write a cue per frame.
_MIN_INTERVAL_S = 1.0

# `[iso: 100]`, `GPS (8.6, 53.1, 15)`, and `F/2.8` or `H.S 0.00m/s`.
_PAIR = re.compile(r"([A-Za-z][\w.]*)(?:\s*:\s*([^\s,:\[\]]+)(?=[\s,\]]|$)|\s*(\([^)]*\))|[ /]([+-]?\d[^\s,]*))")
_CLOCK = re.compile(r"\d+[-/.]\d+[-/.]\d+[T ]+\d+:\d\d(?::\d\d)?[\d.,]*|\b\d\d?:\d\d:\d\d\S*")


@dataclass(frozen=True, slots=True)
class Reading:
    """Values by name at a time (s). Names and values as written by the camera, with units; `clock` is a date and time.

    `text` is the whole line, where it holds numbers without a name.
    """

    time: float
    values: Mapping[str, str]


def is_telemetry(cues: Sequence[Cue]) -> bool:
    """Return True for cues of mostly numbers: camera settings, positions or times."""
    numeric = sum(_is_numeric(cue.text) for cue in cues)
    return len(cues) >= _MIN_CUES and numeric >= _MIN_NUMERIC_CUES * len(cues)


def _is_numeric(text: str) -> bool:
    words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    numbers = sum(any(letter.isdecimal() for letter in word) for word in words)
    return numbers >= _MIN_NUMERIC_WORDS * len(words)


def readings(cues: Sequence[Cue]) -> list[Reading]:
    """Return at most a reading per second."""
    chosen: list[Reading] = []
    for cue in sorted(cues, key=lambda cue: cue.start):
        if not chosen or cue.start >= chosen[-1].time + _MIN_INTERVAL_S:
            chosen.append(Reading(cue.start, values(cue.text)))
    return chosen


def values(text: str) -> dict[str, str]:
    """Read a cue: `[iso: 100] [latitude: 46.57]` gives `{"iso": "100", "latitude": "46.57"}`."""
    clock = _CLOCK.search(text)
    rest = _CLOCK.sub(" ", text)
    pairs = {match[1]: match[2] or match[3] or match[4] for match in _PAIR.finditer(rest)}
    if clock is not None:
        pairs["clock"] = clock[0]
    if any(letter.isdecimal() for letter in _PAIR.sub("", rest)):
        pairs["text"] = " ".join(text.split())
    return pairs
