"""Formats of the files beside the videos."""

from enum import StrEnum


class SidecarFormat(StrEnum):
    """Format of a sidecar file. The values stand in `--format` and the setting."""

    MD = "md"
    XMP = "xmp"
    NFO = "nfo"
    FFMETADATA = "ffmetadata"
    VTT = "vtt"
    SRT = "srt"


def parse(text: str) -> list[SidecarFormat]:
    """Read formats separated by commas or spaces, without repeats. Raises ValueError for an unknown format."""
    return list(dict.fromkeys(SidecarFormat(name.lower()) for name in text.replace(",", " ").split()))
