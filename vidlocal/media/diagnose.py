"""Why a file cannot be opened, in words, from its first bytes. Nothing here decodes anything."""

import os
import re
import struct
from pathlib import Path

from vidlocal.errors import MediaError

_HEAD_BYTES = 1 << 16
_BOX = struct.Struct(">I4s")
_MAX_BOXES = 10_000
# Text that names other files or addresses; ffmpeg would open them.
_PLAYLISTS = (b"#EXTM3U", b"<MPD", b"ffconcat", b"v=0\r\n", b"v=0\n", b"[playlist]", b"<smil", b"<asx", b"#EXTINF")
# The boxes of a protected MP4 and the EBML id of ContentEncryption in Matroska.
_PROTECTED = (b"encv", b"enca", b"pssh", b"tenc")
# Matroska: ContentEncryption within ContentEncoding. Two bytes alone are found in any damaged film.
_PROTECTED_MATROSKA = re.compile(rb"\x62\x40.{0,200}?\x50\x35", re.DOTALL)


def file_name(path: str) -> str:
    """The file name for a sentence."""
    return os.path.basename(path)


def open_error(path: str) -> MediaError:
    """The reason a container could not be opened at all."""
    name, head = file_name(path), _head(path)
    text = head[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return MediaError(f"{name} is empty.")
    if text.startswith(_PLAYLISTS) or b"<MPD" in text:
        return MediaError(f"{name} is a playlist, not a film: it may name other files and is not opened.")
    if b"<svg" in text:
        return MediaError(f"{name} is a drawing (SVG), which may name other files and is not opened.")
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free") and not _has_index(path):
        return MediaError(
            f"{name} is incomplete: its index is missing (no moov), as when a recording or download was cut short."
        )
    if head[4:8] == b"ftyp" or head[:4] in (b"RIFF", b"\x1a\x45\xdf\xa3", b"OggS", b"fLaC", b"ID3\x03", b"FLV\x01"):
        return MediaError(f"{name} is damaged: its header makes no sense.")
    return MediaError(f"{name} is not a film, a recording or a photo that can be read here.")


def decode_error(path: str, codec: str, what: str) -> MediaError:
    """The reason a container opened but gave no picture, or no sound."""
    name = file_name(path)
    if is_protected(path):
        return MediaError(f"{name} is encrypted (copy protection), so nothing in it can be decoded.")
    return MediaError(f"{name} is damaged: none of its {what} ({codec}) can be decoded.")


def is_protected(path: str) -> bool:
    """Whether the header carries the marks of encryption. Only asked after decoding failed."""
    head = _head(path)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _PROTECTED_MATROSKA.search(head) is not None
    return any(mark in head for mark in _PROTECTED)


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _has_index(path: str) -> bool:
    """Whether a moov box is among the outermost boxes of an MP4."""
    with Path(path).open("rb") as file:
        size, position = os.fstat(file.fileno()).st_size, 0
        for _ in range(_MAX_BOXES):
            file.seek(position)
            header = file.read(16)
            if len(header) < _BOX.size or position >= size:
                return False
            length, kind = _BOX.unpack(header[: _BOX.size])
            if kind == b"moov":
                return True
            if length == 1 and len(header) == 16:
                length = int.from_bytes(header[8:], "big")
            if length < _BOX.size:
                return False
            position += length
    return False
