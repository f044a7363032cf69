"""Tell subtitles of all the speech from a few lines, and from data for players. Pure."""

import re
from collections.abc import Sequence

from vidlocal.records import Cue
from vidlocal.sound_remarks import has_dialogue

# Subtitles of all the speech: lines fill this share of the time, or stand in this share of the minutes. Of quiet films
# they fill 0.15 and more; the foreign lines of a film fill 0.01.
_MIN_SPOKEN = 0.05
_MIN_SPOKEN_MINUTES = 0.3

# WebVTT also carries the pictures of a seek bar, `sprite.jpg#xywh=0,0,160,90`, and JSON.
_PLAYER_DATA = re.compile(
    r"""\S+\.(?:avif|gif|jpe?g|png|webp)(?:[?#]\S*)?|[\[{]?\s*"[\w.-]+"\s*:.*""", re.IGNORECASE | re.DOTALL
)
_MIN_DATA_CUES = 0.8


def is_player_data(cues: Sequence[Cue]) -> bool:
    """Return True for cues that name thumbnails or hold JSON: not made to be read.

    >>> is_player_data([Cue(0, 5, "sprite.jpg#xywh=0,0,160,90")])
    True
    """
    data = sum(_PLAYER_DATA.fullmatch(cue.text) is not None for cue in cues)
    return bool(cues) and data >= _MIN_DATA_CUES * len(cues)


def covers_speech(cues: Sequence[Cue], duration: float) -> bool:
    """Return True for subtitles dense enough for all speech of a video of `duration` seconds, 0 for unknown.

    Not so a few lines, such as those in a foreign language, in a long video.
    """
    dialogue = [cue for cue in cues if has_dialogue(cue.text)]
    if not dialogue:
        return False
    spoken = sum(cue.end - cue.start for cue in dialogue)
    minutes = {int(cue.start / 60) for cue in dialogue}
    return spoken >= _MIN_SPOKEN * duration or len(minutes) >= _MIN_SPOKEN_MINUTES * duration / 60
