"""Write captions as ASS subtitles: a single caption to burn into a video, or all captions of a video. Pure."""

from collections.abc import Sequence

from vidlocal.render.clips import Clip, timed_parts
from vidlocal.render.sanitize import one_line

_MAX_CHARS = 200

# Size of the picture that positions and font sizes of a file refer to; players scale it.
_WIDTH_PX, _HEIGHT_PX = 1920, 1080

# A clip without a length gets a caption of this length.
_MIN_CAPTION_S = 1.0


def ass(text: str, start: float, end: float, *, width_px: int, height_px: int) -> str:
    """An ASS file with a caption from `start` to `end`, in seconds of the clip. Overrides in `text` are escaped."""
    lines = [_dialogue(start, end, _escape(_shortened(one_line(text))))]
    return _document(lines, width_px=width_px, height_px=height_px)


def ass_file(clips: Sequence[Clip]) -> str:
    """All clips of a video, with gradually filled words where their times are known (karaoke)."""
    lines = [
        _dialogue(clip.start, max(clip.end, clip.start + _MIN_CAPTION_S), f"{_speaker(clip)}{_karaoke(clip)}")
        for clip in clips
    ]
    return _document(lines, width_px=_WIDTH_PX, height_px=_HEIGHT_PX)


def _karaoke(clip: Clip) -> str:
    r"""The text with `{\kf…}` before each word: the time until the next word, in hundredths of a second."""
    parts = timed_parts(one_line(clip.text), clip.words)
    times = [clip.start if start is None else min(max(start, clip.start), clip.end) for _, start in parts]
    ends = [*times[1:], clip.end]
    if not clip.words:
        return _escape(one_line(clip.text))
    return "".join(
        f"{{\\kf{round(100 * max(0.0, end - start))}}}{_escape(text)}"
        for (text, _), start, end in zip(parts, times, ends, strict=True)
    )


def _speaker(clip: Clip) -> str:
    return f"{_escape(one_line(clip.speaker))}: " if clip.speaker else ""


def _dialogue(start: float, end: float, text: str) -> str:
    return f"Dialogue: 0,{_timestamp(start)},{_timestamp(end)},Default,{text}"


def _document(lines: Sequence[str], *, width_px: int, height_px: int) -> str:
    size = max(10, min(width_px, height_px) // 16)
    return f"""[Script Info]
ScriptType: v4.00+
PlayResX: {width_px}
PlayResY: {height_px}
WrapStyle: 0

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, BorderStyle, \
Outline, Shadow, Alignment, MarginL, MarginR, MarginV
Style: Default,sans-serif,{size},&H00FFFFFF,&H0000A5FF,&H00000000,&H80000000,0,1,{max(1, size // 14)},0,2,{size},\
{size},{size // 2}

[Events]
Format: Layer, Start, End, Style, Text
{chr(10).join(lines)}
"""


def _shortened(line: str) -> str:
    if len(line) <= _MAX_CHARS:
        return line
    space = line.rfind(" ", _MAX_CHARS // 2, _MAX_CHARS)
    return f"{line[: space if space >= 0 else _MAX_CHARS]} …"


def _escape(text: str) -> str:
    """Escape braces and backslashes: overrides and line breaks in ASS."""
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _timestamp(seconds: float) -> str:
    """`h:mm:ss.cc`"""
    whole, hundredths = divmod(max(0, round(seconds * 100)), 100)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}.{hundredths:02}"
