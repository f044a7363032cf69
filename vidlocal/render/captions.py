"""Write clips of a video as subtitles: SubRip and WebVTT. Pure."""

import html
from collections.abc import Sequence

from vidlocal.records import Chapter
from vidlocal.render.clips import Clip, timed_parts
from vidlocal.render.sanitize import one_line

# A clip without a length gets a caption of this length.
_MIN_CAPTION_S = 1.0


def srt(clips: Sequence[Clip]) -> str:
    """SubRip. `-->` in a text becomes `->`: parsers would find a timing line."""
    return "\n".join(
        f"{number}\n{_timing(clip, ',')}\n{one_line(clip.line).replace('-->', '->')}\n"
        for number, clip in enumerate(clips, 1)
    )


def vtt(clips: Sequence[Clip]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1), with voice spans. `&`, `<` and `>` of a text become entities."""
    cues = (f"{_timing(clip, '.')}\n{_voice(clip)}{_vtt_text(clip)}\n" for clip in clips)
    return "\n".join(["WEBVTT\n", *cues])


def _voice(clip: Clip) -> str:
    return f"<v {html.escape(one_line(clip.speaker), quote=False)}>" if clip.speaker else ""


def _vtt_text(clip: Clip) -> str:
    """The text, with a timestamp before each word if the times are known."""
    return "".join(
        (f"<{_timestamp(start, '.')}>" if start is not None and clip.start < start < clip.end else "")
        + html.escape(text, quote=False)
        for text, start in timed_parts(one_line(clip.text), clip.words)
    )


def chapter_track(chapters: Sequence[Chapter]) -> str:
    """WebVTT with the titles of chapters."""
    cues = (
        f"{_timestamp(chapter.start, '.')} --> {_timestamp(max(chapter.end, chapter.start + _MIN_CAPTION_S), '.')}\n"
        f"{html.escape(one_line(chapter.title), quote=False)}\n"
        for chapter in chapters
    )
    return "\n".join(["WEBVTT\n", *cues])


def _timing(clip: Clip, point: str) -> str:
    end = clip.end if clip.end > clip.start else clip.start + _MIN_CAPTION_S
    return f"{_timestamp(clip.start, point)} --> {_timestamp(end, point)}"


def _timestamp(seconds: float, point: str) -> str:
    """`hh:mm:ss,mmm`, the comma replaced by `point`."""
    whole, thousandths = divmod(max(0, round(seconds * 1000)), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}{point}{thousandths:03}"
