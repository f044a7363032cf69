"""Frame images: which are missing or not what was stored, and files that nothing speaks of."""

import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vidlocal.errors import StoreError
from vidlocal.records import Frame, JobKind, JobState
from vidlocal.store import process_locks, staging
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.content import frames
from vidlocal.store.database import FRAMES_FOLDER, Library
from vidlocal.store.queue import jobs

_FIRST, _LAST = b"\xff\xd8", b"\xff\xd9"  # of every JPEG
_UNSIGNED = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class DamagedImage:
    """A frame without a picture to look at. `missing`: there is no file at all. `dhash` is 64 bits, unsigned."""

    frame: Frame
    dhash: int
    is_missing: bool


def damaged(library: Library, video_id: int, *, is_whole: Callable[[bytes], bool]) -> list[DamagedImage]:
    """The frames of a video whose image is missing or not, byte for byte, what was published.

    Where no checksum was kept, it must begin and end as a JPEG does, and then `is_whole` decides.
    """
    rows = library.rows(
        "SELECT id, image_crc, dhash FROM frames WHERE video_id = ? AND image IS NOT NULL ORDER BY id", video_id
    )
    found: list[DamagedImage] = []
    for frame_id, crc, dhash in rows:
        frame = frames.get(library, frame_id)
        if frame is None:
            continue
        try:
            data = frames.image_path(library, frame).read_bytes()
        except OSError:
            data = None
        if data is None or not _is_as_published(data, crc, is_whole):
            found.append(DamagedImage(frame, dhash & _UNSIGNED, is_missing=data is None))
    return found


def unnamed(library: Library) -> Iterator[Finding]:
    """Distinct frames that have forgotten their image, which is still there: it is named by their position."""
    rows = library.rows(
        """SELECT id, video_id, content_hash, position FROM (
          SELECT frames.id, video_id, content_hash, image, same_as,
            row_number() OVER (PARTITION BY video_id ORDER BY time) - 1 AS position
          FROM frames JOIN videos ON videos.id = video_id) WHERE image IS NULL AND same_as IS NULL"""
    )
    for frame_id, video_id, content_hash, position in rows:
        image = f"{staging.image_prefix(content_hash)}/{position:06}.jpg"
        path = frames.image_file(library, image)
        if path is not None and path.is_file():
            sentence = f"Frame {frame_id} has forgotten its image {image}."
            yield Finding(Category.ROWS, sentence, video_id, partial(_restore_name, library, frame_id, image))


def leftovers(library: Library) -> Iterator[Finding]:
    """Files beside the library that nothing speaks of, and what killed processes left."""
    with library.writing():  # nobody is between publishing images and storing their video
        orphans = list(_orphans(library))
    if orphans:
        places = ", ".join(str(path.relative_to(library.folder)) for path in orphans[:3])
        more = f" and {len(orphans) - 3:,} more" if len(orphans) > 3 else ""
        sentence = f"Left behind, and part of nothing: {places}{more}."
        yield Finding(Category.LEFTOVERS, sentence, repair=partial(_remove, library))


def restore(library: Library, frame: Frame, jpeg: bytes) -> None:
    """Give a frame its picture again, and queue what could not be done without it."""
    if frame.image is None:
        return
    path = frames.image_file(library, frame.image)
    if path is None:
        raise StoreError(f"Frame {frame.id} is said to have its image at {frame.image}, where none may be.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    with open(draft, "wb", opener=_private) as file:
        file.write(jpeg)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    with library.writing() as connection:
        connection.execute("UPDATE frames SET image_crc = ? WHERE id = ?", (zlib.crc32(jpeg), frame.id))
        row = connection.execute("SELECT enriched_at FROM frames WHERE id = ?", (frame.id,)).fetchone()
        if row is not None and row["enriched_at"] is None:
            frames.describe_again(library, [frame.id])
        waits = "SELECT 1 FROM jobs WHERE kind = ? AND target = ? AND state = ?"
        if connection.execute(waits, (JobKind.PICTURES, frame.video_id, JobState.FAILED)).fetchone() is not None:
            jobs.add(library, JobKind.PICTURES, frame.video_id, frame.video_id)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL, 0o600)


def _is_as_published(data: bytes, crc: int | None, is_whole: Callable[[bytes], bool]) -> bool:
    if crc is not None:
        return zlib.crc32(data) == crc
    return data.startswith(_FIRST) and data.endswith(_LAST) and is_whole(data)


def _restore_name(library: Library, frame_id: int, image: str) -> None:
    crc = frames.file_crc(library.folder / image)
    with library.writing() as connection:
        connection.execute("UPDATE frames SET image = ?, image_crc = ? WHERE id = ?", (image, crc, frame_id))


def _orphans(library: Library) -> Iterator[Path]:
    """Everything in the frames folder that no frame speaks of and no living process is filling."""
    if not library.frames_folder.is_dir() or library.frames_folder.is_symlink():
        return  # behind a link other things may lie, of which nothing speaks either
    known: dict[str, set[str]] = {}
    for row in library.rows("SELECT image FROM frames WHERE image IS NOT NULL"):
        folder, _, name = row["image"].rpartition("/")
        known.setdefault(folder, set()).add(name)
    for place in sorted(library.frames_folder.iterdir()):
        names = known.get(f"{FRAMES_FOLDER}/{place.name}")
        if names is None:
            if not staging.is_in_use(library, place):
                yield place
        elif place.is_dir():
            yield from sorted(path for path in place.iterdir() if path.name not in names)


def _remove(library: Library) -> None:
    with library.writing():
        for path in list(_orphans(library)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    process_locks.remove_stale(library.folder)
