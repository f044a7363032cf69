"""Build file names from titles and times. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

# Characters forbidden by some file system, or special to shells and players.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
# Device names on Windows, with any extension. A shell expands a leading ~ to a home folder.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.I)
_EDGES = ". -~"
# Common file systems allow 255 bytes; the time, a number and the extension are added to the title.
_MAX_BYTES = 180
_MAX_NUMBER = 10_000


def clip_name(title: str, start: float) -> str:
    """`wedding 0h12m03s`: the sanitized title and the start of the clip. Without extension."""
    minutes, seconds = divmod(max(0, int(start)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sanitize_name(title)} {hours}h{minutes:02}m{seconds:02}s"


def sanitize_name(title: str) -> str:
    """A title as a valid file name on all systems: not hidden, no folder or device, no invisible characters."""
    visible = "".join("_" if unicodedata.category(letter)[0] == "C" else letter for letter in title)
    name = " ".join(_FORBIDDEN.sub("_", visible).split())
    short = name.encode()[:_MAX_BYTES].decode(errors="ignore").strip(_EDGES) or "untitled"
    return f"_{short}" if _RESERVED.fullmatch(short) else short


def numbered_paths(target: Path) -> Iterator[Path]:
    """Yield `a.mp4`, `a 2.mp4`, `a 3.mp4` and so on."""
    yield target
    for number in range(2, _MAX_NUMBER):
        yield target.with_name(f"{target.stem} {number}{target.suffix}")
