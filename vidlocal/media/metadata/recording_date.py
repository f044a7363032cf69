"""Find the recording date of a file without such a tag: in a metadata file beside it, or in its name."""

import re
from dataclasses import replace
from pathlib import Path

from vidlocal.media.metadata.name_dates import date_in_name
from vidlocal.records import Probe
from vidlocal.video_metadata import VideoMetadata

_TIME = r"(?: at )?[-_. T]?([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)(?!\d{4})"
_UTC_PREFIX = "PXL_"  # Pixel phones name files by UTC


def with_date(path: Path, probe: Probe, beside: VideoMetadata) -> Probe:
    """Add the recording date of the files beside a video, or in its name, if the video holds none."""
    if probe.recorded_at is not None:
        return probe
    return replace(probe, recorded_at=beside.recorded_at or _name_date(path.stem))


def _name_date(stem: str) -> str | None:
    """Return the day in a name, with the time if present. Years and months alone may be about the content."""
    day = date_in_name(stem)
    if day is None or len(day) < len("2023-07-14"):
        return None
    time = re.search(day.replace("-", "[-_. ]?") + _TIME, stem)
    if time is None:
        return day
    return f"{day}T{':'.join(time.groups())}{'+00:00' if stem.startswith(_UTC_PREFIX) else ''}"
