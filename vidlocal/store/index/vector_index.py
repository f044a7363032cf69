"""The passages whose meaning is nearest to a query.

The vectors live in the table `vectors`. `store.vector_mirror` keeps a copy that can be scanned fast; it only proposes
candidates, and what is returned is computed from the table: a mirror that is behind, damaged or another library's
cannot make a wrong hit. Vectors of two models never meet: everything here is about one model key, `name@digest12`.

Below EXHAUSTIVE vectors every row is compared. Above it the sign bits are (the Hamming distance of signs follows the
angle), and the RESCORED best of them exactly. Of 1,000,000 passages of 384 dimensions, 200 queries, 99.9 % of the ten
and 99.8 % of the hundred nearest are found so (`benchmarks/search.py`).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import calibration, vector_cache
from vidlocal.store.index.calibration import SimilarityScale
from vidlocal.store.index.hits import NO_FILTER, SearchFilter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.index.vector_cache import VectorCache

    Vector = NDArray[np.float32]
    Positions = NDArray[np.int64]

MAX_EXHAUSTIVE = 50_000
RESCORED = 4_000

_MAX_MISSING_RATIO = 0.25


@dataclass(frozen=True, slots=True)
class Nearest:
    """Cosines by passage id, best first. `mean` and `spread` are those of passages in general for this query.

    `scale` is None where nothing is known of what a cosine is worth.
    """

    cosines: Mapping[int, float]
    mean: float
    spread: float
    scale: SimilarityScale | None = None


def keys(library: Library) -> list[str]:
    """The model keys there are vectors of. Quick in a library of any size."""
    return vector_cache.keys(library)


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
    """The `limit` passages nearest to `vector`, and those of `also` that have a vector.

    `one_wording` says that the model was given the query as it is given passages, see `store.scale`.
    `mirror` comes from `vector_mirror.prepare`. A vector of other dimensions than the stored ones finds nothing.
    """
    import numpy as np

    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (cache.dimensions,):
        return Nearest({}, 0.0, 0.0)
    newer = cache.newer(library)
    near_newer = newer.vectors @ query
    background = np.concatenate([cache.sample @ query, near_newer])
    if not len(background):
        return Nearest({}, 0.0, 0.0)
    mirrored = _candidates(library, cache, query, limit, search_filter)
    wanted = np.concatenate([mirrored, newer.owners[_top(near_newer, limit)], np.fromiter(include_ids, dtype=np.int64)])
    there, cosines = _exact(library, cache.key, query, np.unique(wanted), search_filter)
    if sum(passage in there for passage in mirrored.tolist()) < (1 - _MAX_MISSING_RATIO) * len(mirrored):
        cache.invalidate()
    ranked = sorted(cosines.items(), key=lambda pair: -pair[1])
    kept = dict(ranked[:limit]) | {passage: cosines[passage] for passage in include_ids if passage in cosines}
    worth = cache.scale if len(cache) else calibration.fit(newer.vectors, newer.videos)
    mean = float(background.mean())
    return Nearest(
        kept, mean, float(background.std()), worth if worth is None or symmetric_model else worth.with_query_mean(mean)
    )


def _candidates(
    library: Library, cache: "VectorCache", query: "Vector", limit: int, search_filter: SearchFilter
) -> "Positions":
    """Passage ids of the mirrored vectors nearest to the query: at least `limit`, if there are so many.

    A filter that the mirror does not know is tried on the nearest first: most let enough of them through.
    """
    import numpy as np

    if search_filter.needs_rows:
        near = _candidates(library, cache, query, RESCORED, search_filter.cached_part)
        shown = _allowed(library, near, search_filter)
        if len(shown) >= limit:
            return shown
    allowed = cache.positions(library, search_filter)
    if allowed is None and len(cache) <= MAX_EXHAUSTIVE:
        cosines = cache.vectors @ query
        best = _top(cosines, limit)
        return cache.owners[best]
    if allowed is None:
        allowed = closest_by_signs(cache.distances(query))
    elif len(allowed) > MAX_EXHAUSTIVE:
        chosen = np.zeros(len(cache), dtype=bool)
        chosen[allowed] = True
        allowed = closest_by_signs(cache.distances(query), chosen)
    cosines = cache.vectors[allowed] @ query
    return cache.owners[allowed[_top(cosines, limit)]]


def _allowed(library: Library, passages: "Positions", search_filter: SearchFilter) -> "Positions":
    import numpy as np

    condition, values = search_filter.condition()
    rows = library.rows(
        f"""SELECT passages.id AS id FROM json_each(?) AS wanted CROSS JOIN passages ON passages.id = wanted.value
        WHERE visible{condition}""",
        json.dumps(passages.tolist()),
        *values,
    )
    return np.fromiter((row["id"] for row in rows), dtype=np.int64)


def closest_by_signs(distances: "NDArray[np.uint16]", allowed: "NDArray[np.bool_] | None" = None) -> "Positions":
    """Positions of about RESCORED vectors, of those `chosen`, whose signs differ least: from `Mirror.distances`."""
    import numpy as np

    if allowed is not None:
        distances = np.where(allowed, distances, np.iinfo(np.uint16).max)
    counts = np.cumsum(np.bincount(distances, minlength=1))
    limit = int(np.searchsorted(counts, RESCORED))
    # Copies of one vector share a distance: as many as there may be, some multiple is enough.
    return np.flatnonzero(distances <= limit)[: 4 * RESCORED]


def _top(values: "Vector", count: int) -> "Positions":
    import numpy as np

    if len(values) <= count:
        return np.arange(len(values))
    return np.argpartition(-values, count)[:count]


def _exact(
    library: Library, key: str, query: "Vector", passages: "Positions", search_filter: SearchFilter
) -> tuple[set[int], dict[int, float]]:
    """As the table has it now: which passages have a vector, and the cosines, by id, of those that may be shown."""
    import numpy as np

    condition, values = search_filter.condition()
    rows = library.rows(
        f"""SELECT passages.id AS id, vector, visible{condition} AS shown FROM json_each(?) AS wanted
        CROSS JOIN passages ON passages.id = wanted.value
        CROSS JOIN vectors ON passage_id = passages.id AND vectors.model = ?""",
        *values,
        json.dumps(passages.tolist()),
        key,
    )
    shown = [row for row in rows if row["shown"] and len(row["vector"]) == 4 * len(query)]
    vectors = np.frombuffer(b"".join(row["vector"] for row in shown), dtype="<f4").reshape(-1, len(query))
    cosines = dict(zip([row["id"] for row in shown], (vectors @ query).tolist(), strict=True))
    return {row["id"] for row in rows}, cosines
