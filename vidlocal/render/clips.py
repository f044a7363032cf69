"""A span of a video with its words, as every export format takes it, and its place on an editor's timeline. Pure."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Clip:
    """`duration` is that of the whole video, 0 when nobody knows it; `score` is None for what was not searched for."""

    title: str
    path: str
    start: float
    end: float
    text: str
    kinds: tuple[str, ...] = ()
    score: float | None = None
    video_id: int | None = None
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class TimelineClip:
    """A clip in whole frames: `first` frame of its video, how many, and its frame on the timeline."""

    clip: Clip
    first_frame: int
    frame_count: int
    timeline_frame: int


# The rates of television are 1000/1001 of the whole number beside them (SMPTE ST 12-1).
_NTSC_RATES = {"23.976": 24, "23.98": 24, "29.97": 30, "47.95": 48, "59.94": 60, "119.88": 120}


def parse_frame_rate(text: str) -> Fraction:
    """The exact rate that `25`, `29.97` or `30000/1001` means. Raises ValueError when it is no rate."""
    whole = _NTSC_RATES.get(text.strip())
    try:
        rate = Fraction(whole * 1000, 1001) if whole else Fraction(text.strip()[:20])
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 1000:
        raise ValueError(f"no frame rate: {text!r}")
    return rate


def lay_out(clips: Sequence[Clip], rate: Fraction) -> list[TimelineClip]:
    """The clips one behind the other, each at least one frame long."""
    placed: list[TimelineClip] = []
    at = 0
    for clip in clips:
        first = to_frames(clip.start, rate)
        count = max(1, to_frames(clip.end, rate) - first)
        placed.append(TimelineClip(clip, first, count, at))
        at += count
    return placed


def to_frames(seconds: float, rate: Fraction) -> int:
    return round(Fraction(max(0.0, seconds)) * rate)


def video_length(clips: Sequence[Clip], path: str) -> float:
    """How long the video at `path` is at least, in seconds."""
    return max((max(clip.duration, clip.end) for clip in clips if clip.path == path), default=0.0)


def file_url(path: str) -> str:
    """The file as a URL, whatever bytes its name is made of."""
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:  # not a name that any file of this machine has
        name = path.encode("utf-8", "replace")
    return f"file://{quote(name)}" if Path(path).is_absolute() else quote(name)
