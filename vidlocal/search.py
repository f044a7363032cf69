"""Verb 3: from a query to moments.

    query ── words ────┐
          └─ vectors ──┴─> fused hits ──> moments

Everything here is measured with `benchmarks/search.py --quality` on four sets of human sentences about real videos; the
figures behind each constant stand beside it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import median

from vidlocal.engines.query_vector import QueryVector
from vidlocal.errors import EngineError
from vidlocal.moments import group
from vidlocal.records import Moment, PassageKind
from vidlocal.store import hits, text_index, vector_index, vector_mirror
from vidlocal.store.database import Library
from vidlocal.store.hits import Only
from vidlocal.store.vector_index import Nearest

# Hits taken from each channel. Neighbours among them merge, so that it takes several for one moment.
CANDIDATES = 100
CANDIDATES_PER_MOMENT = 8

# A passage's score is z + WORDS_WEIGHT * coverage ** WORDS_POWER, where z is how many standard deviations its cosine
# lies above that of passages in general (a z of 4 to 8 is what the best passage of a real query has), and coverage
# is how much of the query's words, by their weight, it holds (0 to 1). Found on four sets at once, with nothing tuned
# for one of them. Fused against the better of words and vectors, in points, level of videos:
#
#                     R@1    R@10     MRR
#     activitynet    +0.6    +0.8    +0.7
#     charades       +2.7    +2.4    +2.2
#     msvd           -0.6    -0.3    -0.3   (one query is 0.3; its words alone are 18 points behind its vectors)
#     tutorialvqa    +1.9    +1.1    +2.0
#
# Rank fusion (1 / (60 + rank)) loses 3 to 8 points on msvd and charades; min-max normalised scores lose 2 to 7 on msvd
# at any weight that helps elsewhere, because the best of a poor list then counts as much as a perfect match.
WORDS_WEIGHT = 2.0
WORDS_POWER = 1.5

# A passage that shares no word with the query is only shown when its meaning is near: LEAST_Z above the crowd,
# a cosine no chance reaches, and at least a third as far out as the best one. Costs at
# most 0.3 points of MRR and nothing at R@1 or R@10 on those sets. Words are never cut off.
LEAST_Z = 2.0
LEAST_COSINE = 0.2
LEAST_SHARE = 1 / 3

# z of a library so alike that its cosines hardly differ would explode.
_LEAST_SPREAD = 0.02
_CROWD = 30

# Where the score of 0 to 1 that people see has its middle: z + words of 5.
_MIDDLE = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """What was found, best first. `notice` is a sentence for the person when the search had to do with less."""

    query: str
    moments: tuple[Moment, ...]
    notice: str | None = None


def search(
    library: Library,
    query: str,
    *,
    limit: int = 10,
    videos: Collection[int] | None = None,
    kinds: Collection[PassageKind] | None = None,
    query_vector: Callable[[str], QueryVector] | None = None,
    by_words: bool = True,
) -> Result:
    """The moments that match `query`, at most `limit`. `videos` (ids) and `kinds` narrow the search; None is all.

    `query_vector` asks the embedding model; it is not called when no vectors are stored, and when it
    raises EngineError the search goes by words only and says so. Without `by_words` meaning alone counts. Any text is
    a query.
    """
    only = Only(
        frozenset(videos) if videos is not None else None,
        frozenset(kinds) if kinds is not None else None,
    )
    count = max(CANDIDATES, CANDIDATES_PER_MOMENT * limit)
    asked, notice = _asked(library, query, query_vector)
    mirror = vector_mirror.prepare(library, asked.key) if asked is not None else None
    with hits.snapshot(library):
        words = text_index.search(library, query, limit=count, only=only) if by_words else {}
        near = None
        if asked is not None and mirror is not None:
            near = vector_index.nearest(library, mirror, asked.values, limit=count, also=words, only=only)
        found = hits.read(library, fuse(words, near))
        places = hits.places(library, {hit.video_id for hit in found})
    return Result(query, group(found, places, limit=limit), notice)


def fuse(words: Mapping[int, float], near: Nearest | None) -> dict[int, float]:
    """Scores of 0 to 1 by passage id, best first: coverage by words and nearness of meaning in one ranking.

    Without vectors the score is the coverage. A passage that has no vector yet is taken to be as near as the other
    passages that share words with the query are.
    """
    if near is None or not near.cosines:
        return dict(words)
    spread = max(near.spread, _LEAST_SPREAD)
    z = {passage_id: (cosine - near.mean) / spread for passage_id, cosine in near.cosines.items()}
    usual = median([z[passage_id] for passage_id in words if passage_id in z] or [0.0])
    floor = LEAST_SHARE * max(z.values())
    scores = {
        passage_id: z.get(passage_id, usual) + WORDS_WEIGHT * words.get(passage_id, 0.0) ** WORDS_POWER
        for passage_id in z.keys() | words.keys()
        if passage_id in words or (z[passage_id] >= floor and _is_near(near, z, passage_id))
    }
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return {passage_id: max(0.0, score) / (max(0.0, score) + _MIDDLE) for passage_id, score in ranked}


def _is_near(near: Nearest, z: Mapping[int, float], passage_id: int) -> bool:
    # A handful of passages is no crowd to stand out from.
    return near.cosines[passage_id] >= LEAST_COSINE and (z[passage_id] >= LEAST_Z or len(near.cosines) < _CROWD)


def _asked(
    library: Library, query: str, query_vector: Callable[[str], QueryVector] | None
) -> tuple[QueryVector | None, str | None]:
    """The query's vector if there is anything to compare it with, and a sentence when it could not be had."""
    if query_vector is None or not query.strip():
        return None, None
    stored = vector_index.keys(library)
    if not stored:
        return None, None
    try:
        asked = query_vector(query)
    except EngineError as error:
        return None, f"Searched by words only. {error}"
    if asked.key not in stored:
        made_by = ", ".join(stored)
        return None, (
            f"Searched by words only: the library's vectors were made by {made_by}, the query's by {asked.key}. "
            "Bring them together with: vidlocal enrich"
        )
    return asked, None
