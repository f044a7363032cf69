"""How frames look, as vectors of one model at a time: `name@digest12`.

Only a frame with a picture of its own has one; a repeat looks like the frame it repeats.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.records import JobKind, JobState
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.index import vector_cache
from vidlocal.store.queue import jobs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrameVectors:
    """All vectors of a model, row by row in order of video and time: n frames, their videos and times, n x d."""

    frames: "NDArray[np.int64]"
    videos: "NDArray[np.int64]"
    times: "NDArray[np.float64]"
    vectors: "NDArray[np.float32]"


def keys(library: Library) -> list[str]:
    """The model keys there are vectors of. Quick in a library of any size."""
    return vector_cache.keys(library, vector_cache.OF_FRAMES)


def store(library: Library, key: str, frame_ids: Sequence[int], vectors: "NDArray[np.float32]") -> None:
    """Keep the vectors of frames: float32, n x d, unit rows, in the order of `frame_ids`.

    A frame that was removed in the meantime is passed over.
    """
    with library.writing() as connection:
        connection.executemany(
            """INSERT INTO frame_vectors (frame_id, model, vector) SELECT id, ?, ? FROM frames WHERE id = ?
            ON CONFLICT (frame_id, model) DO UPDATE SET vector = excluded.vector""",
            [
                (key, vector.astype("<f4").tobytes(), frame_id)
                for frame_id, vector in zip(frame_ids, vectors, strict=True)
            ],
        )


def without(library: Library, video_id: int, key: str, *, limit: int) -> list[tuple[int, str]]:
    """Ids and images of distinct frames of a video that this model has not seen yet, in order of time."""
    rows = library.rows(
        """SELECT id, image FROM frames WHERE video_id = ? AND image IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM frame_vectors WHERE frame_id = frames.id AND model = ?) ORDER BY time LIMIT ?""",
        video_id,
        key,
        limit,
    )
    return [(row["id"], row["image"]) for row in rows]


def coverage(library: Library, video_id: int, key: str) -> tuple[int, int]:
    """How many distinct frames of a video this model has seen, and how many there are."""
    row = library.row(
        """SELECT count(frame_vectors.id), count(*) FROM frames
        LEFT JOIN frame_vectors ON frame_id = frames.id AND model = ? WHERE video_id = ? AND image IS NOT NULL""",
        key,
        video_id,
    )
    return (0, 0) if row is None else (row[0], row[1])


def every(library: Library, key: str, videos: Collection[int] | None = None) -> FrameVectors:
    """All vectors of a model, or those of these videos, from their mirror where there is one.

    A vector of another size than the first one is left out: `vidlocal check` tells of those.
    """
    import numpy as np

    mirror = vector_cache.prepare(library, key, vector_cache.OF_FRAMES)
    newer = mirror.newer(library)
    among, values = "", []
    if videos is not None:
        among, values = "WHERE video_id IN (SELECT value FROM json_each(?))", [json.dumps(sorted(videos))]
    rows = library.rows(
        f"""SELECT frame_vectors.id, frame_id, video_id, time FROM frames
        CROSS JOIN frame_vectors ON frame_id = frames.id AND model = ? {among} ORDER BY video_id, time""",
        key,
        *values,
    )
    ids = np.concatenate([mirror.ids, newer.ids[:, 0]])
    wanted = np.fromiter((row["id"] for row in rows), dtype=np.int64, count=len(rows))
    there = np.isin(wanted, ids)
    at = np.searchsorted(ids, wanted[there])
    vectors = np.empty((len(at), mirror.dimensions), dtype=np.float32)
    is_mirrored = at < len(mirror)
    vectors[is_mirrored] = mirror.vectors[at[is_mirrored]]
    vectors[~is_mirrored] = newer.vectors[at[~is_mirrored] - len(mirror)]
    return FrameVectors(
        frames=np.array([row["frame_id"] for row in rows], dtype=np.int64)[there],
        videos=np.array([row["video_id"] for row in rows], dtype=np.int64)[there],
        times=np.array([row["time"] for row in rows], dtype=np.float64)[there],
        vectors=vectors,
    )


def forget_others(library: Library, video_id: int, key: str) -> None:
    """Drop what other models made of a video, once this one has seen all of it."""
    with library.writing() as connection:
        connection.execute(
            "DELETE FROM frame_vectors WHERE model <> ? AND frame_id IN (SELECT id FROM frames WHERE video_id = ?)",
            (key, video_id),
        )


def queue_missing(library: Library, key: str) -> int:
    """Queue every video with a distinct frame that this model has not seen. How many there are.

    What was set aside stays so, unless another model was chosen since. A video whose pictures are not there (it was
    imported) waits until they are.
    """
    is_new = facts.get(library, facts.PICTURES_MODEL) != key
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
    places = {row["id"]: frames.place_of(library, row["image"]) for row in rows}
    wanted = [video_id for video_id, place in places.items() if place is not None and place.parent.is_dir()]
    if wanted or is_new:
        with library.writing():
            facts.put(library, facts.PICTURES_MODEL, key)
            for video_id in wanted:
                jobs.add(library, JobKind.PICTURES, video_id, video_id)
    return len(wanted)
