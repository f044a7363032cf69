"""How frames look, as vectors of one model at a time: `name@digest12`.

Only a frame with a picture of its own has one; a repeat looks like the frame it repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.records import JobKind, JobState
from vidlocal.store import frames, jobs, measures
from vidlocal.store.database import Library

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
    rows = library.rows(
        """WITH RECURSIVE found(model) AS (SELECT min(model) FROM frame_vectors UNION ALL
          SELECT (SELECT min(model) FROM frame_vectors WHERE model > found.model) FROM found
            WHERE found.model IS NOT NULL)
        SELECT model FROM found WHERE model IS NOT NULL"""
    )
    return [row["model"] for row in rows]


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


def every(library: Library, key: str) -> FrameVectors:
    """All vectors of a model. A vector of another size than most is left out: `vidlocal check` tells of those."""
    import numpy as np

    rows = library.rows(
        """SELECT frames.id, video_id, time, vector FROM frame_vectors JOIN frames ON frames.id = frame_id
        WHERE model = ? AND length(vector) = (
          SELECT length(vector) FROM frame_vectors WHERE model = ? GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
        ORDER BY video_id, time""",
        key,
        key,
    )
    vectors = np.frombuffer(b"".join(row["vector"] for row in rows), dtype="<f4").reshape(len(rows), -1) if rows else ()
    return FrameVectors(
        frames=np.fromiter((row["id"] for row in rows), dtype=np.int64),
        videos=np.fromiter((row["video_id"] for row in rows), dtype=np.int64),
        times=np.fromiter((row["time"] for row in rows), dtype=np.float64),
        vectors=np.asarray(vectors, dtype=np.float32).reshape(len(rows), -1 if rows else 0),
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
    is_new = measures.get(library, measures.PICTURES_MODEL) != key
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
            measures.put(library, measures.PICTURES_MODEL, key)
            for video_id in wanted:
                jobs.add(library, JobKind.PICTURES, video_id, video_id)
    return len(wanted)
