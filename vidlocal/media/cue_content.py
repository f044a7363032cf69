"""Tell dialogue from the telemetry that cameras store as subtitles. Pure."""

from collections.abc import Sequence

from vidlocal.records import Cue
from vidlocal.sound_remarks import has_dialogue

# Drones and dashcams write cues such as `F/2.8, SS 320, ISO 100, GPS (8.6, 53.1, 15)`. Of all words at least this share
# has digits, in at least this share of the cues.
_MIN_NUMERIC_WORDS = 0.4
_MIN_TELEMETRY_CUES = 0.8
# A countdown of three is none.
_MIN_CUES = 4


# Subtitles of all the speech: lines fill this share of the time, or stand in this share of the minutes. Of quiet films
# they fill 0.15 and more; the foreign lines of a film fill 0.01.
_MIN_SPOKEN = 0.05
_MIN_SPOKEN_MINUTES = 0.3


def covers_speech(cues: Sequence[Cue], duration: float) -> bool:
    """Return True if subtitles can be those of all the speech of a video of `duration` seconds, 0 for unknown.

    Not so a few lines, such as those in a foreign language, in a long video.
    """
    dialogue = [cue for cue in cues if has_dialogue(cue.text)]
    if not dialogue:
        return False
    spoken = sum(cue.end - cue.start for cue in dialogue)
    minutes = {int(cue.start / 60) for cue in dialogue}
    return spoken >= _MIN_SPOKEN * duration or len(minutes) >= _MIN_SPOKEN_MINUTES * duration / 60


def is_telemetry(cues: Sequence[Cue]) -> bool:
    """Return True for cues of mostly numbers: camera settings, positions or times."""
    numeric = sum(_is_numeric(cue.text) for cue in cues)
    return len(cues) >= _MIN_CUES and numeric >= _MIN_TELEMETRY_CUES * len(cues)


def _is_numeric(text: str) -> bool:
    words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    numbers = sum(any(letter.isdecimal() for letter in word) for word in words)
    return numbers >= _MIN_NUMERIC_WORDS * len(words)
