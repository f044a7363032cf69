"""Formats of the files beside the videos."""

from enum import StrEnum


class SidecarFormat(StrEnum):
    """Format of a file beside a video. The values are those of `--format` and of the setting."""

    MD = "md"
    XMP = "xmp"
    NFO = "nfo"
    FFMETADATA = "ffmetadata"
    VTT = "vtt"
    SRT = "srt"


def parse(text: str) -> list[SidecarFormat]:
    """Read formats separated by commas or spaces, each once. Raises ValueError for an unknown one."""
    return list(dict.fromkeys(SidecarFormat(name.lower()) for name in text.replace(",", " ").split()))
