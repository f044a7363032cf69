"""Images of frames: JPEG files in the frames folder of a library, opened without following links."""

import errno
import os
import zlib

from vidlocal.errors import MediaError, StoreError
from vidlocal.records import Frame
from vidlocal.store.database import FRAMES_FOLDER, Library, folder_error
from vidlocal.store.library_files import open_folder

_MAX_IMAGE_BYTES = 64 << 20
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def read(library: Library, frame: Frame) -> bytes:
    """Read the JPEG of a frame, or of the original of a repeat.

    Raises MediaError for an unreadable file, and StoreError if no image of the library can be read.
    """
    owner = frame.id if frame.image is not None or frame.same_as is None else frame.same_as
    row = library.row("SELECT image, image_crc FROM frames WHERE id = ?", owner)
    image, crc = (None, None) if row is None else (row["image"], row["image_crc"])
    name = image or f"frame {frame.id}"
    try:
        data = _read_file(library, image or "")
    except OSError as error:
        _require_images(library, error)
        raise MediaError(f"{name}: cannot read the image ({error.strerror}). Run: vidlocal check --repair") from error
    if not _is_whole(data, crc):  # a model would describe what is left, and invent the rest
        raise MediaError(f"{name}: the image is damaged. Run: vidlocal check --repair")
    return data


def folder_of(image: str) -> tuple[str, ...] | None:
    """Return the folders of an image path below the library folder: the frames folder, or a subfolder.

    None for any other path: a library from someone else may name any file.
    """
    first, *parts = image.split("/")
    if first != FRAMES_FOLDER or not 1 <= len(parts) <= 2 or not all(map(_is_plain_name, parts)):
        return None
    return FRAMES_FOLDER, *parts[:-1]


def exists(library: Library, image: str) -> bool:
    """Return True if an image path leads to a regular file in the frames folder."""
    folders = folder_of(image)
    try:
        with open_folder(library.folder, *(folders or ())) as folder:
            return folders is not None and folder.is_file(_file_name(image))
    except OSError:
        return False


def has_folder(library: Library, image: str) -> bool:
    """Return True if the folder of an image path exists in the frames folder."""
    folders = folder_of(image)
    try:
        with open_folder(library.folder, *(folders or ())):
            return folders is not None
    except OSError:
        return False


def write(library: Library, image: str, jpeg: bytes) -> None:
    """Write or replace an image file. Raises StoreError."""
    folders = folder_of(image)
    if folders is None:
        raise StoreError(f"{image}: not a path in the frames folder.")
    try:
        with open_folder(library.folder, *folders, create=True) as folder:
            folder.write(_file_name(image), jpeg)
    except OSError as error:
        raise folder_error(library.folder, error) from error


def crc(library: Library, image: str) -> int | None:
    """Return the CRC-32 of an image file, for `check` to verify images; None for an unreadable file."""
    try:
        return zlib.crc32(_read_file(library, image))
    except OSError:
        return None


def _read_file(library: Library, image: str) -> bytes:
    folders = folder_of(image)
    if folders is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), image)
    with open_folder(library.folder, *folders) as folder:
        return folder.read(_file_name(image), max_bytes=_MAX_IMAGE_BYTES)


def _is_whole(jpeg: bytes, crc: int | None) -> bool:
    """Return True for the published image; without a checksum, for a file with the markers of a complete JPEG."""
    if crc is not None:
        return zlib.crc32(jpeg) == crc
    return jpeg.startswith(_JPEG_START) and jpeg.endswith(_JPEG_END)


def _require_images(library: Library, error: OSError) -> None:
    """Raise StoreError if the frames folder cannot be opened, or the system is out of resources."""
    try:
        with open_folder(library.folder, FRAMES_FOLDER):
            pass
    except OSError as reason:
        raise StoreError(
            f"{library.frames_folder}: cannot be opened ({reason.strerror}). "
            "Run the same command again when the folder is in place; nothing is lost."
        ) from reason
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        raise StoreError(f"{library.frames_folder}: cannot be read ({error.strerror}).") from error


def _file_name(image: str) -> str:
    return image.rpartition("/")[2]


def _is_plain_name(name: str) -> bool:
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")
