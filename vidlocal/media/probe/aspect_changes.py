"""Changes of the pixel aspect within a video, as between films and advertisements of a television recording.

Runs in the child process. ffmpeg gives all frames the aspect of the first.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from vidlocal.media.ffmpeg import MAX_PIXELS
from vidlocal.media.picture_filters import MAX_ASPECT, MIN_ASPECT

# Formats whose streams carry their own headers; in others the container has a single aspect for the whole stream.
FORMATS = frozenset({"mpegts", "mpeg", "mpegvideo", "h264", "hevc"})
# Sequence header (ISO 13818-2, 6.2.2.1) and sequence parameter sets (H.264, 7.3.2.1.1; H.265, 7.3.2.2) by start code.
_HEADERS = {
    "mpeg1video": re.compile(rb"\x00\x00\x01\xb3(.{4})", re.DOTALL),
    "mpeg2video": re.compile(rb"\x00\x00\x01\xb3(.{4})", re.DOTALL),
    "h264": re.compile(rb"\x00\x00\x01[\x07\x27\x47\x67](.*?)\x00\x00[\x00\x01]", re.DOTALL),
    "hevc": re.compile(rb"\x00\x00\x01\x42\x01(.*?)\x00\x00[\x00\x01]", re.DOTALL),
}
# Headers precede the picture.
_SEARCHED_BYTES = 4096
# All of them stand in a command of ffmpeg.
_MAX_CHANGES = 200


@dataclass(slots=True)
class AspectChanges:
    """Changes so far: [stored time in seconds, pixel aspect] of each key frame with another aspect than before."""

    codec: str
    changes: list[list[float]] = field(default_factory=list)
    _header: bytes = b""
    _aspect: float | None = None

    def add_key_frame(self, packet: Any, time: float) -> None:
        """Read the header before a key frame, and decode the frame after a change of the header."""
        pattern = _HEADERS.get(self.codec)
        match = pattern.search(memoryview(packet)[:_SEARCHED_BYTES]) if pattern else None
        if match is None or match[1] == self._header or len(self.changes) >= _MAX_CHANGES:
            return
        is_first, self._header = not self._header, bytes(match[1])
        if is_first:
            return
        aspect = _decoded_aspect(self.codec, packet)
        if aspect is not None and aspect != self._aspect:
            self._aspect = aspect
            self.changes.append([time, aspect])


def _decoded_aspect(codec: str, packet: Any) -> float | None:
    import av.error

    context: Any = av.CodecContext.create(codec, "r")
    context.thread_type = "NONE"
    context.options = {"max_pixels": str(MAX_PIXELS)}
    try:
        context.decode(packet)
        context.decode(None)
    except (av.error.FFmpegError, OSError, ValueError):
        return None
    aspect = float(context.sample_aspect_ratio or 0)
    return aspect if MIN_ASPECT <= aspect <= MAX_ASPECT else None
