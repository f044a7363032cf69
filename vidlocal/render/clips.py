"""Clips, the input of all export formats, and their frames on an editor's timeline. Pure."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

from vidlocal.records import Word


@dataclass(frozen=True, slots=True)
class Clip:
    """A span of a video with text. `duration`: of the whole video, 0 if unknown; `score` is None without a search.

    `words`: timed words of the text, for formats that can show them. `speaker`: name of who says it. `people`: names of
    those who are seen.
    """

    title: str
    path: str
    start: float
    end: float
    text: str
    kinds: tuple[str, ...] = ()
    score: float | None = None
    video_id: int | None = None
    duration: float = 0.0
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    people: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The text with the speaker in front."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


@dataclass(frozen=True, slots=True)
class TimelineClip:
    """A clip in whole frames: first frame within the video, number of frames, first frame on the timeline."""

    clip: Clip
    first_frame: int
    frame_count: int
    timeline_frame: int


# NTSC rates are 1000/1001 of the whole number (SMPTE ST 12-1).
_NTSC_RATES = {"23.976": 24, "23.98": 24, "29.97": 30, "47.95": 48, "59.94": 60, "119.88": 120}


def timed_parts(text: str, words: Sequence[Word]) -> list[tuple[str, float | None]]:
    """Split a text before its timed words: parts with the start of their first word, None before the first."""
    cuts: list[tuple[int, float | None]] = [(0, None)]
    position = 0
    for word in words:
        place = text.find(word.text, position)
        if place >= 0:
            cuts.append((place, word.start))
            position = place + len(word.text)
    ends = [*(place for place, _ in cuts[1:]), len(text)]
    return [(text[place:end], start) for (place, start), end in zip(cuts, ends, strict=True) if end > place]


def parse_frame_rate(text: str) -> Fraction:
    """Parse `25`, `29.97` or `30000/1001` to the exact frame rate. Raises ValueError."""
    whole = _NTSC_RATES.get(text.strip())
    try:
        rate = Fraction(whole * 1000, 1001) if whole else Fraction(text.strip()[:20])
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 1000:
        raise ValueError(f"invalid frame rate: {text!r}")
    return rate


def lay_out(clips: Sequence[Clip], rate: Fraction) -> list[TimelineClip]:
    """Place the clips on a timeline in sequence, each at least one frame long."""
    timeline: list[TimelineClip] = []
    position = 0
    for clip in clips:
        first = to_frames(clip.start, rate)
        count = max(1, to_frames(clip.end, rate) - first)
        timeline.append(TimelineClip(clip, first, count, position))
        position += count
    return timeline


def to_frames(seconds: float, rate: Fraction) -> int:
    return round(Fraction(max(0.0, seconds)) * rate)


def video_length(clips: Sequence[Clip], path: str) -> float:
    """Minimum length of the video at `path`, in seconds."""
    return max((max(clip.duration, clip.end) for clip in clips if clip.path == path), default=0.0)


def file_url(path: str) -> str:
    """URL of a file. Names may be any bytes."""
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:  # the path cannot exist on this machine
        name = path.encode("utf-8", "replace")
    return f"file://{quote(name)}" if Path(path).is_absolute() else quote(name)
