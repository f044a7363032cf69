"""Publishes frame images atomically and removes the leftovers of killed processes."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidlocal.errors import StoreError
from vidlocal.store.database import FRAMES_FOLDER, Library
from vidlocal.store.process_locks import ProcessLock, is_alive, remove_stale

_PREFIX = ".staging-"

# Up to this many files fsync each one; for the hundreds of a video one sync is cheaper.
_MAX_SINGLE_FSYNCS = 8


def image_prefix(content_hash: str) -> str:
    """Return the folder of a video's frame images, relative to the library folder."""
    return f"{FRAMES_FOLDER}/{content_hash}"


@contextmanager
def staged(library: Library, lock: ProcessLock) -> Iterator[Path]:
    """Provide an empty folder for new frame images. Unpublished images are deleted after the block."""
    folder = library.frames_folder / f"{_PREFIX}{lock.token}"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"{library.folder}: disk full. Free some space and run the same command again.") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    final = library.folder / image_prefix(content_hash)
    shutil.rmtree(final, ignore_errors=True)
    staging.rename(final)


def remove_orphans(library: Library) -> int:
    """Delete image folders without a video, left by killed processes. Returns the number of folders.

    Holds the write lock, so that no process is between publishing images and storing the video.
    """
    if not library.frames_folder.is_dir() or library.frames_folder.is_symlink():
        return 0  # a link may lead to files of other programs
    removed = 0
    with library.writing():
        hashes = {row["content_hash"] for row in library.rows("SELECT content_hash FROM videos")}
        for folder in library.frames_folder.iterdir():
            if folder.name not in hashes and not is_in_use(library, folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    remove_stale(library.folder)
    return removed


def is_in_use(library: Library, folder: Path) -> bool:
    """Return True for the staging folder of a running process."""
    return folder.name.startswith(_PREFIX) and is_alive(library.folder, folder.name.removeprefix(_PREFIX))


def require_space(library: Library, needed_bytes: int) -> None:
    """Raise StoreError if the disk of the library has less free space than needed."""
    free = shutil.disk_usage(library.folder).free
    if free < needed_bytes:
        raise StoreError(
            f"{library.folder}: not enough disk space ({free >> 20} MB free, about {needed_bytes >> 20} MB needed). "
            "Free some space, or set VIDLOCAL_HOME to another folder."
        )


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
