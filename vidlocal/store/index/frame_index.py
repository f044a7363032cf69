"""The frames that look most like a direction in the space of a picture model, and videos as one direction each.

As for passages (`store.vector_index`) a mirror of the vectors proposes and the table decides, and models never meet.
Every row is compared, whatever the size: what the words of a query tell pictures apart by is far less than what signs
alone can tell, and 1,000,000 frames of 512 dimensions take 0.4 s so.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.index.vector_cache import VectorCache

    Vectors = NDArray[np.float32]
    Numbers = NDArray[np.int64]

_BLOCK_ROWS = 16_384  # rows at a time: 32 MB of 512 dimensions
_BATCH = 500  # so many candidates are looked up in the table at once
_SAMPLE = 50_000  # of so many cosines middle and spread are taken
_ONE_DEVIATION_BELOW = 0.1587  # so much of a normal distribution lies more than one standard deviation below its middle

# What a frame is to a filter that was made for passages: a span without language, with the words of its description.
_AS_PASSAGES = """SELECT
    frames.id AS frame_id, vector, coalesce(said.id, -frames.id) AS id, frames.video_id AS video_id,
    frames.time AS start, frames.time AS "end", 'picture' AS kind, coalesce(said.text, '') AS text, NULL AS language
  FROM json_each(?) AS wanted CROSS JOIN frames ON frames.id = wanted.value
  CROSS JOIN frame_vectors ON frame_vectors.frame_id = frames.id AND frame_vectors.model = ?
  LEFT JOIN passages AS said ON said.id = (
    SELECT max(id) FROM passages WHERE frame_id = frames.id AND kind = 'scene' AND visible)"""


@dataclass(frozen=True, slots=True)
class Background:
    """Cosines of pictures in general with what is looked for: how many there are, their middle and spread.

    The spread is that of the lower half, as if it were half of a normal distribution: where much of a library is what
    is looked for, that makes the upper half wide, and must not hide itself by it.
    """

    count: int
    median: float
    spread: float


def prepare(library: Library, key: str) -> "VectorCache":
    """The mirror of a picture model's vectors, for `nearest` and `of_videos`."""
    return vector_cache.prepare(library, key, vector_cache.FRAME_VECTORS)


def vector_of(library: Library, frame_id: int) -> "tuple[str, Vectors] | None":
    """The model key and vector of a frame, the newest where several models have seen it; None where none has."""
    import numpy as np

    row = library.row("SELECT model, vector FROM frame_vectors WHERE frame_id = ? ORDER BY id DESC LIMIT 1", frame_id)
    if row is None or not isinstance(row["vector"], bytes) or len(row["vector"]) % 4:
        return None
    return str(row["model"]), np.frombuffer(row["vector"], dtype="<f4")


def count_missing(library: Library, key: str) -> int:
    """How many distinct frames this model has not turned into a vector."""
    distinct = library.number("SELECT count(*) FROM frames WHERE image IS NOT NULL")
    return distinct - library.number("SELECT count(*) FROM frame_vectors WHERE model = ?", key)


def nearest(
    library: Library,
    cache: "VectorCache",
    vector: "Vectors",
    *,
    limit: int,
    min_cosine: Callable[[Background], float],
    search_filter: SearchFilter = NO_FILTER,
) -> tuple[dict[int, float], Background]:
    """Cosines by id of the `limit` frames nearest to a unit vector, best first, as far as `only` lets them through.

    `least` gives the smallest cosine that counts. A vector of other dimensions than the stored ones finds nothing.
    """
    import numpy as np

    if vector.shape != (cache.dimensions,):
        return {}, Background(0, 0.0, 0.0)
    newer = cache.newer(library)
    cosines = np.concatenate([_cosines(cache.vectors, vector), newer.vectors @ vector])
    if not len(cosines):
        return {}, Background(0, 0.0, 0.0)
    low, middle = np.quantile(cosines[:: 1 + len(cosines) // _SAMPLE], [_ONE_DEVIATION_BELOW, 0.5])
    crowd = Background(len(cosines), float(middle), float(middle - low))
    counts = cosines >= min_cosine(crowd)
    if search_filter.videos is not None:
        counts &= np.isin(np.concatenate([cache.videos, newer.videos]), list(search_filter.videos))
    near = np.flatnonzero(counts)
    near = near[np.argsort(-cosines[near], kind="stable")]
    frames = np.concatenate([cache.owners, newer.owners])[near]
    kept: dict[int, float] = {}
    for start in range(0, len(frames), _BATCH):
        kept |= _exact(library, cache.key, vector, frames[start : start + _BATCH].tolist(), search_filter)
        if len(kept) >= limit:
            break
    ranked = sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(ranked[:limit]), crowd


def video_centroids(library: Library, cache: "VectorCache") -> "tuple[Numbers, Vectors]":
    """Ids of the videos, ascending, and how each looks on the whole: the mean of its frames' vectors, of length 1."""
    import numpy as np

    newer = cache.newer(library)
    videos, rows = np.unique(np.concatenate([cache.videos, newer.videos]), return_inverse=True)
    sums = np.zeros((len(videos), cache.dimensions), dtype=np.float64)
    for start in range(0, len(cache), _BLOCK_ROWS):
        block = cache.vectors[start : start + _BLOCK_ROWS]
        _add(sums, rows[start : start + len(block)], block)
    _add(sums, rows[len(cache) :], newer.vectors)
    lengths = np.linalg.norm(sums, axis=1)
    points = (lengths > 0) & _exist(library, videos.tolist())
    return videos[points], (sums[points] / lengths[points, None]).astype(np.float32)


def _cosines(rows: "Vectors", vector: "Vectors") -> "Vectors":
    import numpy as np

    cosines = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        np.matmul(rows[start : start + _BLOCK_ROWS], vector, out=cosines[start : start + _BLOCK_ROWS])
    return cosines


def _add(sums: "NDArray[np.float64]", at: "Numbers", vectors: "Vectors") -> None:
    """Add each vector to its row of `sums`. Frames of one video mostly lie side by side."""
    import numpy as np

    if not len(at):
        return
    borders = [*np.flatnonzero(np.diff(at)) + 1, len(at)]
    for begin, end in zip([0, *borders[:-1]], borders, strict=True):
        sums[at[begin]] += np.ones(end - begin, dtype=np.float32) @ vectors[begin:end]


def _exist(library: Library, videos: Collection[int]) -> "NDArray[np.bool_]":
    """Which of the videos the library still has: the mirror forgets late."""
    import numpy as np

    rows = library.rows("SELECT id FROM videos WHERE id IN (SELECT value FROM json_each(?))", json.dumps(list(videos)))
    return np.isin(np.fromiter(videos, dtype=np.int64, count=len(videos)), [row["id"] for row in rows])


def _exact(
    library: Library, key: str, vector: "Vectors", frames: Collection[int], search_filter: SearchFilter
) -> dict[int, float]:
    """Cosines of those of the frames that may be shown, as the table has them now."""
    import numpy as np

    condition, values = search_filter.condition(by_time=True)
    rows = library.rows(
        f"SELECT frame_id, vector FROM ({_AS_PASSAGES}) AS passages WHERE true{condition}",
        json.dumps(list(frames)),
        key,
        *values,
    )
    shown = [row for row in rows if isinstance(row["vector"], bytes) and len(row["vector"]) == 4 * len(vector)]
    vectors = np.frombuffer(b"".join(row["vector"] for row in shown), dtype="<f4").reshape(-1, len(vector))
    return dict(zip([row["frame_id"] for row in shown], (vectors @ vector).tolist(), strict=True))
