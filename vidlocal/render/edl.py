"""Clips as an edit decision list in the CMX 3600 form, one event behind the other. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePath

from vidlocal.errors import UsageError
from vidlocal.render.clips import Clip, lay_out
from vidlocal.render.sanitize import one_line

# The number of an event has three digits.
MAX_EVENTS = 999
# Where timelines begin by custom, so that nothing before it is negative.
_START_S = 3600


def edl(clips: Sequence[Clip], *, title: str, rate: Fraction) -> str:
    """The list, its time codes without drop frames. Names and texts are in comments, on one line each.

    Raises UsageError for more clips than it can hold.
    """
    if len(clips) > MAX_EVENTS:
        raise UsageError(
            f"An EDL holds {MAX_EVENTS} events and these are {len(clips):,}. Take --format otio or fcpxml."
        )
    base = round(rate)
    lines = [f"TITLE: {one_line(title)[:70]}", "FCM: NON-DROP FRAME", ""]
    for number, placed in enumerate(lay_out(clips, rate), 1):
        at = _START_S * base + placed.timeline_frame
        times = (placed.first_frame, placed.first_frame + placed.frame_count, at, at + placed.frame_count)
        lines += [
            f"{number:03}  {'AX':<8} {'AA/V':<5} C        {' '.join(_timecode(frame, base) for frame in times)}",
            f"* FROM CLIP NAME: {one_line(PurePath(placed.clip.path).name)}",
            f"* COMMENT: {one_line(placed.clip.text)}",
        ]
    return "\n".join(lines) + "\n"


def _timecode(frame: int, base: int) -> str:
    """`hh:mm:ss:ff`"""
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"
