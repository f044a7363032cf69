"""Write one caption as an ASS subtitle file, to burn into a video. Pure."""

from vidlocal.render.sanitize import one_line

_MAX_CHARS = 200


def ass(text: str, start: float, end: float, *, width_px: int, height_px: int) -> str:
    """An ASS file with one caption from `start` to `end`, in seconds of the clip. Overrides in `text` are escaped."""
    size = max(10, min(width_px, height_px) // 16)
    return f"""[Script Info]
ScriptType: v4.00+
PlayResX: {width_px}
PlayResY: {height_px}
WrapStyle: 0

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV
Style: Default,sans-serif,{size},&H00FFFFFF,&H00000000,&H80000000,0,1,{max(1, size // 14)},0,2,{size},{size},{size // 2}

[Events]
Format: Layer, Start, End, Style, Text
Dialogue: 0,{_timestamp(start)},{_timestamp(end)},Default,{_escape(text)}
"""


def _escape(text: str) -> str:
    """Shorten `text`, and escape braces and backslashes: overrides and line breaks in ASS."""
    line = one_line(text)
    if len(line) > _MAX_CHARS:
        space = line.rfind(" ", _MAX_CHARS // 2, _MAX_CHARS)
        line = f"{line[: space if space >= 0 else _MAX_CHARS]} …"
    return line.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _timestamp(seconds: float) -> str:
    """`h:mm:ss.cc`"""
    whole, hundredths = divmod(max(0, round(seconds * 100)), 100)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}.{hundredths:02}"
