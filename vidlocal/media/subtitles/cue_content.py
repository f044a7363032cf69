"""Tell subtitles of all the speech from a few lines. Pure."""

from collections.abc import Sequence

from vidlocal.records import Cue
from vidlocal.sound_remarks import has_dialogue

# Subtitles of all the speech: lines fill this share of the time, or stand in this share of the minutes. Of quiet films
# they fill 0.15 and more; the foreign lines of a film fill 0.01.
_MIN_SPOKEN = 0.05
_MIN_SPOKEN_MINUTES = 0.3


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
