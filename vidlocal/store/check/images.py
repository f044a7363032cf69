"""Checks the frame images: missing, damaged and orphaned files."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from vidlocal.errors import MediaError, StoreError
from vidlocal.records import Frame, JobKind, JobState
from vidlocal.store import process_locks, staging
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.content import frame_images, frames, videos
from vidlocal.store.database import FRAMES_FOLDER, Library
from vidlocal.store.history import facts
from vidlocal.store.library_files import open_folder
from vidlocal.store.queue import jobs

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class DamagedImage:
    """A frame with a damaged or missing image file. `dhash` is 64 bits, unsigned."""

    frame: Frame
    dhash: int
    is_missing: bool


def damaged(library: Library, video_id: int, *, is_whole: Callable[[bytes], bool]) -> list[DamagedImage]:
    """List the frames of a video with a missing image, or a wrong checksum.

    An image without a checksum must have the markers of a complete JPEG and satisfy `is_whole`.
    """
    rows = library.rows(
        "SELECT id, image_crc, dhash FROM frames WHERE video_id = ? AND image IS NOT NULL ORDER BY id", video_id
    )
    images: list[DamagedImage] = []
    for frame_id, crc, dhash in rows:
        frame = frames.get(library, frame_id)
        if frame is None:
            continue
        try:
            data = frame_images.read(library, frame)
        except (MediaError, StoreError):
            data = None
        if data is None or not _is_as_published(data, crc, is_whole):
            images.append(DamagedImage(frame, frames.unsigned(dhash), is_missing=data is None))
    return images


def unnamed(library: Library) -> Iterator[Finding]:
    """Find distinct frames without a path but with an image file, named by the position of the frame."""
    rows = library.rows(
        """SELECT id, video_id, content_hash, position FROM (
          SELECT frames.id, video_id, content_hash, image, same_as,
            row_number() OVER (PARTITION BY video_id ORDER BY time) - 1 AS position
          FROM frames JOIN videos ON videos.id = video_id) WHERE image IS NULL AND same_as IS NULL"""
    )
    for frame_id, video_id, content_hash, position in rows:
        image = f"{staging.image_prefix(content_hash)}/{position:06}.jpg"
        if frame_images.exists(library, image):
            message = f"Frame {frame_id}: path of its image {image} is missing."
            yield Finding(Category.ROWS, message, video_id, partial(_restore_name, library, frame_id, image))


def leftovers(library: Library) -> Iterator[Finding]:
    """Find files in the frames folder without a row, and leftovers of killed processes."""
    with library.writing():  # no process is between publishing images and storing the video
        orphans = list(_orphans(library))
    if orphans:
        paths = ", ".join("/".join((FRAMES_FOLDER, *names)) for names in orphans[:3])
        more = f" and {len(orphans) - 3:,} more" if len(orphans) > 3 else ""
        message = f"Unused files: {paths}{more}."
        yield Finding(Category.LEFTOVERS, message, repair=partial(_remove, library))


def unfinished_purge(library: Library) -> Iterator[Finding]:
    """Find an interrupted deletion without traces."""
    if facts.get(library, facts.PURGE_PENDING) is not None:
        message = "An interrupted deletion left traces in the library file."
        yield Finding(Category.LEFTOVERS, message, repair=partial(_finish_purge, library))


def restore(library: Library, frame: Frame, jpeg: bytes) -> None:
    """Write the image of a frame, and queue the jobs failed for lack of the image."""
    if frame.image is None:
        return
    frame_images.write(library, frame.image, jpeg)
    with library.writing() as connection:
        connection.execute("UPDATE frames SET image_crc = ? WHERE id = ?", (zlib.crc32(jpeg), frame.id))
        row = connection.execute("SELECT enriched_at FROM frames WHERE id = ?", (frame.id,)).fetchone()
        if row is not None and row["enriched_at"] is None:
            frames.describe_again(library, [frame.id])
        sql = "SELECT 1 FROM jobs WHERE kind = ? AND target = ? AND state = ?"
        if connection.execute(sql, (JobKind.PICTURES, frame.video_id, JobState.FAILED)).fetchone() is not None:
            jobs.add(library, JobKind.PICTURES, frame.video_id, frame.video_id)


def _is_as_published(data: bytes, crc: int | None, is_whole: Callable[[bytes], bool]) -> bool:
    if crc is not None:
        return zlib.crc32(data) == crc
    return data.startswith(_JPEG_START) and data.endswith(_JPEG_END) and is_whole(data)


def _restore_name(library: Library, frame_id: int, image: str) -> None:
    crc = frame_images.crc(library, image)
    with library.writing() as connection:
        connection.execute("UPDATE frames SET image = ?, image_crc = ? WHERE id = ?", (image, crc, frame_id))


def _orphans(library: Library) -> Iterator[tuple[str, ...]]:
    """Yield the names, below the frames folder, of all entries without a frame. Links are not followed.

    Skips staging folders of running processes.
    """
    names_by_folder: dict[str, set[str]] = {}
    for row in library.rows("SELECT image FROM frames WHERE image IS NOT NULL"):
        folder, _, name = row["image"].rpartition("/")
        names_by_folder.setdefault(folder, set()).add(name)
    for entry in _names(library):
        images = names_by_folder.get(f"{FRAMES_FOLDER}/{entry}")
        if images is None:
            if entry not in names_by_folder.get(FRAMES_FOLDER, ()) and not staging.is_in_use(library, entry):
                yield (entry,)
        else:
            yield from ((entry, name) for name in _names(library, entry) if name not in images)


def _names(library: Library, *folder_names: str) -> list[str]:
    try:
        with open_folder(library.folder, FRAMES_FOLDER, *folder_names) as folder:
            return folder.names()
    except OSError:  # missing, or a link to files of other programs
        return []


def _remove(library: Library) -> None:
    with library.writing():
        for *folder_names, name in list(_orphans(library)):
            with suppress(OSError), open_folder(library.folder, FRAMES_FOLDER, *folder_names) as folder:
                folder.delete(name)
    process_locks.remove_stale(library.folder)


def _finish_purge(library: Library) -> None:
    videos.finish_purge(library)
