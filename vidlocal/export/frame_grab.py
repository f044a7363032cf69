"""The very picture that is seen at a time of a video: from its file, else the nearest one that is stored."""

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vidlocal.errors import MediaError, ToolError
from vidlocal.ingest.sampling import JPEG_QUALITY
from vidlocal.media import files
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.frames import read_frames_at
from vidlocal.media.probe import Prober
from vidlocal.media.timeline import TIME_TOLERANCE_S
from vidlocal.records import FileStamp, Frame, MediaKind, Video
from vidlocal.store.content import frames, videos
from vidlocal.store.database import Library


@dataclass(frozen=True, slots=True)
class FrameGrab:
    """A picture as JPEG, and from when to when it is seen, in seconds. `stood_in`: why it is only the nearest one."""

    jpeg: bytes
    start: float
    end: float
    fallback_reason: str | None = None


def grab_frame(library: Library, video: Video, time: float, *, ffmpeg: str | None) -> FrameGrab | None:
    """What is seen at `time`; None when the library has no picture of the video, and its file cannot give one.

    `ffmpeg` is the one that is configured, None for the usual. Raises MediaError when the stored picture is lost.
    """
    stored = frames.frame_at(library, video.id, time)
    if video.kind is MediaKind.PHOTO and stored is not None:
        return _stored(library, stored, None)
    source = _source(library, video)
    reason = f"The file of {video.title} is not there, or has changed"
    if source is not None and video.kind is MediaKind.VIDEO:
        try:
            return _decoded(source, time, ffmpeg)
        except (MediaError, ToolError) as error:
            reason = str(error).rstrip(".")
    return None if stored is None else _stored(library, stored, reason)


def _source(library: Library, video: Video) -> Path | None:
    """A file that is, by size and time, as it was when the video was taken in; inodes of some drives change."""
    for path, known in videos.stamps(library, video.id).items():
        with suppress(MediaError):
            if _alike(files.read_stamp(path), known):
                return path
    return None


def _alike(one: FileStamp, other: FileStamp) -> bool:
    return (one.size_bytes, one.mtime_ns) == (other.size_bytes, other.mtime_ns)


def _decoded(source: Path, time: float, ffmpeg: str | None) -> FrameGrab:
    with Prober() as prober:
        probe = prober.probe(source)
        times = prober.timeline(source).times
        at = max(0, int(np.searchsorted(times, time + TIME_TOLERANCE_S, side="right")) - 1)
        wanted = [float(times[at])] if len(times) else []
        seen = next(iter(read_frames_at(source, probe, wanted, ffmpeg=find_ffmpeg(ffmpeg), prober=prober)), None)
    if seen is None:
        raise MediaError(f"{source.name} does not show that picture when it is decoded.")
    end = float(times[at + 1]) if at + 1 < len(times) else max(probe.duration, seen.time)
    held = io.BytesIO()
    Image.fromarray(seen.rgb).save(held, "JPEG", quality=JPEG_QUALITY)
    return FrameGrab(held.getvalue(), max(0.0, seen.time), end)


def _stored(library: Library, frame: Frame, reason: str | None) -> FrameGrab:
    return FrameGrab(frames.read_image(library, frame), frame.time, frames.visible_until(library, frame), reason)
