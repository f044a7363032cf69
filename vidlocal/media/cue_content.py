"""Tell dialogue from the telemetry that cameras store as subtitles. Pure."""

from collections.abc import Sequence

from vidlocal.records import Cue

# Drones and dashcams write cues such as `F/2.8, SS 320, ISO 100, GPS (8.6, 53.1, 15)`. Of all words at least this share
# has digits, in at least this share of the cues.
_MIN_NUMERIC_WORDS = 0.4
_MIN_TELEMETRY_CUES = 0.8
# A countdown of three is none.
_MIN_CUES = 4


def is_telemetry(cues: Sequence[Cue]) -> bool:
    """Return True for cues of mostly numbers: camera settings, positions or times."""
    numeric = sum(_is_numeric(cue.text) for cue in cues)
    return len(cues) >= _MIN_CUES and numeric >= _MIN_TELEMETRY_CUES * len(cues)


def _is_numeric(text: str) -> bool:
    words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    numbers = sum(any(letter.isdecimal() for letter in word) for word in words)
    return numbers >= _MIN_NUMERIC_WORDS * len(words)
