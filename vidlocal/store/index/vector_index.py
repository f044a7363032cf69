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
from dataclasses import dataclass, field
from heapq import nlargest
from statistics import fmean
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import calibration, lines, vector_table
from vidlocal.store.index.calibration import SimilarityScale
from vidlocal.store.index.hubness import WEIGHT as HUB_WEIGHT
from vidlocal.store.index.hubness import Sample
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter

if TYPE_CHECKING:
    from vidlocal.store.index.vector_cache import VectorCache
    from vidlocal.store.values import Distances, Ids, Mask, Positions, Vector

MAX_EXHAUSTIVE = 50_000
RESCORED = 4_000

_MAX_MISSING_RATIO = 0.25

# The lines around this many of the nearest ones are candidates, too: in context they may be as near.
EXTENDED = 30


@dataclass(frozen=True, slots=True)
class Nearest:
    """Cosines by passage id, best first, with mean and standard deviation over all passages for this query.

    `scale` is None for a library with too few passages to calibrate cosines. `corrections` are added to the cosines for
    the order: negative for hubs.
    """

    cosines: Mapping[int, float]
    mean: float
    spread: float
    scale: SimilarityScale | None = None
    corrections: Mapping[int, float] = field(default_factory=dict)


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
    sample = Sample(np.concatenate([cache.sample, newer.vectors]), np.concatenate([cache.sample_videos, newer.videos]))
    cached = _candidates(library, cache, query, limit, search_filter)
    candidates = np.concatenate(
        [cached, newer.owners[_top(newer_cosines, limit)], np.fromiter(include_ids, dtype=np.int64)]
    )
    existing, exact = _exact(library, cache.key, query, np.unique(candidates), search_filter, sample)
    if sum(passage in existing for passage in cached.tolist()) < (1 - _MAX_MISSING_RATIO) * len(cached):
        cache.invalidate()
    cosines = _in_context(library, cache.key, query, exact.cosines)
    around = _lines_around(library, nlargest(EXTENDED, cosines, key=lambda passage_id: cosines[passage_id]), cosines)
    _, extended = _exact(library, cache.key, query, around, search_filter, sample)
    cosines |= _in_context(library, cache.key, query, extended.cosines)
    corrections = _hub_corrections(exact.hubness | extended.hubness)
    ranked = sorted(cosines.items(), key=lambda pair: -(pair[1] + corrections[pair[0]]))
    best = dict(ranked[:limit]) | {passage: cosines[passage] for passage in include_ids if passage in cosines}
    scale = cache.scale if len(cache) else calibration.fit(newer.vectors, newer.videos)
    mean = float(background.mean())
    if scale is not None and not symmetric_model:
        scale = scale.with_query_mean(mean)
    return Nearest(best, mean, float(background.std()), scale, {passage: corrections[passage] for passage in best})


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


def _lines_around(library: Library, centres: Sequence[int], known: Collection[int]) -> "Ids":
    """Return the ids of the lines around the lines of `centres`, except `known` passages."""
    import numpy as np

    # As in `lines.chains`, + keeps the index of videos out.
    rows = library.rows(
        f"""SELECT DISTINCT near.id AS id FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value AND passages.kind IN ({lines.KINDS_SQL})
        CROSS JOIN passages AS near ON near.id BETWEEN passages.id - {lines.REACH} AND passages.id + {lines.REACH}
          AND +near.video_id = passages.video_id AND near.kind = passages.kind""",
        json.dumps(list(centres)),
    )
    return np.fromiter((row["id"] for row in rows if row["id"] not in known), dtype=np.int64)


def _in_context(library: Library, key: str, query: "Vector", cosines: Mapping[int, float]) -> dict[int, float]:
    """Average the cosine of each line with those of its neighbours and best window; other passages stay."""
    neighbours = _neighbour_cosines(library, key, query, cosines)
    windows = _window_cosines(library, key, query, neighbours)
    return {
        passage_id: fmean([cosine, *neighbours.get(passage_id, ()), *windows.get(passage_id, ())])
        for passage_id, cosine in cosines.items()
    }


def _neighbour_cosines(
    library: Library, key: str, query: "Vector", passages: Collection[int]
) -> dict[int, tuple[float]]:
    """Compute for each line the cosine of the mean vector of the line and its neighbours."""
    import numpy as np

    vectors: dict[int, list[bytes]] = {}
    for row in library.rows(
        f"""SELECT passages.id AS id, vector FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value AND passages.kind IN ({lines.KINDS_SQL})
        CROSS JOIN passages AS near ON near.id BETWEEN passages.id - {lines.REACH} AND passages.id + {lines.REACH}
          AND +near.video_id = passages.video_id AND near.kind = passages.kind AND near.visible
        CROSS JOIN vectors ON passage_id = near.id AND vectors.model = ?""",
        json.dumps(list(passages)),
        key,
    ):
        if len(row["vector"]) == 4 * len(query):
            vectors.setdefault(row["id"], []).append(row["vector"])
    cosines = {}
    for passage_id, around in vectors.items():
        centre = np.frombuffer(b"".join(around), dtype="<f4").reshape(-1, len(query)).mean(axis=0)
        cosines[passage_id] = (float(centre @ query) / max(float(np.linalg.norm(centre)), 1e-6),)
    return cosines


def _window_cosines(library: Library, key: str, query: "Vector", passages: Collection[int]) -> dict[int, tuple[float]]:
    """Compute for each line the highest cosine of a window with this line; none for a line without a window."""
    import numpy as np

    rows = [
        row
        for row in library.rows(
            f"""SELECT passage_id AS first, last_id AS last, vector FROM windows WHERE id IN (
              SELECT windows.id FROM json_each(?) AS candidates
              CROSS JOIN windows ON passage_id BETWEEN candidates.value - {lines.MAX_WINDOW_IDS} AND candidates.value
                AND last_id >= candidates.value AND windows.model = ?)""",
            json.dumps(list(passages)),
            key,
        )
        if len(row["vector"]) == 4 * len(query)
    ]
    vectors = np.frombuffer(b"".join(row["vector"] for row in rows), dtype="<f4").reshape(-1, len(query))
    best: dict[int, tuple[float]] = {}
    for row, cosine in sorted(zip(rows, (vectors @ query).tolist(), strict=True), key=lambda pair: pair[1]):
        best.update((passage_id, (cosine,)) for passage_id in range(row["first"], row["last"] + 1))
    return {passage_id: best[passage_id] for passage_id in passages if passage_id in best}


def _hub_corrections(hubness: Mapping[int, float]) -> dict[int, float]:
    """Lower hubs and raise other passages; by 0 on average, for comparisons with the mean of all."""
    usual = fmean(hubness.values()) if hubness else 0.0
    return {passage_id: HUB_WEIGHT * (usual - value) for passage_id, value in hubness.items()}


@dataclass(frozen=True, slots=True)
class _Exact:
    """Values by passage id."""

    cosines: dict[int, float]
    hubness: dict[int, float]


def _exact(
    library: Library, key: str, query: "Vector", passages: "Ids", search_filter: SearchFilter, sample: Sample
) -> tuple[set[int], _Exact]:
    """Compute from the table the passages with a vector, and the values of passages matching the filter."""
    import numpy as np

    condition, values = search_filter.condition()
    rows = library.rows(
        f"""SELECT passages.id AS id, passages.video_id AS video, vector, visible{condition} AS matches
        FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value
        CROSS JOIN vectors ON passage_id = passages.id AND vectors.model = ?""",
        *values,
        json.dumps(passages.tolist()),
        key,
    )
    usable = [row for row in rows if row["matches"] and len(row["vector"]) == 4 * len(query)]
    vectors = np.frombuffer(b"".join(row["vector"] for row in usable), dtype="<f4").reshape(-1, len(query))
    videos = np.fromiter((row["video"] for row in usable), dtype=np.int64)
    ids = [row["id"] for row in usable]
    cosines = dict(zip(ids, (vectors @ query).tolist(), strict=True))
    hubness = dict(zip(ids, sample.hubness(vectors, videos).tolist(), strict=True))
    return {row["id"] for row in rows}, _Exact(cosines, hubness)
