"""Recognise animated GIF, PNG, AVIF and WebP as films. Runs in the child process."""

from typing import BinaryIO

import numpy as np
from PIL import Image

from vidlocal.media.ffmpeg import WEBP_FORMAT
from vidlocal.media.probe import completeness

Values = dict[str, object]

_MAX_CHUNKS = 100_000
_ANIMATION_FLAG = 0x02
_DEFAULT_DURATION_MS = 100  # of a frame without one, as in browsers


def is_animated(path: str) -> bool:
    """True for a GIF, PNG or AVIF with a sequence of images."""
    try:
        with Image.open(path, formats=("GIF", "PNG", "AVIF")) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return False


def read_webp(path: str) -> tuple[Values, bytes] | None:
    """Properties and frame times of an animated WebP, as in container_child.read; None for other files.

    The layout is that of the WebP Container Specification; libav before version 9 has no reader for animations.
    """
    with open(path, "rb") as file:
        head = file.read(30)
        if head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X" or not head[20] & _ANIMATION_FLAG:
            return None
        durations = _frame_durations(file)
    if len(durations) < 2:
        return None
    width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    starts = np.concatenate(([0.0], np.cumsum(durations)))
    times, duration = starts[:-1], float(starts[-1])
    values = {
        "container": WEBP_FORMAT,
        "start": 0.0,
        "duration": duration,
        "audio": [],
        "subtitles": [],
        "title": None,
        "recorded_at": None,
        "partial": completeness.missing_tail(path, WEBP_FORMAT),
        "video_codec": "webp",
        "video_index": 0,
        "width_px": width,
        "height_px": height,
        "sample_aspect": 1.0,
        "frame_rate_hz": len(durations) / duration,
        "rotation": 0,
        "hdr": None,
        "picture": {"width_px": width, "height_px": height, "is_rgb": True, "has_alpha": True, "rotation_filters": []},
        "first_key_frame": 0.0,
        "frames": len(times),
        "key_frames": len(times),
        "segments": [[0.0, float(times[-1]), 0.0]],
        "has_times": True,
        "can_seek": False,
    }
    return values, times.tobytes() * 2


def _frame_durations(file: BinaryIO) -> list[float]:
    """Durations of the frames in seconds."""
    durations: list[float] = []
    file.seek(12)
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length = int.from_bytes(head[4:], "little")
        length += length % 2
        if head[:4] == b"ANMF":
            frame = file.read(16)
            durations.append((int.from_bytes(frame[12:15], "little") or _DEFAULT_DURATION_MS) / 1000)
            length -= len(frame)
        file.seek(length, 1)
    return durations
