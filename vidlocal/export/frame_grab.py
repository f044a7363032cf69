"""Grab the frame visible at a time of a video: from the file, else the nearest stored frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vidlocal.errors import MediaError, ToolError
from vidlocal.ingest.sampling import encode_frame
from vidlocal.media import files
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.frames import read_frames_at
from vidlocal.media.probe.prober import Prober
from vidlocal.media.timeline import TIME_TOLERANCE_S
from vidlocal.records import Frame, MediaKind, Video
from vidlocal.store.content import frame_images, frames, videos
from vidlocal.store.database import Library


@dataclass(frozen=True, slots=True)
class FrameGrab:
    """A frame as JPEG, visible from `start` to `end` (seconds). `fallback_reason`: why a stored frame was used."""

    jpeg: bytes
    start: float
    end: float
    fallback_reason: str | None = None


def grab_frame(library: Library, video: Video, time: float, *, ffmpeg: str | None) -> FrameGrab | None:
    """Return the frame at `time`; None without a readable file and without stored frames.

    `ffmpeg`: configured program, None for the default. Raises MediaError if the stored image is missing.
    """
    stored = frames.frame_at(library, video.id, time)
    if video.kind is MediaKind.PHOTO and stored is not None:
        return _grab_stored(library, stored, None)
    source = files.find_source(videos.stamps(library, video.id), video.content_hash)
    reason = f"{video.path}: not found or changed"
    if source is not None and video.kind is MediaKind.VIDEO:
        try:
            return _grab_from_file(source, time, ffmpeg)
        except (MediaError, ToolError) as error:
            reason = str(error).rstrip(".")
    return None if stored is None else _grab_stored(library, stored, reason)


def _grab_from_file(source: Path, time: float, ffmpeg: str | None) -> FrameGrab:
    with Prober() as prober:
        probe = prober.probe(source)
        times = prober.timeline(source).times
        position = max(0, int(np.searchsorted(times, time + TIME_TOLERANCE_S, side="right")) - 1)
        frame_times = [float(times[position])] if len(times) else []
        decoded = read_frames_at(source, probe, frame_times, ffmpeg=find_ffmpeg(ffmpeg), prober=prober)
        frame = next(iter(decoded), None)
    if frame is None:
        raise MediaError(f"{source.name}: the frame cannot be decoded.")
    end = float(times[position + 1]) if position + 1 < len(times) else max(probe.duration, frame.time)
    return FrameGrab(encode_frame(Image.fromarray(frame.rgb)), max(0.0, frame.time), end)


def _grab_stored(library: Library, frame: Frame, reason: str | None) -> FrameGrab:
    return FrameGrab(frame_images.read(library, frame), frame.time, frames.visible_until(library, frame), reason)
