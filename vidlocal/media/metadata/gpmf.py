"""Position and camera in the telemetry of GoPro cameras. Pure.

The format is GPMF (https://github.com/gopro/gpmf-parser): entries of a key of four letters, a type, the size of an
item, the number of items, and the items, padded to 4 bytes. Type 0 holds further entries.
"""

import struct
from collections.abc import Iterator

from vidlocal.geography import GeoPoint
from vidlocal.media.probe.stream_info import camera_name

_NO_FIX = 0
_MAKER = "GoPro"
_UNNAMED = "Camera"  # of a HERO5
_MAX_DEPTH = 4


def first_fix(payload: bytes) -> GeoPoint | None:
    """Return the first position of a telemetry packet; None without a fix."""
    scale, has_fix = (1e7, 1e7), False
    for key, data in _entries(payload):
        if key == b"SCAL" and len(data) >= 8:
            first, second = struct.unpack_from(">2i", data)
            scale = (float(first or 1), float(second or 1))
        elif key == b"GPSF" and len(data) >= 4:
            has_fix = struct.unpack_from(">I", data)[0] != _NO_FIX
        elif key in (b"GPS5", b"GPS9") and len(data) >= 8 and (has_fix or key == b"GPS9"):
            latitude, longitude = struct.unpack_from(">2i", data)
            point = GeoPoint.checked(latitude / scale[0], longitude / scale[1])
            if point is not None:
                return point
    return None


def camera(payload: bytes) -> str | None:
    """Return the camera of a telemetry packet, such as `GoPro HERO8 Black`; None without a name."""
    for key, data in _entries(payload):
        if key == b"DVNM":
            name = " ".join(data.partition(b"\0")[0].decode("latin-1").split())
            return camera_name(_MAKER, "" if name == _UNNAMED else name) or _MAKER
    return None


def _entries(payload: bytes, depth: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield the innermost entries in order: key and data."""
    position = 0
    while position + 8 <= len(payload):
        key, kind, size, count = struct.unpack_from(">4sBBH", payload, position)
        data = payload[position + 8 : position + 8 + size * count]
        position += 8 + -(-size * count // 4) * 4
        if kind != 0:
            yield key, data
        elif depth < _MAX_DEPTH:
            yield from _entries(data, depth + 1)
