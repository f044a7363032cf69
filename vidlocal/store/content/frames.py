"""Frames, their images and their descriptions."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.job_specs import PER_FRAME_KINDS
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import Fault, Frame, FrameDraft, JobKind, JobState, Passage, PassageKind, Provenance, Video
from vidlocal.store.content import frame_images, passages
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.values import RowReader, now_utc, sql_list, storable

# Span of a moment without frames: the default sampling interval.
_DEFAULT_SPAN_S = 2.0

_reader = RowReader(Frame)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Numbers of frames; a repeat counts as described together with the original."""

    described: int
    total: int
    distinct_undescribed: int


@dataclass(frozen=True, slots=True)
class DistinctCounts:
    """Numbers of frames of a video: all, distinct (no repeats), and described distinct frames."""

    frames: int
    distinct: int
    described: int


@dataclass(frozen=True, slots=True)
class HashedFrame:
    """A distinct frame with a perceptual hash (64 bits, unsigned)."""

    id: int
    video_id: int
    time: float
    dhash: int


def add(library: Library, video_id: int, drafts: Sequence[FrameDraft]) -> list[int]:
    """Store the frames of a new video in order of time. The images must be in place. Returns the ids."""
    ids: list[int] = []
    with library.writing() as connection:
        for draft in drafts:
            cursor = connection.execute(
                """INSERT INTO frames (video_id, time, shot, image, image_crc, dhash, same_as, rank, novelty)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    video_id,
                    draft.time,
                    draft.shot,
                    draft.image,
                    None if draft.image is None else frame_images.crc(library, draft.image),
                    _signed(draft.dhash),
                    None if draft.same_as is None else ids[draft.same_as],
                    draft.rank,
                    draft.novelty,
                ),
            )
            ids.append(int(cursor.lastrowid or 0))
    return ids


def queue_descriptions(library: Library, video_id: int) -> int:
    """Queue a describe job for each distinct frame of a video. Returns the number of new jobs."""
    with library.writing() as connection:
        return connection.execute(
            f"""INSERT INTO jobs (kind, target, video_id, priority, updated_at)
            SELECT ?, id, video_id, {priorities.FRAME_VALUE_SQL}, ? FROM frames WHERE video_id = ? AND image IS NOT NULL
            ON CONFLICT (kind, target) DO NOTHING""",
            (JobKind.DESCRIBE, now_utc(), video_id),
        ).rowcount


def get(library: Library, frame_id: int) -> Frame | None:
    """Return a frame by id."""
    row = library.row(f"SELECT {_reader.columns} FROM frames WHERE id = ?", frame_id)
    return None if row is None else _reader(row)


def of_video(library: Library, video_id: int) -> list[Frame]:
    """List all frames of a video in order of time."""
    rows = library.rows(f"SELECT {_reader.columns} FROM frames WHERE video_id = ? ORDER BY time", video_id)
    return [_reader(row) for row in rows]


def representatives(library: Library, video_id: int) -> list[Frame]:
    """List the representative frames of a video in order of time: at most 50."""
    where = "video_id = ? AND rank IS NOT NULL"
    rows = library.rows(f"SELECT {_reader.columns} FROM frames WHERE {where} ORDER BY time", video_id)
    return [_reader(row) for row in rows]


def frame_at(library: Library, video_id: int, time: float) -> Frame | None:
    """Return the frame visible at a time of a video: the last earlier frame, else the first."""
    latest = f"SELECT {_reader.columns} FROM frames WHERE video_id = ? AND time <= ? ORDER BY time DESC LIMIT 1"
    row = library.row(latest, video_id, time + 0.001)
    if row is None:
        first = f"SELECT {_reader.columns} FROM frames WHERE video_id = ? ORDER BY time LIMIT 1"
        row = library.row(first, video_id)
    return None if row is None else _reader(row)


def distinct_between(library: Library, video_id: int, start: float, end: float) -> list[int]:
    """List the ids of the frames with an image of their own between two times, in order of time."""
    rows = library.rows(
        "SELECT id FROM frames WHERE video_id = ? AND time BETWEEN ? AND ? AND image IS NOT NULL ORDER BY time",
        video_id,
        start,
        end,
    )
    return [row["id"] for row in rows]


def sampled_span(library: Library, video: Video, time: float) -> tuple[float, float, int | None]:
    """Return start, end and id of the frame sampled at `time` or before, up to the next frame, also if a repeat.

    Without such a frame: _DEFAULT_SPAN_S from `time`, and no id.
    """
    row = library.row(
        "SELECT id, time FROM frames WHERE video_id = ? AND time <= ? ORDER BY time DESC LIMIT 1",
        video.id,
        time + 0.001,
    )
    if row is None:
        return time, min(time + _DEFAULT_SPAN_S, video.duration), None
    following = library.row("SELECT min(time) FROM frames WHERE video_id = ? AND time > ?", video.id, row["time"])
    end = video.duration if following is None or following[0] is None else following[0]
    return row["time"], max(row["time"], end), row["id"]


def undescribed(
    library: Library, video_id: int, start: float, end: float, *, nearest_to: float, limit: int
) -> list[Frame]:
    """List the distinct frames without description between two times of a video, nearest first."""
    rows = library.rows(
        f"""SELECT {_reader.columns} FROM frames WHERE video_id = ? AND time BETWEEN ? AND ? AND image IS NOT NULL
        AND enriched_at IS NULL ORDER BY abs(time - ?) LIMIT ?""",
        video_id,
        start,
        end,
        nearest_to,
        limit,
    )
    return [_reader(row) for row in rows]


def with_hashes(library: Library) -> list[HashedFrame]:
    """List all distinct frames with their hashes."""
    rows = library.rows("SELECT id, video_id, time, dhash FROM frames WHERE image IS NOT NULL")
    return [HashedFrame(row["id"], row["video_id"], row["time"], unsigned(row["dhash"])) for row in rows]


def dhash(library: Library, frame: Frame) -> int:
    """Return the perceptual hash of a frame: 64 bits, unsigned."""
    return unsigned(library.number("SELECT dhash FROM frames WHERE id = ?", frame.id))


def description(library: Library, frame_id: int) -> str:
    """Return the visible description of a frame, empty if there is none."""
    row = library.row(
        "SELECT text FROM passages WHERE frame_id = ? AND kind = ? AND visible ORDER BY id DESC LIMIT 1",
        frame_id,
        PassageKind.SCENE,
    )
    return "" if row is None else str(row["text"])


def visible_until(library: Library, frame: Frame) -> float:
    """Return the time of the next different frame in seconds, at least the time of the frame."""
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
    """Replace the description and tags of a frame. Nest `jobs.finish` in the same transaction.

    A description corrected by hand stays, and the new one is dropped. Without `visible`, search does not find the
    description until `passages.publish`.
    """
    with library.writing() as connection:
        _delete_scene(connection, frame.id)
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


def _delete_scene(connection: sqlite3.Connection, frame_id: int) -> None:
    connection.execute(
        "DELETE FROM passages WHERE frame_id = ? AND kind = ? AND engine IS NOT ?",
        (frame_id, PassageKind.SCENE, passages.BY_HAND),
    )


def scene_text(answer: SceneAnswer) -> str:
    """Return the description, followed by all other words of the answer in brackets for search."""
    description = answer.description.casefold()
    named = (*answer.tags, *answer.objects, *answer.relationships, *answer.emotions, answer.setting, answer.event_type)
    extra = dict.fromkeys(
        word.strip().lower() for word in named if word.strip() and word.strip().casefold() not in description
    )
    text = f"{answer.description} [{', '.join(extra)}]" if extra else answer.description
    if answer.visible_text and answer.visible_text.casefold() not in description:
        text += f' "{answer.visible_text}"'
    return text


def coverage(library: Library, video_id: int | None = None) -> Coverage:
    """Count frames and described frames of a video or the library."""
    where, values = ("", ()) if video_id is None else ("WHERE frames.video_id = ?", (video_id,))
    row = library.row(
        f"""SELECT count(*), coalesce(sum(source.enriched_at IS NOT NULL), 0),
          coalesce(sum(frames.image IS NOT NULL AND frames.enriched_at IS NULL), 0)
        FROM frames JOIN frames AS source ON source.id = coalesce(frames.same_as, frames.id) {where}""",
        *values,
    )
    return Coverage(0, 0, 0) if row is None else Coverage(row[1], row[0], row[2])


def distinct_counts(library: Library) -> dict[int, DistinctCounts]:
    """Count all, distinct and described frames, by video id."""
    rows = library.rows(
        """SELECT video_id, count(*), count(image), sum(image IS NOT NULL AND enriched_at IS NOT NULL)
        FROM frames GROUP BY video_id"""
    )
    return {video_id: DistinctCounts(*counts) for video_id, *counts in rows}


def _signed(dhash: int) -> int:
    """Convert 64 unsigned bits to the signed integer of SQLite."""
    return dhash - (1 << 64) if dhash >= 1 << 63 else dhash


def unsigned(stored: int) -> int:
    """Convert a stored perceptual hash to 64 unsigned bits."""
    return stored & ((1 << 64) - 1)


def requeue_readable(library: Library) -> int:
    """Requeue jobs failed for lack of a now readable image, as after the return of a disk. Returns their number."""
    kinds = sql_list(PER_FRAME_KINDS)
    rows = library.rows(
        f"SELECT kind, target, video_id FROM jobs WHERE state = ? AND fault = ? AND kind IN {kinds}",
        JobState.FAILED,
        Fault.FILE,
    )
    requeued = 0
    for row in rows:
        frame = get(library, row["target"])
        if frame is not None and frame.image is not None and frame_images.exists(library, frame.image):
            jobs.add(library, JobKind(row["kind"]), row["target"], row["video_id"])
            requeued += 1
    return requeued


def describe_again(library: Library, frame_ids: Sequence[int]) -> None:
    """Delete the descriptions of frames and queue the frames again."""
    with library.writing() as connection:
        for frame_id in frame_ids:
            frame = get(library, frame_id)
            if frame is None:
                continue
            _delete_scene(connection, frame_id)
            connection.execute("DELETE FROM tags WHERE frame_id = ?", (frame_id,))
            connection.execute("UPDATE frames SET enriched_at = NULL WHERE id = ?", (frame_id,))
            jobs.add(library, JobKind.DESCRIBE, frame_id, frame.video_id)
