"""A caption as an ASS subtitle file, for drawing into a picture. Pure."""

from vidlocal.render.sanitize import flat

_LONGEST = 200


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
Dialogue: 0,{_clock(start)},{_clock(end)},Default,{_literal(text)}
"""


def _literal(text: str) -> str:
    """`{` begins a command and `\\N` breaks the line; a word joiner parts the backslash from what follows."""
    shown = flat(text)
    if len(shown) > _LONGEST:
        shown = shown[
            : shown.rfind(" ", _LONGEST // 2, _LONGEST) if " " in shown[_LONGEST // 2 : _LONGEST] else _LONGEST
        ]
        shown += " …"
    return shown.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _clock(seconds: float) -> str:
    """`h:mm:ss.cc`"""
    whole, hundredths = divmod(max(0, round(seconds * 100)), 100)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}.{hundredths:02}"
