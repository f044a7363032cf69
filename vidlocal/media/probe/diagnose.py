"""Explain failures to open a file from the first bytes, without decoding."""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from vidlocal.errors import MediaError

_HEAD_BYTES = 1 << 16
_BOX = struct.Struct(">I4s")
_MAX_BOXES = 10_000
# Recordings that were never finished have a size of 0 or nearly 4 GiB.
_UNKNOWN_RIFF_BYTES = 0xFFFFFF00
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
# Text formats that refer to other files or addresses, which ffmpeg would open.
_PLAYLISTS = (b"#EXTM3U", b"<MPD", b"ffconcat", b"v=0\r\n", b"v=0\n", b"[playlist]", b"<smil", b"<asx", b"#EXTINF")
# The boxes of a protected MP4 and the EBML id of ContentEncryption in Matroska.
_ENCRYPTED = (b"encv", b"enca", b"pssh", b"tenc")
# Matroska: ContentEncryption within ContentEncoding. Two bytes alone also occur by chance in damaged files.
_ENCRYPTED_MATROSKA = re.compile(rb"\x62\x40.{0,200}?\x50\x35", re.DOTALL)


def file_name(path: str) -> str:
    """The last part of the path, for messages."""
    return os.path.basename(path)


def open_error(path: str) -> MediaError:
    """The error for a container libav cannot open."""
    name, head = file_name(path), _head(path)
    text = head[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return MediaError(f"{name}: file is empty.")
    if text.startswith(_PLAYLISTS) or b"<MPD" in text:
        return MediaError(f"{name}: playlists are not supported, because they refer to other files.")
    if b"<svg" in text:
        return MediaError(f"{name}: SVG is not supported, because it can refer to other files.")
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free") and not has_box(path, b"moov"):
        return MediaError(f"{name}: incomplete, the index (moov) is missing. The recording or download was cut short.")
    if head[4:8] == b"ftyp" or head[:4] in (b"RIFF", b"\x1a\x45\xdf\xa3", b"OggS", b"fLaC", b"ID3\x03", b"FLV\x01"):
        return MediaError(f"{name}: corrupt or unsupported header.")
    return MediaError(f"{name}: not a supported video, audio or image file.")


def decode_error(path: str, codec: str, kind: str) -> MediaError:
    """The error for an opened container without any decodable frame. `kind` is "video" or "audio"."""
    name = file_name(path)
    if is_encrypted(path):
        return MediaError(f"{name}: encrypted (DRM), cannot be decoded.")
    return MediaError(f"{name}: corrupt, no {kind} could be decoded ({codec}).")


def is_encrypted(path: str) -> bool:
    """True if the header has the markers of encryption. Reliable only for files with undecodable streams."""
    head = _head(path)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _ENCRYPTED_MATROSKA.search(head) is not None
    return any(marker in head for marker in _ENCRYPTED)


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def has_box(path: str, kind: bytes) -> bool:
    """True if an MP4 has a top-level box of this kind."""
    return any(box_kind == kind for box_kind, _ in _boxes(path))


def end_of_boxes(path: str) -> int:
    """Position after the last top-level box of an MP4; beyond the end of a truncated file."""
    return max((end for _, end in _boxes(path)), default=0)


def declared_bytes(path: str) -> int:
    """Size of the file according to the header of an ASF or RIFF file; 0 if not stored there."""
    head = _head(path)
    if head[:4] == b"RIFF":
        size = int.from_bytes(head[4:8], "little")
        return size + 8 if size < _UNKNOWN_RIFF_BYTES else 0
    properties = head.find(_ASF_FILE_PROPERTIES)
    return int.from_bytes(head[properties + 40 : properties + 48], "little") if properties >= 0 else 0


def _boxes(path: str) -> Iterator[tuple[bytes, int]]:
    """Kind and end of each top-level box of an MP4."""
    with Path(path).open("rb") as file:
        size, position = os.fstat(file.fileno()).st_size, 0
        for _ in range(_MAX_BOXES):
            file.seek(position)
            header = file.read(16)
            if len(header) < _BOX.size or position >= size:
                return
            length, kind = _BOX.unpack(header[: _BOX.size])
            if length == 0 and any(kind):  # up to the end of the file
                length = size - position
            if length == 1 and len(header) == 16:
                length = int.from_bytes(header[8:], "big")
            if length < _BOX.size:
                return
            position += length
            yield kind, position
