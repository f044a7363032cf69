"""Image embeddings of distinct frames, by model key `name@digest12`."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.records import Frame, JobKind, JobState
from vidlocal.store.content import frame_images
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.index import vector_cache, vector_table
from vidlocal.store.queue import jobs
from vidlocal.store.values import RowReader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.values import Ids, Vectors

_read = RowReader(Frame)


@dataclass(frozen=True, slots=True)
class FrameVectors:
    """Vectors of a model with frame ids, video ids and times, in order of video and time: n, n, n and n x d."""

    frames: "Ids"
    videos: "Ids"
    times: "NDArray[np.float64]"
    vectors: "Vectors"


def keys(library: Library) -> list[str]:
    """List the model keys with frame vectors. Fast in a library of any size."""
    return vector_table.keys(library, vector_table.FRAME_VECTORS)


def store(library: Library, key: str, frame_ids: Sequence[int], vectors: "Vectors") -> None:
    """Store the vectors of frames: float32, n x d, unit rows, in the order of `frame_ids`. Skips deleted frames."""
    with library.writing() as connection:
        connection.executemany(
            """INSERT INTO frame_vectors (frame_id, model, vector) SELECT id, ?, ? FROM frames WHERE id = ?
            ON CONFLICT (frame_id, model) DO UPDATE SET vector = excluded.vector""",
            [
                (key, vector.astype("<f4").tobytes(), frame_id)
                for frame_id, vector in zip(frame_ids, vectors, strict=True)
            ],
        )


def frames_without_vector(library: Library, video_id: int, key: str, *, limit: int) -> list[Frame]:
    """List the distinct frames of a video without a vector of this model, in order of time."""
    rows = library.rows(
        f"""SELECT {_read.columns} FROM frames WHERE video_id = ? AND image IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM frame_vectors WHERE frame_id = frames.id AND model = ?) ORDER BY time LIMIT ?""",
        video_id,
        key,
        limit,
    )
    return [_read(row) for row in rows]


def coverage(library: Library, video_id: int, key: str) -> tuple[int, int]:
    """Count the distinct frames of a video: with a vector of this model, and all."""
    row = library.row(
        """SELECT count(frame_vectors.id), count(*) FROM frames
        LEFT JOIN frame_vectors ON frame_id = frames.id AND model = ? WHERE video_id = ? AND image IS NOT NULL""",
        key,
        video_id,
    )
    return (0, 0) if row is None else (row[0], row[1])


def every(library: Library, key: str, videos: Collection[int] | None = None) -> FrameVectors:
    """Read the vectors of a model, of some videos or all, from the vector cache if possible.

    Skips vectors of another size than the first; `vidlocal check` reports them.
    """
    import numpy as np

    cache = vector_cache.prepare(library, key, vector_table.FRAME_VECTORS)
    newer = cache.newer(library)
    where, values = "", []
    if videos is not None:
        where, values = "WHERE video_id IN (SELECT value FROM json_each(?))", [json.dumps(sorted(videos))]
    rows = library.rows(
        f"""SELECT frame_vectors.id, frame_id, video_id, time FROM frames
        CROSS JOIN frame_vectors ON frame_id = frames.id AND model = ? {where} ORDER BY video_id, time""",
        key,
        *values,
    )
    ids = np.concatenate([cache.ids, newer.ids[:, 0]])
    row_ids = np.fromiter((row["id"] for row in rows), dtype=np.int64, count=len(rows))
    exists = np.isin(row_ids, ids)
    positions = np.searchsorted(ids, row_ids[exists])
    vectors = np.empty((len(positions), cache.dimensions), dtype=np.float32)
    is_cached = positions < len(cache)
    vectors[is_cached] = cache.vectors[positions[is_cached]]
    vectors[~is_cached] = newer.vectors[positions[~is_cached] - len(cache)]
    return FrameVectors(
        frames=np.array([row["frame_id"] for row in rows], dtype=np.int64)[exists],
        videos=np.array([row["video_id"] for row in rows], dtype=np.int64)[exists],
        times=np.array([row["time"] for row in rows], dtype=np.float64)[exists],
        vectors=vectors,
    )


def delete_other_models(library: Library, video_id: int, key: str) -> None:
    """Delete the vectors of other models of a video, after this model has finished the video."""
    with library.writing() as connection:
        connection.execute(
            "DELETE FROM frame_vectors WHERE model <> ? AND frame_id IN (SELECT id FROM frames WHERE video_id = ?)",
            (key, video_id),
        )


def queue_missing(library: Library, key: str) -> int:
    """Queue every video with a distinct frame without a vector of this model. Returns the number of videos.

    Failed jobs stay failed, unless the model has changed since. Imported videos without images are skipped.
    """
    is_new = facts.get(library, facts.FRAME_VECTORS_MODEL) != key
    rows = library.rows(
        """SELECT videos.id, min(image) AS image FROM videos JOIN frames ON video_id = videos.id
        WHERE image IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM frame_vectors WHERE frame_id = frames.id AND model = ?)
        AND NOT EXISTS (
          SELECT 1 FROM jobs WHERE kind = ? AND target = videos.id AND (state = ? AND NOT ? OR state IN (?, ?)))
        GROUP BY videos.id""",
        key,
        JobKind.PICTURES,
        JobState.FAILED,
        is_new,
        JobState.QUEUED,
        JobState.RUNNING,
    )
    video_ids = [row["id"] for row in rows if frame_images.has_folder(library, row["image"])]
    if video_ids or is_new:
        with library.writing():
            facts.put(library, facts.FRAME_VECTORS_MODEL, key)
            for video_id in video_ids:
                jobs.add(library, JobKind.PICTURES, video_id, video_id)
    return len(video_ids)
