"""Passages from subtitle files beside a video, and the stamps of these files, to notice a change."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vidlocal.records import FileStamp, Passage, PassageKind
from vidlocal.store.content import passages, speakers, understanding
from vidlocal.store.database import Library
from vidlocal.store.values import stored_path

# Engine of the passages, which are replaced when the files change.
ENGINE = "sidecar"


def stamps(library: Library, video_id: int) -> dict[Path, FileStamp]:
    """Map the subtitle files of a video to their stamps when last read."""
    rows = library.rows("SELECT path, size_bytes, mtime_ns, inode FROM sidecars WHERE video_id = ?", video_id)
    return {Path(os.fsdecode(row["path"])): FileStamp(*row[1:]) for row in rows}


def store_stamps(library: Library, video_id: int, files: Mapping[Path, FileStamp]) -> None:
    """Store the stamps of all subtitle files of a video."""
    with library.writing() as connection:
        connection.execute("DELETE FROM sidecars WHERE video_id = ?", (video_id,))
        connection.executemany(
            "INSERT INTO sidecars (video_id, path, size_bytes, mtime_ns, inode) VALUES (?, ?, ?, ?, ?)",
            [
                (video_id, stored_path(path), stamp.size_bytes, stamp.mtime_ns, stamp.inode)
                for path, stamp in files.items()
            ],
        )


def replace(library: Library, video_id: int, texts: Sequence[Passage], files: Mapping[Path, FileStamp]) -> int:
    """Replace the passages from subtitle files by `texts`. Equal passages stay. Returns the number of new passages."""
    with library.writing():
        existing = passages.of_video(library, video_id, [PassageKind.SUBTITLE, PassageKind.SOUND])
        keys = {_key(passage) for passage in texts}
        for passage in existing:
            if passage.engine == ENGINE and _key(passage) not in keys:
                passages.delete(library, passage)
        stored = {_key(passage): passage.id for passage in existing}
        for passage in texts:
            passage_id = stored.get(_key(passage))
            if passage_id is not None and passage.speaker:
                speakers.label(library, video_id, passage_id, passage.speaker)
        new = passages.add(library, video_id, [passage for passage in texts if _key(passage) not in stored])
        store_stamps(library, video_id, files)
        if new:
            understanding.requeue(library, video_id)
    return len(new)


def _key(passage: Passage) -> tuple[object, ...]:
    return round(passage.start, 3), round(passage.end, 3), passage.kind, passage.text, passage.language
