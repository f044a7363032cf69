"""References to moments: `VIDEO@TIME`."""

from math import isfinite

from vidlocal.errors import UsageError
from vidlocal.records import Video
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.timecode import format_time, parse_time


def resolve_moment(library: Library, reference: str) -> tuple[Video, float]:
    """Resolve `VIDEO@TIME` to a video and a time. Raises UsageError, also for a time after the end."""
    name, at, time_text = reference.rpartition("@")
    if not at or not name:
        raise UsageError(f"{reference!r} is not a moment. Example: wedding@1:02:03 or wedding@75.5")
    try:
        time = parse_time(time_text)
    except ValueError as error:
        raise UsageError(f"{time_text!r} is not a time. Examples: 1:02:03, 2:03, 75.5") from error
    video = videos.resolve(library, name)
    if not isfinite(time) or not 0 <= time <= video.duration:
        raise UsageError(f"{video.title} lasts {format_time(video.duration)}; no frame at {time_text}.")
    return video, time
