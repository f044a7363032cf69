"""Videos, identified by content hash, and the paths of their files."""

import os
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vidlocal.errors import StoreError, UsageError
from vidlocal.folding import fold
from vidlocal.records import EnrichmentStatus, FileStamp, FrameDraft, JobKind, MediaKind, Passage, Probe, Video
from vidlocal.store import staging
from vidlocal.store.content import frames, passages, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.index import vector_cache
from vidlocal.store.queue import jobs
from vidlocal.store.values import RowReader, now_utc, storable, stored_path

_read = RowReader(Video, path=os.fsdecode, kind=MediaKind, enrichment_status=EnrichmentStatus)

# Tables that may quote deleted videos, or name people and speakers.
_MAY_QUOTE = ("searches", "query_vectors", "looks", "judgements", "runs", "speaker_changes", "people_changes")

# Patience for other readers when a purge empties the write-ahead log. Between two attempts, others may write.
_MAX_WAL_WAIT_S = 3.0
_WAL_POLL_S = 0.1

# Ends the path of a video whose file was replaced: no file has this name.
_REPLACED = " (replaced)"

# Candidates listed for an ambiguous name.
_MAX_CANDIDATES = 8


def add(
    library: Library,
    *,
    content_hash: str,
    path: Path,
    stamp: FileStamp,
    probe: Probe,
    frame_drafts: Sequence[FrameDraft],
    text_passages: Sequence[Passage],
    plan: Sequence[JobKind],
) -> int:
    """Add a video with frames, passages and jobs in a transaction. Returns the id.

    Completes a video with this hash that so far has only imported text.
    """
    with library.writing() as connection:
        (video_id,) = connection.execute(
            """INSERT INTO videos (content_hash, path, title, kind, duration, width_px, height_px, codecs, rotation,
              recorded_at, added_at, size_bytes, partial, latitude, longitude, place, place_names, camera)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (content_hash) DO UPDATE SET kind = excluded.kind, duration = excluded.duration,
              width_px = excluded.width_px, height_px = excluded.height_px, codecs = excluded.codecs,
              rotation = excluded.rotation, recorded_at = coalesce(excluded.recorded_at, recorded_at),
              size_bytes = excluded.size_bytes, partial = excluded.partial,
              latitude = coalesce(excluded.latitude, latitude), longitude = coalesce(excluded.longitude, longitude),
              place = coalesce(excluded.place, place), place_names = coalesce(excluded.place_names, place_names),
              camera = coalesce(excluded.camera, camera)
            RETURNING id""",
            (
                content_hash,
                stored_path(path),
                title_of(path, probe),
                probe.kind,
                round(probe.duration, 6),
                probe.width_px,
                probe.height_px,
                _codecs(probe),
                probe.rotation,
                probe.recorded_at,
                now_utc(),
                stamp.size_bytes,
                probe.partial,
                *_place_columns(probe),
                storable(probe.camera) if probe.camera else None,
            ),
        ).fetchone()
        add_copy(library, video_id, path, stamp)
        set_path(library, video_id, path)
        frames.add(library, video_id, frame_drafts)
        frames.queue_descriptions(library, video_id)
        for kind in plan:
            jobs.add(library, kind, video_id, video_id)
        passages.add(library, video_id, text_passages)
    return int(video_id)


def _place_columns(probe: Probe) -> tuple[float | None, float | None, str | None, str | None]:
    """Return latitude, longitude, the display name, and all names, one per line."""
    place = probe.place
    return (None,) * 4 if place is None else (*place.point, place.name, "\n".join(place.names))


def is_ingested(library: Library, video: Video) -> bool:
    """Return True if a file of the video was ingested: an imported video may have only text."""
    if video.kind is MediaKind.AUDIO:
        return bool(_copies(library, video.id))
    return library.row("SELECT 1 FROM frames WHERE video_id = ? LIMIT 1", video.id) is not None


def add_copy(library: Library, video_id: int, path: Path, stamp: FileStamp) -> None:
    """Add a file of the video, or update its stamp. Another video with this path loses the path."""
    with library.writing() as connection:
        previous = library.row("SELECT video_id FROM copies WHERE path = ?", stored_path(path))
        connection.execute(
            """INSERT INTO copies (video_id, path, size_bytes, mtime_ns, inode) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET video_id = excluded.video_id, size_bytes = excluded.size_bytes,
              mtime_ns = excluded.mtime_ns, inode = excluded.inode""",
            (video_id, stored_path(path), stamp.size_bytes, stamp.mtime_ns, stamp.inode),
        )
        if previous is not None and previous["video_id"] != video_id:
            _release_path(library, previous["video_id"], path)


def _release_path(library: Library, video_id: int, path: Path) -> None:
    """Point a video at its next copy, or mark it as replaced: its moments must not lead to the new file."""
    video, copies = get(library, video_id), _copies(library, video_id)
    if video is None or video.path != str(path):
        return
    if copies:
        set_path(library, video_id, Path(copies[0]))
        return
    with library.writing() as connection:
        connection.execute(
            "UPDATE videos SET path = ?, replaced_at = ? WHERE id = ?",
            (stored_path(path.with_name(path.name + _REPLACED)), now_utc(), video_id),
        )


def lost_paths(video: Video) -> list[Path]:
    """Return the last path of a replaced video."""
    return [Path(video.path.removesuffix(_REPLACED))] if video.replaced_at is not None else []


def owner(library: Library, path: Path) -> Video | None:
    """Return the video of the file at a path, as of the last reading."""
    row = library.row("SELECT video_id FROM copies WHERE path = ?", stored_path(path))
    return None if row is None else get(library, row["video_id"])


def set_path(library: Library, video_id: int, path: Path) -> None:
    """Set the path to open. A title equal to the file name changes with it."""
    previous = get(library, video_id)
    if previous is None or previous.path == str(path):
        return
    with library.writing() as connection:
        connection.execute("UPDATE videos SET path = ?, replaced_at = NULL WHERE id = ?", (stored_path(path), video_id))
        if _has_file_title(previous):
            connection.execute("UPDATE videos SET title = ? WHERE id = ?", (_name_of(path) or previous.title, video_id))


def record_move(library: Library, video_id: int, before: Path, after: Path) -> None:
    """Update the path of a renamed file, and a title equal to the file name. Idempotent."""
    old, new = stored_path(before), stored_path(after)
    with library.writing() as connection:
        here = connection.execute("SELECT id FROM copies WHERE video_id = ? AND path = ?", (video_id, old)).fetchone()
        if here is not None:
            connection.execute("DELETE FROM copies WHERE path = ?", (new,))
            connection.execute("UPDATE copies SET path = ? WHERE id = ?", (new, here["id"]))
        connection.execute(
            "UPDATE videos SET title = ? WHERE id = ? AND path = ? AND title = ?",
            (_name_of(after), video_id, old, _name_of(before)),
        )
        connection.execute("UPDATE videos SET path = ? WHERE id = ? AND path = ?", (new, video_id, old))


def unchanged_at(library: Library, path: Path, stamp: FileStamp) -> Video | None:
    """Return the video of a file with the same size, time and inode as when ingested."""
    row = library.row(
        """SELECT video_id FROM copies WHERE path = ? AND size_bytes = ? AND mtime_ns = ? AND inode = ?""",
        stored_path(path),
        stamp.size_bytes,
        stamp.mtime_ns,
        stamp.inode,
    )
    return None if row is None else get(library, row["video_id"])


def with_hash(library: Library, content_hash: str) -> Video | None:
    """Return a video by content hash."""
    row = library.row(f"SELECT {_read.columns} FROM videos WHERE content_hash = ?", content_hash)
    return None if row is None else _read(row)


def get(library: Library, video_id: int) -> Video | None:
    """Return a video by id."""
    row = library.row(f"SELECT {_read.columns} FROM videos WHERE id = ?", video_id)
    return None if row is None else _read(row)


def every(library: Library) -> list[Video]:
    """List all videos, oldest first."""
    return [_read(row) for row in library.rows(f"SELECT {_read.columns} FROM videos ORDER BY id")]


def resolve(library: Library, text: str) -> Video:
    """Find a video by id (`3` or `id:3`), path, or a unique part of the title or file name.

    Raises UsageError for no match, and for several with a list of candidates.
    """
    existing = every(library)
    path = _composed(str(Path(text).absolute()))
    number = text.removeprefix("id:")
    exact = [
        video
        for video in existing
        if str(video.id) == number or path in map(_composed, (video.path, *_copies(library, video.id)))
    ]
    part = fold(text)
    partial = [video for video in existing if part in fold(video.title) or part in fold(_file_name(video))]
    equal = [video for video in partial if part in (fold(video.title), fold(_file_name(video)))]
    for candidates in (exact, equal, partial):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            listed = ", ".join(f"{video.id} ({name})" for video, name in _disambiguate(candidates[:_MAX_CANDIDATES]))
            more = ", ..." if len(candidates) > _MAX_CANDIDATES else ""
            raise UsageError(f"{text!r} matches {len(candidates)} videos: {listed}{more}. Use the number.")
    raise UsageError(f"{text!r}: no such video. Run: vidlocal list")


def _composed(path: str) -> str:
    """Compose the accents of a path, stored by macOS as separate characters."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _disambiguate(candidates: Sequence[Video]) -> Iterator[tuple[Video, str]]:
    """Yield each video with the file name, or the path if the file name is not unique."""
    names = Counter(map(_file_name, candidates))
    for video in candidates:
        name = _file_name(video)
        yield video, name if name and names[name] == 1 else video.path or video.title


def paths(library: Library, video_id: int) -> list[Path]:
    """List the paths of the files of a video, latest first."""
    video = get(library, video_id)
    names = [] if video is None else [video.path, *_copies(library, video_id)]
    return [Path(name) for name in dict.fromkeys(names)]


def stamps(library: Library, video_id: int) -> dict[Path, FileStamp]:
    """Map the paths of the files of a video, oldest first, to their stamps when last read.

    The file of an imported video has not been read here: its stamp has only the size, times are 0.
    """
    rows = library.rows(
        "SELECT path, size_bytes, mtime_ns, inode FROM copies WHERE video_id = ? ORDER BY id", video_id
    ) or library.rows("SELECT path, size_bytes, 0, 0 FROM videos WHERE id = ?", video_id)
    return {Path(os.fsdecode(row["path"])): FileStamp(*row[1:]) for row in rows}


def set_language(library: Library, video_id: int, language: str) -> None:
    """Store the spoken language of a video."""
    with library.writing() as connection:
        connection.execute("UPDATE videos SET language = ? WHERE id = ?", (language, video_id))


def set_title(library: Library, video_id: int, title: str) -> None:
    """Store the title of a video."""
    with library.writing() as connection:
        connection.execute("UPDATE videos SET title = ? WHERE id = ?", (storable(title), video_id))


def add_missing_facts(library: Library, video_id: int, probe: Probe) -> None:
    """Store missing values of recording date, place and camera from `probe`."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE videos SET recorded_at = coalesce(recorded_at, ?), camera = coalesce(camera, ?) WHERE id = ?""",
            (probe.recorded_at, storable(probe.camera) if probe.camera else None, video_id),
        )
        connection.execute(
            """UPDATE videos SET latitude = ?, longitude = ?, place = ?, place_names = ?
            WHERE id = ? AND latitude IS NULL""",
            (*_place_columns(probe), video_id),
        )


def remove(library: Library, video_id: int, *, purge: bool = False) -> None:
    """Delete the rows, index entries and frame images of a video. The video file is never touched.

    With `purge`, no text of it stays in the library file, including free pages; past searches, second looks and reports
    are deleted too, because they may quote it. Raises StoreError if another program's reading keeps the write-ahead log
    from being emptied: the video is deleted, but its text stays in the log until that program ends.
    """
    row = library.row("SELECT content_hash FROM videos WHERE id = ?", video_id)
    with library.writing() as connection:
        connection.execute("DELETE FROM videos WHERE id = ?", (video_id,))
        vocabulary.delete_unused(library)
        if purge:
            facts.put(library, facts.PURGE_PENDING, now_utc())
    if row is not None:
        staging.remove_images(library, row["content_hash"])
    if purge:
        purge_deleted(library)


def title_of(path: Path, probe: Probe) -> str:
    """Return the file name without suffix, else the embedded title: embedded titles are often useless."""
    return _name_of(path) or probe.title or "untitled"


def _has_file_title(video: Video) -> bool:
    return video.title == _name_of(Path(video.path))


def _file_name(video: Video) -> str:
    return Path(video.path).name


def _name_of(path: Path) -> str:
    return storable(path.stem)


def purge_deleted(library: Library) -> None:
    """Leave no byte of deleted rows and words in the file. Deletes past searches and reports, too.

    Rewrites the file and the text indexes: deleted rows stay in free pages, deleted words in the index. After an
    interruption `finish_purge` repeats it, if the deletion stored facts.PURGE_PENDING.
    """
    with library.writing() as connection:
        connection.execute("INSERT INTO passage_words(passage_words) VALUES ('optimize')")
        connection.execute("INSERT INTO passage_grams(passage_grams) VALUES ('optimize')")
        for table in _MAY_QUOTE:
            connection.execute(f"DELETE FROM {table}")
    library.row("VACUUM")
    vector_cache.delete_all(library)
    if not _truncate_wal(library):
        raise StoreError(
            f"{library.path}: another program is reading the library. Words of the deleted video stay in the log file "
            "until that program ends."
        )
    facts.delete(library, facts.PURGE_PENDING)


def finish_purge(library: Library) -> bool:
    """Finish an interrupted deletion without traces, with the images. False if there was none."""
    if facts.get(library, facts.PURGE_PENDING) is None:
        return False
    staging.remove_orphans(library)
    purge_deleted(library)
    return True


def _truncate_wal(library: Library) -> bool:
    """Empty the write-ahead log, with some patience for short reads of other programs."""
    deadline = time.monotonic() + _MAX_WAL_WAIT_S
    while not library.truncate_wal():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_WAL_POLL_S)
    return True


def _copies(library: Library, video_id: int) -> list[str]:
    return [os.fsdecode(row["path"]) for row in library.rows("SELECT path FROM copies WHERE video_id = ?", video_id)]


def _codecs(probe: Probe) -> str:
    names = [probe.video_codec, *(track.codec for track in probe.audio)]
    return ", ".join(dict.fromkeys(name for name in names if name))
