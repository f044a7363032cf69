"""Find the place of a file without such a tag: in a metadata file beside it, or in a drone's telemetry."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.media.files import read_start
from vidlocal.records import Probe
from vidlocal.video_metadata import VideoMetadata

# Subtitle files of drones: `[latitude: 46.57] [longitude: 8.33]` (or longtitude), in older ones `GPS(8.33,46.57,19)`,
# longitude first.
_BY_NAME = re.compile(r"\[latitude\s*:\s*(-?\d+\.\d+)\]\s*\[long\w*tude\s*:\s*(-?\d+\.\d+)\]")
_BY_ORDER = re.compile(r"GPS\s*\(\s*(?P<longitude>-?\d+\.\d+)\s*,\s*(?P<latitude>-?\d+\.\d+)\s*,")
# The first cues; a drone on the ground may still have no fix.
_SEARCHED_BYTES = 64 << 10


def with_place(path: Path, probe: Probe, beside: VideoMetadata) -> Probe:
    """Add the place of the files beside a video, or of its subtitle file, if the video holds none."""
    if probe.place is not None:
        return probe
    point = beside.location or _telemetry_location(path)
    if point is None:
        return probe
    from vidlocal.media.metadata.cities import find_place  # loads the table of cities

    return replace(probe, place=find_place(point))


def _telemetry_location(path: Path) -> GeoPoint | None:
    for extension in (".SRT", ".srt"):
        with suppress(MediaError):
            text = read_start(path.with_suffix(extension), _SEARCHED_BYTES).decode("utf-8", "replace")
            points = [GeoPoint.checked(float(match[1]), float(match[2])) for match in _BY_NAME.finditer(text)]
            points += [
                GeoPoint.checked(float(match["latitude"]), float(match["longitude"]))
                for match in _BY_ORDER.finditer(text)
            ]
            return next((point for point in points if point), None)
    return None
