"""Videos: identity is content, a path is only where it was last seen."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vidlocal.errors import StoreError, UsageError
from vidlocal.records import EnrichmentStatus, FileStamp, FrameDraft, JobKind, MediaKind, Passage, Probe, Video
from vidlocal.store.content import frames, passages, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache
from vidlocal.store.queue import jobs
from vidlocal.store.values import RowReader, now_utc, storable, stored_path

_read = RowReader(Video, path=os.fsdecode, kind=MediaKind, enrichment_status=EnrichmentStatus)

# Candidates listed when a name fits several videos.
_MOST_NAMED = 8


def add(
    library: Library,
    *,
    content_hash: str,
    path: Path,
    stamp: FileStamp,
    probe: Probe,
    frame_drafts: Sequence[FrameDraft],
    found: Sequence[Passage],
    plan: Sequence[JobKind],
) -> int:
    """A video with its frames, passages and planned jobs, in one transaction. Returns its id.

    One that was imported, and of which so far only its text was known, keeps that and gets the rest.
    """
    with library.writing() as connection:
        (video_id,) = connection.execute(
            """INSERT INTO videos (content_hash, path, title, kind, duration, width_px, height_px, codecs, rotation,
              recorded_at, added_at, size_bytes, partial) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (content_hash) DO UPDATE SET kind = excluded.kind, duration = excluded.duration,
              width_px = excluded.width_px, height_px = excluded.height_px, codecs = excluded.codecs,
              rotation = excluded.rotation, recorded_at = coalesce(excluded.recorded_at, recorded_at),
              size_bytes = excluded.size_bytes, partial = excluded.partial
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
            ),
        ).fetchone()
        remember_copy(library, video_id, path, stamp)
        frames.add(library, video_id, frame_drafts)
        frames.queue_descriptions(library, video_id)
        for kind in plan:
            jobs.add(library, kind, video_id, video_id)
        passages.add(library, video_id, found)
    return int(video_id)


def is_taken_in(library: Library, video: Video) -> bool:
    """Whether a file of the video was looked at: an imported one may have nothing but its text."""
    if video.kind is MediaKind.AUDIO:
        return bool(_copies(library, video.id))
    return library.row("SELECT 1 FROM frames WHERE video_id = ? LIMIT 1", video.id) is not None


def remember_copy(library: Library, video_id: int, path: Path, stamp: FileStamp) -> None:
    """Note that this file holds the video, and make it the path to open. A file that was renamed gives its new name."""
    before = get(library, video_id)
    with library.writing() as connection:
        connection.execute(
            """INSERT INTO copies (video_id, path, size_bytes, mtime_ns, inode) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET video_id = excluded.video_id, size_bytes = excluded.size_bytes,
              mtime_ns = excluded.mtime_ns, inode = excluded.inode""",
            (video_id, stored_path(path), stamp.size_bytes, stamp.mtime_ns, stamp.inode),
        )
        connection.execute("UPDATE videos SET path = ? WHERE id = ?", (stored_path(path), video_id))
        if before is not None and before.title == _name_of(Path(before.path)) and not os.path.lexists(before.path):
            connection.execute("UPDATE videos SET title = ? WHERE id = ?", (_name_of(path) or before.title, video_id))


def moved(library: Library, video_id: int, before: Path, after: Path) -> None:
    """A file of a video was renamed: its path follows, and its title where that was the file's name.

    Told twice it changes nothing more.
    """
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
    """The video this very file is known to hold, when its size, time and inode are as they were."""
    row = library.row(
        """SELECT video_id FROM copies WHERE path = ? AND size_bytes = ? AND mtime_ns = ? AND inode = ?""",
        stored_path(path),
        stamp.size_bytes,
        stamp.mtime_ns,
        stamp.inode,
    )
    return None if row is None else get(library, row["video_id"])


def with_hash(library: Library, content_hash: str) -> Video | None:
    row = library.row(f"SELECT {_read.columns} FROM videos WHERE content_hash = ?", content_hash)
    return None if row is None else _read(row)


def get(library: Library, video_id: int) -> Video | None:
    row = library.row(f"SELECT {_read.columns} FROM videos WHERE id = ?", video_id)
    return None if row is None else _read(row)


def every(library: Library) -> list[Video]:
    """All videos in the order they were added."""
    return [_read(row) for row in library.rows(f"SELECT {_read.columns} FROM videos ORDER BY id")]


def resolve(library: Library, text: str) -> Video:
    """The video a person means: by id, path, or a unique part of its title or file name.

    Raises UsageError with the candidates when several fit, and when none does.
    """
    known = every(library)
    wanted = str(Path(text).absolute())
    exact = [video for video in known if str(video.id) == text or wanted in (video.path, *_copies(library, video.id))]
    part = text.casefold()
    named = [video for video in known if part in video.title.casefold() or part in Path(video.path).name.casefold()]
    alike = [video for video in named if part in (video.title.casefold(), Path(video.path).name.casefold())]
    for candidates in (exact, alike, named):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            listed = ", ".join(f"{video.id} ({name})" for video, name in _told_apart(candidates[:_MOST_NAMED]))
            more = ", ..." if len(candidates) > _MOST_NAMED else ""
            raise UsageError(f"{text!r} fits {len(candidates)} videos: {listed}{more}. Name one by its number.")
    raise UsageError(f"No video fits {text!r}. See them all with: vidlocal list")


def _told_apart(candidates: Sequence[Video]) -> Iterator[tuple[Video, str]]:
    """Each with its file name, or with its whole path where another one's file has the same name."""
    names = Counter(Path(video.path).name for video in candidates)
    for video in candidates:
        name = Path(video.path).name
        yield video, name if name and names[name] == 1 else video.path or video.title


def paths(library: Library, video_id: int) -> list[Path]:
    """Where the video was seen, the latest place first."""
    video = get(library, video_id)
    known = [] if video is None else [video.path, *_copies(library, video_id)]
    return [Path(path) for path in dict.fromkeys(known)]


def stamps(library: Library, video_id: int) -> dict[Path, FileStamp]:
    """The files that were seen to hold the video, each as it was then."""
    rows = library.rows("SELECT path, size_bytes, mtime_ns, inode FROM copies WHERE video_id = ?", video_id)
    return {Path(os.fsdecode(row["path"])): FileStamp(*row[1:]) for row in rows}


def set_language(library: Library, video_id: int, language: str) -> None:
    with library.writing() as connection:
        connection.execute("UPDATE videos SET language = ? WHERE id = ?", (language, video_id))


def remove(library: Library, video_id: int, *, purge: bool = False) -> None:
    """Forget a video: its rows, its index entries and its frame images. Its file is never touched.

    With `purge` no trace of its text stays in the library file, its free pages included; past searches, what they had
    looked at again, and reports go too, for they may quote it. StoreError when another program's reading keeps SQLite's
    log from being emptied: the video is gone by then, its text from the log when that program ends.
    """
    row = library.row("SELECT content_hash FROM videos WHERE id = ?", video_id)
    with library.writing() as connection:
        connection.execute("DELETE FROM videos WHERE id = ?", (video_id,))
        vocabulary.forget_unused(library)
    images = None if row is None else frames.folder_of(library, row["content_hash"])
    if images is not None:
        shutil.rmtree(images, ignore_errors=True)
    if purge:
        _purge(library)


def title_of(path: Path, probe: Probe) -> str:
    """The file's name without its ending: people know their files by it, embedded titles are often rubbish."""
    return _name_of(path) or probe.title or "untitled"


def _name_of(path: Path) -> str:
    return storable(path.stem)


def _purge(library: Library) -> None:
    """Deleted rows stay in free pages, and deleted words in the text index, until both are rewritten."""
    with library.writing() as connection:
        connection.execute("INSERT INTO passage_words(passage_words) VALUES ('optimize')")
        connection.execute("INSERT INTO passage_grams(passage_grams) VALUES ('optimize')")
        for table in ("searches", "query_vectors", "looks", "runs"):
            connection.execute(f"DELETE FROM {table}")
    library.row("VACUUM")
    vector_cache.forget(library)
    emptied = library.row("PRAGMA wal_checkpoint(TRUNCATE)")
    if emptied is None or emptied[0]:
        raise StoreError(
            f"Another program is reading {library.path}: words of the removed video stay in SQLite's log beside it "
            "until the last such program has ended."
        )


def _copies(library: Library, video_id: int) -> list[str]:
    return [os.fsdecode(row["path"]) for row in library.rows("SELECT path FROM copies WHERE video_id = ?", video_id)]


def _codecs(probe: Probe) -> str:
    names = [probe.video_codec, *(track.codec for track in probe.audio)]
    return ", ".join(dict.fromkeys(name for name in names if name))
