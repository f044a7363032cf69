"""Tell dialogue from other cues: remarks, song lyrics, and the telemetry that cameras store as subtitles. Pure."""

import re
from collections.abc import Sequence

from vidlocal.records import Cue

# `[door slams]`, `(laughter)`, `*sighs*`, `♪ la la ♪`.
_REMARK = re.compile(r"\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|\*[^*]*\*|[♪♫][^♪♫]*[♪♫]?")

# Drones and dashcams write cues such as `F/2.8, SS 320, ISO 100, GPS (8.6, 53.1, 15)`. Of all words at least this share
# has digits, in at least this share of the cues.
_MIN_NUMERIC_WORDS = 0.4
_MIN_TELEMETRY_CUES = 0.8
# A countdown of three is none.
_MIN_CUES = 4


def has_dialogue(cues: Sequence[Cue]) -> bool:
    """Return True if any cue is more than remarks and lyrics."""
    return any(any(letter.isalnum() for letter in _REMARK.sub("", cue.text)) for cue in cues)


def is_telemetry(cues: Sequence[Cue]) -> bool:
    """Return True for cues of mostly numbers: camera settings, positions or times."""
    numeric = sum(_is_numeric(cue.text) for cue in cues)
    return len(cues) >= _MIN_CUES and numeric >= _MIN_TELEMETRY_CUES * len(cues)


def _is_numeric(text: str) -> bool:
    words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    numbers = sum(any(letter.isdecimal() for letter in word) for word in words)
    return numbers >= _MIN_NUMERIC_WORDS * len(words)
