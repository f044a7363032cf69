"""Find out if a media file ends before its header says. Runs in the child process, on open containers (av objects)."""

import os
import re
from collections.abc import Sequence
from typing import Any

from vidlocal.media.probe import diagnose

# Each stream has a duration of its own; elsewhere that of the file counts subtitles and telemetry too.
_STREAM_DURATION_FORMATS = frozenset({"mov", "mxf"})
# The header stores the duration; in other formats it is an estimate.
_EXACT_DURATION_FORMATS = frozenset({"mov", "matroska", "avi", "flv", "asf", "wav", "flac", "caf", "aiff", "mxf"})
_ZERO_TAIL_FORMATS = frozenset({"matroska", "avi", "flv", "asf", "mxf", "mpegts", "mpeg", "mov"})
_LIBAV_TIME_BASE = 1_000_000
_MAX_MISSING_S = 0.5
_MAX_MISSING_RATIO = 0.02
_MAX_TAIL_BYTES = 1 << 14
_MIN_TAIL_RATIO = 20
_MIN_ZERO_BYTES = 16
# No packet of these codecs begins with zeros; raw and lossless ones do for black pictures and silence.
_NEVER_ZERO_CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2video", "mjpeg", "prores"),
        *("aac", "mp3", "mp2", "ac3", "eac3", "opus", "vorbis"),
    )
)
_DURATION_TAG = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d{1,12})?)")


def format_name(container: Any) -> str:
    """Short name of the container format, such as "mov" for MP4 and QuickTime."""
    return str(container.format.name.split(",")[0])


def header_duration(container: Any) -> float:
    """Duration of the whole file according to the header; 0 if not stored."""
    return (
        float(container.duration or 0) / _LIBAV_TIME_BASE if format_name(container) in _EXACT_DURATION_FORMATS else 0.0
    )


def is_zero_filled(packet: Any, codec: str) -> bool:
    """True for an empty packet, from a download with space reserved in advance."""
    return (
        codec in _NEVER_ZERO_CODECS and packet.size >= _MIN_ZERO_BYTES and not any(memoryview(packet)[:_MIN_ZERO_BYTES])
    )


def expected_duration(path: str, container: Any, streams: Sequence[Any], *, start: float, others_end: float) -> float:
    """Duration from `start` of the indexed streams according to the header; 0 if unknown.

    `others_end` is the end of the last packet of all other streams, such as subtitles and telemetry.
    """
    container_format, duration = format_name(container), header_duration(container)
    if duration <= 0:
        return 0.0
    if container_format in _STREAM_DURATION_FORMATS:
        own = [float(stream.duration * stream.time_base) for stream in streams if stream.duration]
        duration = min(duration, max(own, default=duration))
        # The first fragment of a live stream may begin late; the header then counts from the start of the stream.
        return duration - start if start > 0 and diagnose.has_box(path, b"moof") else duration
    if container_format == "avi":
        # Without an index, libav computes the duration from the size of the file. The header counts the frames.
        counted = [float(stream.frames * stream.time_base) for stream in streams if stream.type == "video"]
        return max(duration, *counted, 0.0)
    if container_format == "matroska":
        tagged = [_tagged_duration(stream) for stream in streams]
        if tagged and all(tagged):
            duration = min(duration, max(tagged))
        # Counts from 0 on the clock of the file, not from the first frame.
        return (0.0 if not is_missing(others_end, duration) else duration) - max(0.0, start)
    return 0.0 if not is_missing(others_end, duration) else duration


def is_missing(end: float, expected: float) -> bool:
    """True for a gap beyond rounding and a last frame without duration."""
    return expected - end > max(_MAX_MISSING_S, _MAX_MISSING_RATIO * expected)


def missing_tail(path: str, container_format: str) -> str | None:
    """Reason for zero or missing bytes at the end of a video file, apart from packets."""
    if diagnose.declared_bytes(path) > os.path.getsize(path):
        return "truncated: bytes are missing at the end"
    size = os.path.getsize(path)
    length = min(_MAX_TAIL_BYTES, size // _MIN_TAIL_RATIO)
    if container_format == "mov" and diagnose.end_of_boxes(path) > size - length:
        return None  # zeros within the last box are padding
    is_zero = length > 0 and container_format in _ZERO_TAIL_FORMATS and not any(_last_bytes(path, length))
    return "zero-filled at the end" if is_zero else None


def _last_bytes(path: str, length: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(-length, os.SEEK_END)
        return file.read()


def _tagged_duration(stream: Any) -> float:
    """Duration from the statistics tags of Matroska files; 0 without such tags."""
    match = _DURATION_TAG.match(str(stream.metadata.get("DURATION", "")))
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3]) if match else 0.0
