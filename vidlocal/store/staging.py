"""Frame images on their way into the library: nothing half-made is ever seen, nothing is left lying."""

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

# Single files are flushed one by one up to here; a video's hundreds are cheaper to flush all at once.
_FLUSHED_SINGLY = 8


def image_prefix(content_hash: str) -> str:
    """The folder of a video's frame images, relative to the library folder."""
    return f"{FRAMES_FOLDER}/{content_hash}"


@contextmanager
def staged(library: Library, owner: ProcessLock) -> Iterator[Path]:
    """An empty folder to write frame images to. Whatever is still in it after the block is removed."""
    folder = library.frames_folder / f"{_PREFIX}{owner.token}"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"The disk that holds {library.folder} is full. Free some space and run the same command again."
            ) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(library: Library, staging: Path, content_hash: str) -> None:
    """Give staged images their final place. Call it inside the transaction that adds the video.

    The images reach the disk before the rows that speak of them: after a power cut a row's image is whole.
    """
    if not library.connection.in_transaction:
        raise RuntimeError("images are published inside the transaction that speaks of them")
    images = list(staging.iterdir())
    if not images:
        return
    if len(images) > _FLUSHED_SINGLY and hasattr(os, "sync"):
        os.sync()
    else:
        for image in images:
            _flush(image)
    final = library.folder / image_prefix(content_hash)
    shutil.rmtree(final, ignore_errors=True)
    staging.rename(final)


def sweep(library: Library) -> int:
    """Remove the images that killed processes left without a video. How many folders those were.

    Under the write lock nobody is between publishing images and storing their video.
    """
    if not library.frames_folder.is_dir() or library.frames_folder.is_symlink():
        return 0  # behind a link other things may lie, which nothing here speaks of
    removed = 0
    with library.writing():
        known = {row["content_hash"] for row in library.rows("SELECT content_hash FROM videos")}
        for folder in library.frames_folder.iterdir():
            if folder.name not in known and not is_being_filled(library, folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    remove_stale(library.folder)
    return removed


def is_being_filled(library: Library, folder: Path) -> bool:
    """Whether this is the staging folder of a process that lives."""
    return folder.name.startswith(_PREFIX) and is_alive(library.folder, folder.name.removeprefix(_PREFIX))


def require_space(library: Library, needed_bytes: int) -> None:
    """Raise StoreError before a long step that the disk cannot hold."""
    free = shutil.disk_usage(library.folder).free
    if free < needed_bytes:
        raise StoreError(
            f"The disk that holds {library.folder} has {free >> 20} MB free, and "
            f"this needs about {needed_bytes >> 20} MB. "
            "Free some space, or name another folder with VIDLOCAL_HOME."
        )


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
