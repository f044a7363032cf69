"""Nearest-neighbour search over frame vectors, and centroids of videos.

As in `vector_index`, a cache of the vectors proposes and the table decides, and models are never mixed. All rows are
compared exactly, in a library of any size: the words of a query separate images by far less than sign bits can resolve,
and 1,000,000 frames of 512 dimensions take 0.4 s.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter
from vidlocal.store.index.vector_table import FRAME_VECTORS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.index.vector_cache import VectorCache
    from vidlocal.store.values import Ids, Mask, Positions, Vector, Vectors

_BLOCK_ROWS = 16_384  # 32 MB of 512 dimensions
_BATCH = 500  # candidates per look-up in the table
_SAMPLE = 50_000  # cosines for median and spread
_ONE_SIGMA_BELOW = 0.1587  # quantile of a normal distribution one standard deviation below its mean

# Frames as rows of `passages`, for filters: spans without language, with the text of the description.
_AS_PASSAGES = """SELECT
    frames.id AS frame_id, vector, coalesce(scene.id, -frames.id) AS id, frames.video_id AS video_id,
    frames.time AS start, frames.time AS "end", 'picture' AS kind, coalesce(scene.text, '') AS text, NULL AS language
  FROM json_each(?) AS candidates CROSS JOIN frames ON frames.id = candidates.value
  CROSS JOIN frame_vectors ON frame_vectors.frame_id = frames.id AND frame_vectors.model = ?
  LEFT JOIN passages AS scene ON scene.id = (
    SELECT max(id) FROM passages WHERE frame_id = frames.id AND kind = 'scene' AND visible)"""


@dataclass(frozen=True, slots=True)
class Background:
    """Distribution of the cosines of all frames with a query: count, median and spread (standard deviation).

    The spread is estimated from the lower half: many matches in a library widen only the upper half.
    """

    count: int
    median: float
    spread: float


def prepare(library: Library, key: str) -> "VectorCache":
    """Update and open the vector cache of an image model, for `nearest` and `video_centroids`."""
    return vector_cache.prepare(library, key, FRAME_VECTORS)


def vector_of(library: Library, frame_id: int) -> "tuple[str, Vector] | None":
    """Return model key and vector of a frame, by the model of the newest vector."""
    import numpy as np

    row = library.row("SELECT model, vector FROM frame_vectors WHERE frame_id = ? ORDER BY id DESC LIMIT 1", frame_id)
    if row is None or not isinstance(row["vector"], bytes) or len(row["vector"]) % 4:
        return None
    return str(row["model"]), np.frombuffer(row["vector"], dtype="<f4")


def count_missing(library: Library, key: str) -> int:
    """Count the distinct frames without a vector of this model."""
    distinct = library.number("SELECT count(*) FROM frames WHERE image IS NOT NULL")
    return distinct - library.number("SELECT count(*) FROM frame_vectors WHERE model = ?", key)


def nearest(
    library: Library,
    cache: "VectorCache",
    vector: "Vector",
    *,
    limit: int,
    min_cosine: Callable[[Background], float],
    search_filter: SearchFilter = NO_FILTER,
) -> tuple[dict[int, float], Background]:
    """Find the `limit` frames nearest to a unit vector: cosines by frame id, best first.

    `min_cosine` returns the smallest cosine of a match. A vector of other dimensions than the stored ones matches
    nothing.
    """
    import numpy as np

    if vector.shape != (cache.dimensions,):
        return {}, Background(0, 0.0, 0.0)
    newer = cache.newer(library)
    cosines = np.concatenate([_cosines(cache.vectors, vector), newer.vectors @ vector])
    if not len(cosines):
        return {}, Background(0, 0.0, 0.0)
    low, median = np.quantile(cosines[:: 1 + len(cosines) // _SAMPLE], [_ONE_SIGMA_BELOW, 0.5])
    background = Background(len(cosines), float(median), float(median - low))
    matches = cosines >= min_cosine(background)
    if search_filter.videos is not None:
        matches &= np.isin(np.concatenate([cache.videos, newer.videos]), list(search_filter.videos))
    positions = np.flatnonzero(matches)
    positions = positions[np.argsort(-cosines[positions], kind="stable")]
    frames = np.concatenate([cache.owners, newer.owners])[positions]
    exact: dict[int, float] = {}
    for start in range(0, len(frames), _BATCH):
        exact |= _exact(library, cache.key, vector, frames[start : start + _BATCH].tolist(), search_filter)
        if len(exact) >= limit:
            break
    ranked = sorted(exact.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(ranked[:limit]), background


def video_centroids(library: Library, cache: "VectorCache") -> "tuple[Ids, Vectors]":
    """Compute the mean vector of the frames of each video, of length 1. Returns ascending video ids and vectors."""
    import numpy as np

    newer = cache.newer(library)
    videos, rows = np.unique(np.concatenate([cache.videos, newer.videos]), return_inverse=True)
    sums = np.zeros((len(videos), cache.dimensions), dtype=np.float64)
    for start in range(0, len(cache), _BLOCK_ROWS):
        block = cache.vectors[start : start + _BLOCK_ROWS]
        _add(sums, rows[start : start + len(block)], block)
    _add(sums, rows[len(cache) :], newer.vectors)
    lengths = np.linalg.norm(sums, axis=1)
    usable = (lengths > 0) & _exist(library, videos.tolist())
    return videos[usable], (sums[usable] / lengths[usable, None]).astype(np.float32)


def _cosines(rows: "Vectors", vector: "Vector") -> "Vector":
    import numpy as np

    cosines = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        np.matmul(rows[start : start + _BLOCK_ROWS], vector, out=cosines[start : start + _BLOCK_ROWS])
    return cosines


def _add(sums: "NDArray[np.float64]", rows: "Positions", vectors: "Vectors") -> None:
    """Add each vector to a row of `sums`. Fast for runs of equal rows: frames of a video are mostly adjacent."""
    import numpy as np

    if not len(rows):
        return
    borders = [*np.flatnonzero(np.diff(rows)) + 1, len(rows)]
    for begin, end in zip([0, *borders[:-1]], borders, strict=True):
        sums[rows[begin]] += np.ones(end - begin, dtype=np.float32) @ vectors[begin:end]


def _exist(library: Library, videos: Collection[int]) -> "Mask":
    """Return a mask of the videos still in the library: the cache drops deleted rows late."""
    import numpy as np

    rows = library.rows("SELECT id FROM videos WHERE id IN (SELECT value FROM json_each(?))", json.dumps(list(videos)))
    return np.isin(np.fromiter(videos, dtype=np.int64, count=len(videos)), [row["id"] for row in rows])


def _exact(
    library: Library, key: str, vector: "Vector", frames: Collection[int], search_filter: SearchFilter
) -> dict[int, float]:
    """Compute the cosines of the frames matching the filter, from the vectors in the table."""
    import numpy as np

    condition, values = search_filter.condition(by_time=True)
    rows = library.rows(
        f"SELECT frame_id, vector FROM ({_AS_PASSAGES}) AS passages WHERE true{condition}",
        json.dumps(list(frames)),
        key,
        *values,
    )
    usable = [row for row in rows if isinstance(row["vector"], bytes) and len(row["vector"]) == 4 * len(vector)]
    vectors = np.frombuffer(b"".join(row["vector"] for row in usable), dtype="<f4").reshape(-1, len(vector))
    return dict(zip([row["frame_id"] for row in usable], (vectors @ vector).tolist(), strict=True))
