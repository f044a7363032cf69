"""Find the largest picture in a raw photo. Runs in the child process.

Raw photos hold the data of the sensor, a preview that the camera developed, and a thumbnail, which in most of them is
what a reader of TIFF finds first.
"""

import io
import math
import mmap
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import Image

from vidlocal.errors import MediaError
from vidlocal.media.probe import diagnose

_TIFF_STARTS = (b"II*\x00", b"MM\x00*")
_OTHER_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\x00")
_MIN_HEADER_BYTES = 16
_ENTRY_BYTES = 12
_MAX_FOLDERS = 64
_MAX_ENTRIES = 500
_MAX_PICTURES = 8

# Tags and values of TIFF 6.0, TIFF/EP and DNG.
_SUBFILE_TYPE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 259, 262
_ORIENTATION, _SUB_FOLDERS, _DNG_VERSION = 274, 330, 50706
_SENSOR_DATA = frozenset({32803, 34892})  # colour filter array, linear raw
_JPEG_COMPRESSIONS = frozenset({6, 7, 34892})
_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I"}

# Frame headers of baseline, extended and progressive JPEG. Sensor data is lossless JPEG, which has others.
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_JPEG_START = b"\xff\xd8\xff"
_MAX_MARKERS = 100

# A smaller preview is a thumbnail, unless the photo itself is small.
_MIN_PREVIEW_PX = 480
_MIN_PREVIEW_RATIO = 0.4


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture as a separate file. `orientation`: of the raw photo, for pictures without orientation."""

    file: io.BytesIO
    orientation: int


@dataclass(frozen=True, slots=True)
class _Picture:
    """Size of a picture, and the position of a JPEG or the TIFF folder of another picture."""

    width_px: int
    height_px: int
    position: int
    is_jpeg: bool

    @property
    def long_side_px(self) -> int:
        return max(self.width_px, self.height_px)


@dataclass(slots=True)
class _Tiff:
    """All folders (IFD) of a TIFF file: tags with their first values."""

    data: mmap.mmap
    order: str
    folders: dict[int, dict[int, tuple[int, ...]]] = field(default_factory=dict)

    def read_folders(self, position: int) -> None:
        """Read the folder at `position`, the folders within and the following folders."""
        while position and position not in self.folders and len(self.folders) < _MAX_FOLDERS:
            (count,) = struct.unpack_from(self.order + "H", self.data, position)
            entries = range(position + 2, position + 2 + min(count, _MAX_ENTRIES) * _ENTRY_BYTES, _ENTRY_BYTES)
            folder = self.folders[position] = dict(self._entry(entry) for entry in entries)
            for inner in folder.get(_SUB_FOLDERS, ()):
                self.read_folders(inner)
            (position,) = struct.unpack_from(self.order + "I", self.data, position + 2 + count * _ENTRY_BYTES)

    def _entry(self, position: int) -> tuple[int, tuple[int, ...]]:
        tag, kind, count = struct.unpack_from(self.order + "HHI", self.data, position)
        if kind not in _FORMATS:
            return tag, ()
        layout = f"{self.order}{min(count, _MAX_FOLDERS)}{_FORMATS[kind]}"
        at = position + 8
        if struct.calcsize(f"{self.order}{count}{_FORMATS[kind]}") > 4:
            (at,) = struct.unpack_from(self.order + "I", self.data, at)
        return tag, struct.unpack_from(layout, self.data, at)


def find_preview(path: str) -> Preview | None:
    """The largest decodable picture of a raw photo; None for other files. Raises MediaError without any."""
    with open(path, "rb") as file:
        head = file.read(_MIN_HEADER_BYTES)
        if len(head) < _MIN_HEADER_BYTES or not may_be_raw(head):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            tiff = _read_tiff(data)
            first = next(iter(tiff.folders.values()), {}) if tiff else {}
            if tiff is not None and not _is_raw(tiff, first):
                return None
            pictures = sorted(_pictures(data, tiff), key=lambda picture: -picture.width_px * picture.height_px)
            orientation = next(iter(first.get(_ORIENTATION, ())), 1)
            smallest = _MIN_PREVIEW_RATIO * min(_full_size_px(tiff), _MIN_PREVIEW_PX / _MIN_PREVIEW_RATIO)
            for picture in pictures[:_MAX_PICTURES]:
                if picture.long_side_px >= smallest and (preview := _extract(data, picture)) is not None:
                    return Preview(preview, orientation)
    raise MediaError(f"{diagnose.file_name(path)}: raw photo without a preview. Export it as JPEG.")


def may_be_raw(head: bytes) -> bool:
    """True for TIFF (many raw photos) and all raw formats."""
    return head.startswith((*_TIFF_STARTS, *_OTHER_STARTS)) or head[4:12] == b"ftypcrx "


def _read_tiff(data: mmap.mmap) -> _Tiff | None:
    if data[:4] not in _TIFF_STARTS:
        return None
    tiff = _Tiff(data, "<" if data[:2] == b"II" else ">")
    with suppress(struct.error):  # a truncated or damaged file: the folders before the damage
        tiff.read_folders(struct.unpack_from(tiff.order + "I", data, 4)[0])
    return tiff


def _is_raw(tiff: _Tiff, first: dict[int, tuple[int, ...]]) -> bool:
    """True for a thumbnail in the first folder, or sensor data in any folder."""
    is_thumbnail = bool(next(iter(first.get(_SUBFILE_TYPE, ())), 0) & 1)
    return is_thumbnail or _DNG_VERSION in first or any(_is_sensor_data(folder) for folder in tiff.folders.values())


def _is_sensor_data(folder: dict[int, tuple[int, ...]]) -> bool:
    return bool(_SENSOR_DATA & set(folder.get(_PHOTOMETRIC, ())))


def _full_size_px(tiff: _Tiff | None) -> float:
    """Long side of the largest image of a TIFF file, such as the sensor data; unlimited if unknown."""
    folders = tiff.folders.values() if tiff else ()
    return (
        max((max(*folder.get(_WIDTH, ()), *folder.get(_HEIGHT, ()), 0, 0) for folder in folders), default=0) or math.inf
    )


def _pictures(data: mmap.mmap, tiff: _Tiff | None) -> Iterator[_Picture]:
    for position, folder in tiff.folders.items() if tiff else ():
        is_jpeg = bool(_JPEG_COMPRESSIONS & set(folder.get(_COMPRESSION, ())))
        if folder.get(_WIDTH) and folder.get(_HEIGHT) and not is_jpeg and not _is_sensor_data(folder):
            yield _Picture(folder[_WIDTH][0], folder[_HEIGHT][0], position, is_jpeg=False)
    position = data.find(_JPEG_START)
    while position >= 0:
        size = _jpeg_size(data, position)
        if size is not None:
            yield _Picture(*size, position, is_jpeg=True)
        position = data.find(_JPEG_START, position + 1)


def _jpeg_size(data: mmap.mmap, start: int) -> tuple[int, int] | None:
    """Width and height of a JPEG readable by Pillow."""
    position = start + 2
    for _ in range(_MAX_MARKERS):
        segment = data[position : position + 9]
        if len(segment) < 9 or segment[0] != 0xFF or not 0xC0 <= segment[1] < 0xFF or segment[1] == 0xDA:
            return None
        if segment[1] in _JPEG_FRAMES:
            return int.from_bytes(segment[7:9]), int.from_bytes(segment[5:7])
        position += 2 + int.from_bytes(segment[2:4])
    return None


def _extract(data: mmap.mmap, picture: _Picture) -> io.BytesIO | None:
    """The picture as a file for Pillow; None if damaged."""
    if picture.is_jpeg:
        file = io.BytesIO(data[picture.position :])
    else:  # the same file, beginning with the folder of the picture
        order = "<" if data[:2] == b"II" else ">"
        file = io.BytesIO(data[:4] + struct.pack(order + "I", picture.position) + data[8:])
    try:
        with Image.open(file, formats=("JPEG", "TIFF")) as image:
            image.draft("RGB", (64, 64))
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None
    file.seek(0)
    return file
