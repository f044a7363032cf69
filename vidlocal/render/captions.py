"""Clips of one video as subtitles: SubRip and WebVTT. Pure."""

import html
from collections.abc import Sequence

from vidlocal.render.clips import Clip
from vidlocal.render.sanitize import flat

# A caption without a length would never be seen.
_SHORTEST_S = 1.0


def srt(clips: Sequence[Clip]) -> str:
    """SubRip. An arrow in a text becomes a short one, so that no text is taken for a time."""
    cues = (
        f"{number}\n{_clock(clip.start, ',')} --> {_clock(_end(clip), ',')}\n{flat(clip.text).replace('-->', '->')}\n"
        for number, clip in enumerate(clips, 1)
    )
    return "\n".join(cues)


def vtt(clips: Sequence[Clip]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1): `&`, `<` and `>` of a text are written as entities."""
    cues = (
        f"{_clock(clip.start, '.')} --> {_clock(_end(clip), '.')}\n{html.escape(flat(clip.text), quote=False)}\n"
        for clip in clips
    )
    return "\n".join(["WEBVTT\n", *cues])


def _end(clip: Clip) -> float:
    return clip.end if clip.end > clip.start else clip.start + _SHORTEST_S


def _clock(seconds: float, point: str) -> str:
    """`hh:mm:ss,mmm`"""
    whole, thousandths = divmod(max(0, round(seconds * 1000)), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}{point}{thousandths:03}"
