"""Names of files made from titles and times. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

# What some file system forbids, or a shell or player takes for more than a letter.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
# Devices on Windows, with any ending; and what a shell takes for a home, which nobody wants to remove.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.I)
_EDGES = ". -~"
# Of the 255 bytes that common file systems allow; the time, a number and the ending come after it.
_MAX_BYTES = 180
_MAX_NUMBER = 10_000


def clip_name(title: str, start: float) -> str:
    """`wedding 0h12m03s`: the title as any file system takes it, and when the clip starts. Without an ending."""
    minutes, seconds = divmod(max(0, int(start)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sanitize_name(title)} {hours}h{minutes:02}m{seconds:02}s"


def sanitize_name(title: str) -> str:
    """A title as a name that is hidden nowhere, names no folder or device and holds nothing that cannot be seen."""
    shown = "".join("_" if unicodedata.category(letter)[0] == "C" else letter for letter in title)
    name = " ".join(_FORBIDDEN.sub("_", shown).split())
    short = name.encode()[:_MAX_BYTES].decode(errors="ignore").strip(_EDGES) or "untitled"
    return f"_{short}" if _RESERVED.fullmatch(short) else short


def numbered_paths(target: Path) -> Iterator[Path]:
    """`a.mp4`, `a 2.mp4`, `a 3.mp4` and so on."""
    yield target
    for number in range(2, _MAX_NUMBER):
        yield target.with_name(f"{target.stem} {number}{target.suffix}")
