"""A caption as an ASS subtitle file, for drawing into a picture. Pure."""

from vidlocal.render.sanitize import one_line

_MAX_CHARS = 200


def ass(text: str, start: float, end: float, *, width_px: int, height_px: int) -> str:
    """One caption from `start` to `end`, seconds of the clip. Nothing in `text` is a command to the drawer."""
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
    """`{` begins a command and `\\N` breaks the line; a word joiner parts the backslash from what follows."""
    shown = one_line(text)
    if len(shown) > _MAX_CHARS:
        shown = shown[
            : shown.rfind(" ", _MAX_CHARS // 2, _MAX_CHARS)
            if " " in shown[_MAX_CHARS // 2 : _MAX_CHARS]
            else _MAX_CHARS
        ]
        shown += " …"
    return shown.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _timestamp(seconds: float) -> str:
    """`h:mm:ss.cc`"""
    whole, hundredths = divmod(max(0, round(seconds * 100)), 100)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}.{hundredths:02}"
