"""Write clips as an edit decision list (EDL) in CMX 3600 format, a sequence of events. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePath

from vidlocal.errors import UsageError
from vidlocal.render.clips import Clip, lay_out
from vidlocal.render.sanitize import one_line

# Event numbers have three digits.
MAX_EVENTS = 999
# Timelines start at one hour by convention, so that earlier times are not negative.
_START_S = 3600


def edl(clips: Sequence[Clip], *, title: str, rate: Fraction) -> str:
    """An EDL with non-drop-frame timecode. Names and texts are comments of a line.

    Raises UsageError for more than MAX_EVENTS clips.
    """
    if len(clips) > MAX_EVENTS:
        raise UsageError(f"EDL is limited to {MAX_EVENTS} events, not {len(clips):,}. Use --format otio or fcpxml.")
    base = round(rate)
    lines = [f"TITLE: {one_line(title)[:70]}", "FCM: NON-DROP FRAME", ""]
    for number, item in enumerate(lay_out(clips, rate), 1):
        start = _START_S * base + item.timeline_frame
        times = (item.first_frame, item.first_frame + item.frame_count, start, start + item.frame_count)
        lines += [
            f"{number:03}  {'AX':<8} {'AA/V':<5} C        {' '.join(_timecode(frame, base) for frame in times)}",
            f"* FROM CLIP NAME: {one_line(PurePath(item.clip.path).name)}",
            f"* COMMENT: {one_line(item.clip.text)}",
        ]
    return "\n".join(lines) + "\n"


def _timecode(frame: int, base: int) -> str:
    """`hh:mm:ss:ff`"""
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"
