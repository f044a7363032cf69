"""Publishes frame images atomically and removes the leftovers of killed processes."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vidlocal.errors import StoreError
from vidlocal.store.database import FRAMES_FOLDER, Library, folder_error
from vidlocal.store.library_files import open_folder
from vidlocal.store.process_locks import ProcessLock, is_alive, remove_stale

_PREFIX = ".staging-"
_UNUSED_PREFIX = ".unused-"
_CONTENT_HASH = re.compile(r"(name:)?[0-9a-f]{64}")

# Up to this many files fsync each one; for the hundreds of a video one sync is cheaper.
_MAX_SINGLE_FSYNCS = 8


def image_prefix(content_hash: str) -> str:
    """Return the folder of a video's frame images, relative to the library folder."""
    return f"{FRAMES_FOLDER}/{content_hash}"


@contextmanager
def staged(library: Library, lock: ProcessLock) -> Iterator[Path]:
    """Provide an empty folder for new frame images. Unpublished images are deleted after the block.

    Raises StoreError if the library folder cannot be written, or disappears during the block.
    """
    name = f"{_PREFIX}{lock.token}"
    try:
        with open_folder(library.folder, FRAMES_FOLDER, create=True) as images:
            images.delete(name)
            images.make_folder(name)
            try:
                yield images.path / name
            finally:
                images.delete(name)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or not _is_of(library, error):
            raise
        raise folder_error(library.folder, error) from error


def publish(library: Library, staging: Path, content_hash: str) -> None:
    """Move staged images to their final folder. Call in the transaction with the new video.

    The images reach the disk before the rows: after a power cut the image of every row is complete.
    """
    if not library.connection.in_transaction:
        raise RuntimeError("publish must run inside the transaction that adds the frames")
    images = list(staging.iterdir())
    if not images:
        return
    if len(images) > _MAX_SINGLE_FSYNCS and hasattr(os, "sync"):
        os.sync()
    else:
        for image in images:
            _flush(image)
    with open_folder(library.folder, FRAMES_FOLDER) as folder:
        folder.delete(content_hash)
        folder.rename(staging.name, folder, content_hash)


def remove_images(library: Library, content_hash: str) -> None:
    """Delete the images of a removed video, unless the same file was ingested again meanwhile."""
    if not is_content_hash(content_hash):
        return
    with suppress(OSError), open_folder(library.folder, FRAMES_FOLDER) as folder:
        unused = f"{_UNUSED_PREFIX}{secrets.token_hex(8)}"
        with library.writing():  # no other process publishes images in the meantime
            if library.row("SELECT 1 FROM videos WHERE content_hash = ?", content_hash) is not None:
                return
            folder.rename(content_hash, folder, unused)
        folder.delete(unused)


def remove_orphans(library: Library) -> int:
    """Delete image folders without a video, left by killed processes. Returns the number of folders."""
    removed = 0
    # With the write lock, no process is between publishing images and storing the video.
    with suppress(OSError), open_folder(library.folder, FRAMES_FOLDER) as folder, library.writing():
        hashes = {row["content_hash"] for row in library.rows("SELECT content_hash FROM videos")}
        for name in folder.names():
            if name not in hashes and not is_in_use(library, name):
                folder.delete(name)
                removed += 1
    remove_stale(library.folder)
    return removed


def is_in_use(library: Library, name: str) -> bool:
    """Return True for the name of a staging folder of a running process."""
    return name.startswith(_PREFIX) and is_alive(library.folder, name.removeprefix(_PREFIX))


def is_content_hash(text: str) -> bool:
    """Return True for 64 hexadecimal digits, as a name of a folder. A library from someone else may have any text."""
    return _CONTENT_HASH.fullmatch(text) is not None


def require_space(library: Library, needed_bytes: int) -> None:
    """Raise StoreError if the disk of the library has less free space than needed."""
    free = shutil.disk_usage(library.folder).free
    if free < needed_bytes:
        raise StoreError(
            f"{library.folder}: not enough disk space ({free >> 20} MB free, about {needed_bytes >> 20} MB needed). "
            "Free some space, or set VIDLOCAL_HOME to another folder."
        )


def _is_of(library: Library, error: OSError) -> bool:
    """Return True for an error of the library folder. Errors of open files and folders have no path."""
    if not isinstance(error.filename, str | bytes):
        return True
    path = Path(os.fsdecode(error.filename))
    return not path.is_absolute() or path.is_relative_to(library.folder)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
