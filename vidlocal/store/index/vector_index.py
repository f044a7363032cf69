"""Nearest-neighbour search over passage vectors.

The vectors are in the table `vectors`. `vector_cache` keeps a copy for fast scans, which only proposes candidates: the
results are computed from the table, so that an outdated, damaged or foreign cache cannot produce a wrong hit. Models
are never mixed: every function takes the key of a model, `name@digest12`.

Up to MAX_EXHAUSTIVE vectors all rows are compared. Above, the sign bits are compared first (their Hamming distance
follows the angle), and the RESCORED best rows exactly. With 1,000,000 passages of 384 dimensions and 200 queries, this
finds 99.9 % of the ten and 99.8 % of the hundred nearest (`benchmarks/search.py`).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import calibration, lines, vector_table
from vidlocal.store.index.calibration import SimilarityScale
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter

if TYPE_CHECKING:
    from vidlocal.store.index.vector_cache import VectorCache
    from vidlocal.store.values import Distances, Ids, Mask, Positions, Vector

MAX_EXHAUSTIVE = 50_000
RESCORED = 4_000

_MAX_MISSING_RATIO = 0.25

# The cosine of a line (see `lines`) is mixed with that of the mean vector of the line and its neighbours. tutorialvqa,
# 400 queries, fused: moments with an overlap of 0.3 R@1 0.260, R@10 0.525 alone; 0.318 and 0.610 mixed; MRR of videos
# 0.665 and 0.670.
CONTEXT_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Nearest:
    """Cosines by passage id, best first, with mean and standard deviation over all passages for this query.

    `scale` is None for a library with too few passages to calibrate cosines.
    """

    cosines: Mapping[int, float]
    mean: float
    spread: float
    scale: SimilarityScale | None = None


def keys(library: Library) -> list[str]:
    """List the model keys with passage vectors. Fast in a library of any size."""
    return vector_table.keys(library, vector_table.PASSAGE_VECTORS)


def nearest(
    library: Library,
    cache: "VectorCache",
    vector: Sequence[float],
    *,
    limit: int,
    include_ids: Collection[int] = (),
    search_filter: SearchFilter = NO_FILTER,
    symmetric_model: bool = False,
) -> Nearest:
    """Find the `limit` passages nearest to `vector`, plus the passages of `include_ids` with a vector.

    `cache` comes from `vector_cache.prepare`. `symmetric_model`: the model uses no query prefix, so that query and
    passage cosines are comparable (see `calibration`). A vector of other dimensions than the stored ones matches
    nothing.
    """
    import numpy as np

    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (cache.dimensions,):
        return Nearest({}, 0.0, 0.0)
    newer = cache.newer(library)
    newer_cosines = newer.vectors @ query
    background = np.concatenate([cache.sample @ query, newer_cosines])
    if not len(background):
        return Nearest({}, 0.0, 0.0)
    cached = _candidates(library, cache, query, limit, search_filter)
    candidates = np.concatenate(
        [cached, newer.owners[_top(newer_cosines, limit)], np.fromiter(include_ids, dtype=np.int64)]
    )
    existing, cosines = _exact(library, cache.key, query, np.unique(candidates), search_filter)
    if sum(passage in existing for passage in cached.tolist()) < (1 - _MAX_MISSING_RATIO) * len(cached):
        cache.invalidate()
    cosines = _in_context(library, cache.key, query, cosines)
    ranked = sorted(cosines.items(), key=lambda pair: -pair[1])
    best = dict(ranked[:limit]) | {passage: cosines[passage] for passage in include_ids if passage in cosines}
    scale = cache.scale if len(cache) else calibration.fit(newer.vectors, newer.videos)
    mean = float(background.mean())
    if scale is not None and not symmetric_model:
        scale = scale.with_query_mean(mean)
    return Nearest(best, mean, float(background.std()), scale)


def _candidates(
    library: Library, cache: "VectorCache", query: "Vector", limit: int, search_filter: SearchFilter
) -> "Ids":
    """Return the passage ids of the nearest cached vectors: at least `limit`, if there are as many.

    A filter on columns that the cache does not hold is first applied to the nearest rows: most filters pass enough.
    """
    import numpy as np

    if search_filter.needs_rows:
        nearest_ids = _candidates(library, cache, query, RESCORED, search_filter.cached_part)
        matching = _matching(library, nearest_ids, search_filter)
        if len(matching) >= limit:
            return matching
    allowed = cache.positions(library, search_filter)
    if allowed is None and len(cache) <= MAX_EXHAUSTIVE:
        cosines = cache.vectors @ query
        return cache.owners[_top(cosines, limit)]
    if allowed is None:
        allowed = closest_by_signs(cache.distances(query))
    elif len(allowed) > MAX_EXHAUSTIVE:
        mask = np.zeros(len(cache), dtype=bool)
        mask[allowed] = True
        allowed = closest_by_signs(cache.distances(query), mask)
    cosines = cache.vectors[allowed] @ query
    return cache.owners[allowed[_top(cosines, limit)]]


def _matching(library: Library, passages: "Ids", search_filter: SearchFilter) -> "Ids":
    import numpy as np

    condition, values = search_filter.condition()
    rows = library.rows(
        f"""SELECT passages.id AS id FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value WHERE visible{condition}""",
        json.dumps(passages.tolist()),
        *values,
    )
    return np.fromiter((row["id"] for row in rows), dtype=np.int64)


def closest_by_signs(distances: "Distances", allowed: "Mask | None" = None) -> "Positions":
    """Return the positions of about RESCORED allowed rows with the smallest `VectorCache.distances`."""
    import numpy as np

    if allowed is not None:
        distances = np.where(allowed, distances, np.iinfo(np.uint16).max)
    counts = np.cumsum(np.bincount(distances, minlength=1))
    limit = int(np.searchsorted(counts, RESCORED))
    # Copies of one vector share a distance, in any number: cap the result.
    return np.flatnonzero(distances <= limit)[: 4 * RESCORED]


def _top(values: "Vector", count: int) -> "Positions":
    import numpy as np

    if len(values) <= count:
        return np.arange(len(values))
    return np.argpartition(-values, count)[:count]


def _in_context(library: Library, key: str, query: "Vector", cosines: Mapping[int, float]) -> dict[int, float]:
    """Mix the cosine of each line with that of the mean vector of the lines around it; other passages stay."""
    import numpy as np

    neighbours: dict[int, list[bytes]] = {}
    for row in library.rows(
        f"""SELECT passages.id AS id, vector FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value AND passages.kind IN ({lines.KINDS_SQL})
        CROSS JOIN passages AS near ON near.id BETWEEN passages.id - {lines.REACH} AND passages.id + {lines.REACH}
          AND near.video_id = passages.video_id AND near.kind = passages.kind AND near.visible
        CROSS JOIN vectors ON passage_id = near.id AND vectors.model = ?""",
        json.dumps(list(cosines)),
        key,
    ):
        if len(row["vector"]) == 4 * len(query):
            neighbours.setdefault(row["id"], []).append(row["vector"])
    mixed = dict(cosines)
    for passage_id, vectors in neighbours.items():
        mean = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(-1, len(query)).mean(axis=0)
        around = float(mean @ query) / max(float(np.linalg.norm(mean)), 1e-6)
        mixed[passage_id] = (1 - CONTEXT_WEIGHT) * cosines[passage_id] + CONTEXT_WEIGHT * around
    return mixed


def _exact(
    library: Library, key: str, query: "Vector", passages: "Ids", search_filter: SearchFilter
) -> tuple[set[int], dict[int, float]]:
    """Compute from the table the passages with a vector, and the cosines of passages matching the filter."""
    import numpy as np

    condition, values = search_filter.condition()
    rows = library.rows(
        f"""SELECT passages.id AS id, vector, visible{condition} AS matches FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value
        CROSS JOIN vectors ON passage_id = passages.id AND vectors.model = ?""",
        *values,
        json.dumps(passages.tolist()),
        key,
    )
    usable = [row for row in rows if row["matches"] and len(row["vector"]) == 4 * len(query)]
    vectors = np.frombuffer(b"".join(row["vector"] for row in usable), dtype="<f4").reshape(-1, len(query))
    cosines = dict(zip([row["id"] for row in usable], (vectors @ query).tolist(), strict=True))
    return {row["id"] for row in rows}, cosines
