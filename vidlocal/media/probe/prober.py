"""Probe media files in a child process."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint, Place
from vidlocal.media import files
from vidlocal.media.decoded_frame import LONG_SIDE_PX, DecodedFrame
from vidlocal.media.ffmpeg import input_path
from vidlocal.media.metadata.xmp import parse_xmp
from vidlocal.media.picture_filters import ROTATION_FILTERS, StoredPicture
from vidlocal.media.timeline import ClockSegment, Timeline
from vidlocal.process import Worker, WorkerCrashed, WorkerTimedOut
from vidlocal.records import AudioTrack, Cue, FileStamp, MediaKind, Probe, SubtitleTrack
from vidlocal.video_metadata import NO_METADATA, VideoMetadata

# Every byte is read once. Allows for a slow disk, and for a decoder that is slow on a small damaged file.
_TIMEOUT = 25.0
_MIN_BYTES_PER_S = 4e6
_MEMORY_BYTES = 4 << 30

_Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """Format of a video stream by its header: size as stored, `matrix` the number in ITU-T H.273."""

    index: int
    codec: str
    profile: str
    pixel_format: str
    width_px: int
    height_px: int
    hdr: str | None
    matrix: int
    frame_rate_hz: float


@dataclass(frozen=True, slots=True)
class StreamFormats:
    """Container, duration (0 if unknown) and main streams of a file by its header."""

    container: str
    duration: float
    video: PictureFormat | None
    audio: AudioTrack | None


class Prober:
    """Opens media files in a child process, restarted after a crash. A context manager."""

    def __init__(self) -> None:
        self._worker = Worker("vidlocal.media.probe.probe_child", name="Media decoder", memory_bytes=_MEMORY_BYTES)
        self._cached: tuple[Path, FileStamp, Timeline] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    def probe(self, path: Path) -> Probe:
        """Read the properties of a file from the header and all packets.

        Raises MediaError if the file is not media, empty, incomplete, encrypted, corrupt, a playlist or larger than 8K.
        """
        stamp = files.read_stamp(path)
        if stamp.size_bytes == 0:
            raise MediaError(f"{path.name}: file is empty.")
        values, payload = self._ask(path, stamp, {"do": "probe"})
        if "photo" in values:
            return _photo(values)
        probe = _container(values)
        if probe.kind is MediaKind.VIDEO:
            self._cached = (path, stamp, _timeline(values, payload))
        return probe

    def require_media(self, path: Path) -> None:
        """Raise MediaError if the content of a file is neither video, audio nor photo. Reads the header only."""
        self._ask(path, files.read_stamp(path), {"do": "check"})

    def formats(self, path: Path) -> StreamFormats:
        """Formats of the main streams of a film or recording, by the header only: takes milliseconds.

        Raises MediaError.
        """
        values, _ = self._ask(path, files.read_stamp(path), {"do": "formats"})
        video, audio = values["video"], values["audio"]
        return StreamFormats(
            container=values["container"],
            duration=float(values["duration"] or 0.0),
            video=None if video is None else PictureFormat(**video),
            audio=None if audio is None else AudioTrack(**audio),
        )

    def timeline(self, path: Path) -> Timeline:
        """Presentation times of all frames. Cached after `probe` of the same file."""
        if self._cached is None or self._cached[0] != path or not files.is_unchanged(path, self._cached[1]):
            self.probe(path)
        if self._cached is None or self._cached[0] != path:
            raise MediaError(f"{path.name}: no video stream.")
        return self._cached[2]

    def read_photo(self, path: Path, long_side_px: int = LONG_SIDE_PX) -> DecodedFrame:
        """Decode a photo: upright, RGB, scaled down to `long_side_px`, at time 0. Raises MediaError."""
        values, payload = self._ask(path, files.read_stamp(path), {"do": "photo", "long_side_px": long_side_px})
        shape = (int(values["height_px"]), int(values["width_px"]), 3)
        return DecodedFrame(0.0, np.frombuffer(payload, np.uint8).reshape(shape))

    def _ask(self, path: Path, stamp: FileStamp, request: dict[str, object]) -> tuple[_Values, bytes]:
        timeout = _TIMEOUT + stamp.size_bytes / _MIN_BYTES_PER_S
        try:
            reply = self._worker.call({**request, "path": input_path(path)}, timeout=timeout)
        except WorkerTimedOut as error:
            raise MediaError(f"{path.name}: corrupt, reading took longer than {timeout:.0f} s.") from error
        except WorkerCrashed as error:
            raise MediaError(f"{path.name}: corrupt, the decoder crashed.") from error
        return reply.values, reply.payload


def _photo(values: _Values) -> Probe:
    return Probe(
        kind=MediaKind.PHOTO,
        duration=0.0,
        width_px=values["width_px"],
        height_px=values["height_px"],
        container=values["container"],
        video_codec=values["video_codec"],
        recorded_at=values["recorded_at"],
        partial=values["partial"],
        place=_place(values),
        camera=values.get("camera"),
        metadata=_metadata(values),
    )


def _container(values: _Values) -> Probe:
    shared: dict[str, Any] = {name: values[name] for name in _ALWAYS} | {
        "audio": tuple(AudioTrack(**track) for track in values["audio"]),
        "subtitles": tuple(SubtitleTrack(**track) for track in values["subtitles"]),
        "chapters": tuple(Cue(**chapter) for chapter in values.get("chapters", ())),
        "place": _place(values),
        "camera": values.get("camera"),
        "metadata": _metadata(values),
    }
    if "video_codec" not in values:
        return Probe(kind=MediaKind.AUDIO, **shared)
    return Probe(kind=MediaKind.VIDEO, **shared, **{name: values[name] for name in _OF_VIDEO})


def _place(values: _Values) -> Place | None:
    """The place at the coordinates of a file."""
    if not values.get("location"):
        return None
    from vidlocal.media.metadata.cities import find_place  # loads the table of cities

    return find_place(GeoPoint(*values["location"]))


def _metadata(values: _Values) -> VideoMetadata:
    """The metadata of the XMP within a file; empty for missing or unreadable XMP."""
    if values.get("xmp"):
        with suppress(MediaError):
            return parse_xmp(values["xmp"])
    return NO_METADATA


_ALWAYS = ("duration", "start", "container", "recorded_at", "title", "partial")
_OF_VIDEO = (
    "width_px",
    "height_px",
    "video_codec",
    "video_index",
    "rotation",
    "sample_aspect",
    "frame_rate_hz",
    "hdr",
    "first_key_frame",
)


def _timeline(values: _Values, payload: bytes) -> Timeline:
    times = np.frombuffer(payload, np.float64)
    frames, keys, damaged = np.split(times, np.cumsum([int(values["frames"]), int(values["key_frames"])]))
    return Timeline(
        times=frames,
        key_times=keys,
        segments=tuple(ClockSegment(*segment) for segment in values["segments"]),
        can_seek=bool(values["can_seek"]),
        has_times=bool(values["has_times"]),
        picture=_picture(values["picture"]),
        damaged_times=damaged,
    )


def _picture(values: _Values) -> StoredPicture:
    filters = tuple(name for name in values["rotation_filters"] if name in ROTATION_FILTERS)
    changes = tuple((float(time), float(aspect)) for time, aspect in values.get("aspect_changes", ()))
    return StoredPicture(**{**values, "rotation_filters": filters, "aspect_changes": changes})
