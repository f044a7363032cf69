"""Frames, and what the deep pass learns of them."""

import sqlite3
import stat
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.records import Frame, FrameDraft, JobKind, Passage, PassageKind, Provenance, SceneAnswer
from vidlocal.store.content import passages
from vidlocal.store.database import FRAMES_FOLDER, Library
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.values import RowReader, now_utc, storable

_LARGEST_PICTURE_BYTES = 64 << 20

_read = RowReader(Frame)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many frames a library or video has, and how many are described, repeats counted with their original."""

    described: int
    total: int
    distinct_left: int


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many frames a video has, how many of them repeat no other, and how many of those are described."""

    frames: int
    distinct: int
    described: int


@dataclass(frozen=True, slots=True)
class Hashed:
    """A frame that repeats no other, and its perceptual hash: 64 bits, unsigned."""

    id: int
    video_id: int
    time: float
    dhash: int


def add(library: Library, video_id: int, drafts: Sequence[FrameDraft]) -> list[int]:
    """Store the frames of a new video in order of time, their images in place. Returns their ids."""
    ids: list[int] = []
    with library.writing() as connection:
        for draft in drafts:
            cursor = connection.execute(
                """INSERT INTO frames (video_id, time, shot, image, image_crc, dhash, same_as, rank, novelty, facts)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, json(?))""",
                (
                    video_id,
                    draft.time,
                    draft.shot,
                    draft.image,
                    None if draft.image is None else crc_of(library.folder / draft.image),
                    _signed(draft.dhash),
                    None if draft.same_as is None else ids[draft.same_as],
                    draft.rank,
                    draft.novelty,
                    draft.facts_json(),
                ),
            )
            ids.append(int(cursor.lastrowid or 0))
    return ids


def queue_descriptions(library: Library, video_id: int) -> int:
    """One describe job per distinct frame of a video, most valuable first. How many there are."""
    with library.writing() as connection:
        return connection.execute(
            f"""INSERT INTO jobs (kind, target, video_id, priority, updated_at)
            SELECT ?, id, video_id, {priorities.VALUE}, ? FROM frames WHERE video_id = ? AND image IS NOT NULL
            ON CONFLICT (kind, target) DO NOTHING""",
            (JobKind.DESCRIBE, now_utc(), video_id),
        ).rowcount


def get(library: Library, frame_id: int) -> Frame | None:
    row = library.row(f"SELECT {_read.columns} FROM frames WHERE id = ?", frame_id)
    return None if row is None else _read(row)


def of_video(library: Library, video_id: int) -> list[Frame]:
    """All frames of a video in order of time."""
    rows = library.rows(f"SELECT {_read.columns} FROM frames WHERE video_id = ? ORDER BY time", video_id)
    return [_read(row) for row in rows]


def representatives(library: Library, video_id: int) -> list[Frame]:
    """The frames a fast look needs, in order of time: at most 50."""
    where = "video_id = ? AND rank IS NOT NULL"
    rows = library.rows(f"SELECT {_read.columns} FROM frames WHERE {where} ORDER BY time", video_id)
    return [_read(row) for row in rows]


def frame_at(library: Library, video_id: int, time: float) -> Frame | None:
    """The frame whose picture is seen at a time of a video: the last one before it, else the first."""
    row = library.row(
        f"SELECT {_read.columns} FROM frames WHERE video_id = ? ORDER BY time > ?, abs(time - ?) LIMIT 1",
        video_id,
        time + 0.001,
        time,
    )
    return None if row is None else _read(row)


def undescribed(library: Library, video_id: int, start: float, end: float, *, near: float, limit: int) -> list[Frame]:
    """Frames with a picture of their own between two times of a video that nothing was said of yet, nearest first."""
    rows = library.rows(
        f"""SELECT {_read.columns} FROM frames WHERE video_id = ? AND time BETWEEN ? AND ? AND image IS NOT NULL
        AND enriched_at IS NULL ORDER BY abs(time - ?) LIMIT ?""",
        video_id,
        start,
        end,
        near,
        limit,
    )
    return [_read(row) for row in rows]


def hashed(library: Library) -> list[Hashed]:
    """Every frame with a picture of its own, with its hash."""
    rows = library.rows("SELECT id, video_id, time, dhash FROM frames WHERE image IS NOT NULL")
    return [Hashed(row["id"], row["video_id"], row["time"], _unsigned(row["dhash"])) for row in rows]


def dhash(library: Library, frame: Frame) -> int:
    """The perceptual hash of a frame: 64 bits, unsigned."""
    return _unsigned(library.number("SELECT dhash FROM frames WHERE id = ?", frame.id))


def description(library: Library, frame_id: int) -> str:
    """What a model said of a frame; empty while none did."""
    row = library.row(
        "SELECT text FROM passages WHERE frame_id = ? AND kind = ? AND visible ORDER BY id DESC LIMIT 1",
        frame_id,
        PassageKind.SCENE,
    )
    return "" if row is None else str(row["text"])


def image_path(library: Library, frame: Frame) -> Path:
    """The picture of a frame, or of the frame it repeats: a file of the frames folder, or a path where none can be."""
    image = frame.image
    if image is None and frame.same_as is not None:
        original = get(library, frame.same_as)
        image = None if original is None else original.image
    path = place_of(library, image or "")
    return library.path / "no picture" if path is None or _is_odd(path) else path


def place_of(library: Library, image: str) -> Path | None:
    """Where an image lies: in the frames folder, or in a folder of it. None when the library, which someone may have
    sent, speaks of any other place."""
    first, *parts = image.split("/")
    if first != FRAMES_FOLDER or not 1 <= len(parts) <= 2 or not all(map(_is_plain, parts)):
        return None
    path = library.frames_folder.joinpath(*parts)
    return None if len(parts) == 2 and path.parent.is_symlink() else path


def folder_of(library: Library, content_hash: str) -> Path | None:
    """Where the images of a video lie. None when its hash is no name of a folder."""
    return library.frames_folder / content_hash if _is_plain(content_hash) else None


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and not set(name) & set("/\0")


def _is_odd(path: Path) -> bool:
    """Whether what is there is a link, a pipe or a device, or larger than a picture can be."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_PICTURE_BYTES


def crc_of(path: Path) -> int | None:
    """CRC-32 of a file, by which `check` knows an image again; None when there is none."""
    try:
        return zlib.crc32(path.read_bytes())
    except OSError:
        return None


def visible_until(library: Library, frame: Frame) -> float:
    """When the picture of a frame gives way to another one: seconds, never before the frame's own time."""
    row = library.row(
        """SELECT min(time) FROM frames WHERE video_id = ? AND time > ? AND (same_as IS NULL OR same_as <> ?)""",
        frame.video_id,
        frame.time,
        frame.id,
    )
    if row is not None and row[0] is not None:
        return float(row[0])
    end = library.row("SELECT duration FROM videos WHERE id = ?", frame.video_id)
    return max(frame.time, float(end[0]) if end is not None else frame.time)


def store_scene(
    library: Library, frame: Frame, answer: SceneAnswer, provenance: Provenance, *, visible: bool = True
) -> None:
    """Replace what is known of a frame by a new description. Nest `jobs.finish` in the same transaction.

    A description that a person has corrected stays, and stays the only one.
    One that is not `visible` is not found by search until `passages.reveal`.
    """
    with library.writing() as connection:
        _forget_scene(connection, frame.id)
        connection.execute("DELETE FROM tags WHERE frame_id = ?", (frame.id,))
        passage = Passage(
            start=frame.time,
            end=visible_until(library, frame),
            kind=PassageKind.SCENE,
            text=scene_text(answer),
            engine=provenance.engine,
            model=provenance.model,
            prompt_version=provenance.prompt_version,
            frame_id=frame.id,
        )
        passages.add(library, frame.video_id, [passage], digest=provenance.digest, visible=visible)
        connection.executemany(
            "INSERT OR IGNORE INTO tags (frame_id, tag) VALUES (?, ?)",
            [(frame.id, storable(tag.lower())) for tag in answer.tags],
        )
        connection.execute(
            """UPDATE frames SET enriched_at = ?, facts = json_patch(facts, json(?)) WHERE id = ?""",
            (now_utc(), answer.facts_json(), frame.id),
        )


def _forget_scene(connection: sqlite3.Connection, frame_id: int) -> None:
    connection.execute(
        "DELETE FROM passages WHERE frame_id = ? AND kind = ? AND engine IS NOT ?",
        (frame_id, PassageKind.SCENE, passages.BY_HAND),
    )


def scene_text(answer: SceneAnswer) -> str:
    """The description, and in brackets what the answer names beyond it, so that it can be found too."""
    said = answer.description.casefold()
    named = (*answer.tags, *answer.objects, *answer.relationships, *answer.emotions, answer.setting, answer.event_type)
    extra = dict.fromkeys(
        word.strip().lower() for word in named if word.strip() and word.strip().casefold() not in said
    )
    text = f"{answer.description} [{', '.join(extra)}]" if extra else answer.description
    if answer.visible_text and answer.visible_text.casefold() not in said:
        text += f' "{answer.visible_text}"'
    return text


def coverage(library: Library, video_id: int | None = None) -> Coverage:
    """Frames described and in all, of one video or the library."""
    among, values = ("", ()) if video_id is None else ("WHERE frames.video_id = ?", (video_id,))
    row = library.row(
        f"""SELECT count(*), coalesce(sum(source.enriched_at IS NOT NULL), 0),
          coalesce(sum(frames.image IS NOT NULL AND frames.enriched_at IS NULL), 0)
        FROM frames JOIN frames AS source ON source.id = coalesce(frames.same_as, frames.id) {among}""",
        *values,
    )
    return Coverage(0, 0, 0) if row is None else Coverage(row[1], row[0], row[2])


def distinct(library: Library) -> dict[int, Distinct]:
    """The distinct frames of every video that has frames, by video id."""
    rows = library.rows(
        """SELECT video_id, count(*), count(image), sum(image IS NOT NULL AND enriched_at IS NOT NULL)
        FROM frames GROUP BY video_id"""
    )
    return {video_id: Distinct(*counts) for video_id, *counts in rows}


def _signed(dhash: int) -> int:
    """64 unsigned bits as the signed number SQLite stores."""
    return dhash - (1 << 64) if dhash >= 1 << 63 else dhash


def _unsigned(stored: int) -> int:
    return stored & ((1 << 64) - 1)


def describe_again(library: Library, frame_ids: Sequence[int]) -> None:
    """Forget what was said of frames and queue them again."""
    with library.writing() as connection:
        for frame_id in frame_ids:
            frame = get(library, frame_id)
            if frame is None:
                continue
            _forget_scene(connection, frame_id)
            connection.execute("DELETE FROM tags WHERE frame_id = ?", (frame_id,))
            connection.execute("UPDATE frames SET enriched_at = NULL WHERE id = ?", (frame_id,))
            jobs.add(library, JobKind.DESCRIBE, frame_id, frame.video_id)
