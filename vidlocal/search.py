"""Verb 3: from a query to moments.

    query ── words ─────┐
          ├─ vectors ───┴─> fused hits ─┐
          └─ pictures ──────────────────┴─> moments

Everything here is measured with `benchmarks/search.py --quality` on four sets of human sentences about real videos; the
figures behind each constant stand beside it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from vidlocal.engines.query_vector import QueryVector
from vidlocal.errors import EngineError
from vidlocal.moments import group
from vidlocal.query import Query, parse
from vidlocal.records import Hit, Moment, PassageKind, Why, WhySeen
from vidlocal.store import frame_vectors, hits, spelling, text_index, vector_index, vector_mirror
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
# most 0.3 points of MRR and nothing at R@1 or R@10 on those sets.
LEAST_Z = 2.0
LEAST_COSINE = 0.2
LEAST_SHARE = 1 / 3

# Passages that hold less than this part of what the best one holds of the query's words, and whose meaning is not
# near, are left out: `the sun goes down` shares two common words with `the bride walks down the aisle`. R@10 of
# videos by this share, words alone and fused:
#
#                      0.0          0.3          0.4          0.5
#     msvd         56.5  72.3   56.5  72.3   55.3  72.3   52.6  72.3
#     charades     53.9  74.1   53.9  74.1   53.9  74.1   53.8  74.1
#
# It does not tell nonsense from sense: a query of which little is known has no good passage to compare with, and
# what is listed for it is weak throughout.
LEAST_COVERAGE_SHARE = 0.3

# z of a library so alike that its cosines hardly differ would explode.
_LEAST_SPREAD = 0.02
_CROWD = 30

# Where the score of 0 to 1 that people see has its middle: z + words of 5.
_MIDDLE = 5.0


# Begins to ask a model what words look like; what it gives waits for the answer.
PictureVector = Callable[[str], Callable[[], QueryVector]]


@dataclass(frozen=True, slots=True)
class Result:
    """What was found, best first. `notice` is a sentence for the person when the search had to do with less.

    `words` are those that were looked for, without filters and with misspelt ones put right. `why` is by passage id
    (-frame id for a frame that looks like the query) and has every hit of the moments.
    """

    query: str
    moments: tuple[Moment, ...]
    notice: str | None = None
    words: str = ""
    why: Mapping[int, Why | WhySeen] = field(default_factory=dict)


def search(
    library: Library,
    query: str,
    *,
    limit: int = 10,
    videos: Collection[int] | None = None,
    kinds: Collection[PassageKind] | None = None,
    query_vector: Callable[[str], QueryVector] | None = None,
    picture_vector: PictureVector | None = None,
    by_words: bool = True,
) -> Result:
    """The moments that match `query`, at most `limit`. `videos` (ids) and `kinds` narrow the search; None is all.

    `query_vector` asks the embedding model; it is not called when no vectors are stored, and when it
    raises EngineError the search goes by words only and says so. Without `by_words` meaning alone counts. Any text is
    a query; `vidlocal.query` tells what in it is a filter. A query of filters alone lists what they let through.

    `picture_vector` begins to ask the model of pictures and gives what waits for its answer; that raises EngineError
    where frames are to be left out. It is not called when the library has no vectors of pictures.
    """
    wanted = parse(query)
    only, notices = _narrowed(library, wanted, videos, kinds)
    count = max(CANDIDATES, CANDIDATES_PER_MOMENT * limit)
    answer = _begun(library, wanted.words, only, picture_vector)
    asked, silent = _asked(library, wanted.words, query_vector)
    looks, unseen = _answered(library, answer)
    mirror = vector_mirror.prepare(library, asked.key) if asked is not None else None
    with hits.snapshot(library):
        meant = spelling.corrections(library, wanted.words) if by_words else {}
        text = spelling.corrected(wanted.words, meant)
        words = text_index.search(library, text, limit=count, only=only) if by_words else {}
        near = None
        if asked is not None and mirror is not None:
            near = vector_index.nearest(library, mirror, asked.values, limit=count, also=words, only=only)
        ranked = rank(words, near)
        scores = {passage_id: score for passage_id, (score, _) in ranked.items()}
        if not wanted.words and wanted.narrows:
            scores = dict.fromkeys(hits.listed(library, only, limit=count), 1.0)
        seen, seen_for = _seen(library, looks, count, only)
        found = [*hits.read(library, scores), *seen]
        places = hits.places(library, {hit.video_id for hit in found})
    notices += [f"No match for {word}, searched for {other}." for word, other in meant.items()]
    why = seen_for | {passage_id: reason for passage_id, (_, reason) in ranked.items()}
    notice = " ".join([*notices, *(sentence for sentence in (silent, unseen) if sentence)]) or None
    return Result(query, group(found, places, limit=limit), notice, text, why)


def fuse(words: Mapping[int, float], near: Nearest | None) -> dict[int, float]:
    """Scores of 0 to 1 by passage id, best first. See `rank`."""
    return {passage_id: score for passage_id, (score, _) in rank(words, near).items()}


def rank(words: Mapping[int, float], near: Nearest | None) -> dict[int, tuple[float, Why]]:
    """Scores of 0 to 1 and their reasons, best first: coverage by words and nearness of meaning in one ranking.

    Without vectors the score is the coverage. A passage that has no vector yet is taken to be as near as the other
    passages that share words with the query are.
    """
    worded = {passage_id: place for place, passage_id in enumerate(words, 1)}
    if near is None or not near.cosines:
        kept = _without_tail(words, dict(words))
        return {one: (score, Why(worded[one], score, score, None, None, None, 0.0)) for one, score in kept.items()}
    spread = max(near.spread, _LEAST_SPREAD)
    z = {passage_id: (cosine - near.mean) / spread for passage_id, cosine in near.cosines.items()}
    meant = {passage_id: place for place, passage_id in enumerate(near.cosines, 1)}
    usual = median([z[passage_id] for passage_id in words if passage_id in z] or [0.0])
    floor = LEAST_SHARE * max(z.values())
    is_near = {one for one in z if z[one] >= floor and _is_near(near, z, one)}
    by_words = {one: WORDS_WEIGHT * covered**WORDS_POWER for one, covered in words.items()}
    scores = {one: z.get(one, usual) + by_words.get(one, 0.0) for one in is_near | words.keys()}
    kept = _without_tail(words, scores, is_near)
    return {
        one: (
            max(0.0, score) / (max(0.0, score) + _MIDDLE),
            Why(
                worded.get(one),
                words.get(one),
                by_words.get(one, 0.0),
                meant.get(one),
                near.cosines.get(one),
                z.get(one),
                z.get(one, usual),
            ),
        )
        for one, score in sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))
    }


def _without_tail(
    words: Mapping[int, float], scores: Mapping[int, float], is_near: Collection[int] = ()
) -> dict[int, float]:
    """`scores` without the passages that share too little of the query, where another one has much more."""
    least = LEAST_COVERAGE_SHARE * max(words.values(), default=0.0)
    return {one: score for one, score in scores.items() if one in is_near or words.get(one, 0.0) >= least}


def _is_near(near: Nearest, z: Mapping[int, float], passage_id: int) -> bool:
    # A handful of passages is no crowd to stand out from.
    return near.cosines[passage_id] >= LEAST_COSINE and (z[passage_id] >= LEAST_Z or len(near.cosines) < _CROWD)


def _narrowed(
    library: Library, wanted: Query, videos: Collection[int] | None, kinds: Collection[PassageKind] | None
) -> tuple[Only, list[str]]:
    """What the filters of a query and the caller's own let through together, and what is to be said of it."""
    notices = []
    among = None if videos is None else frozenset(videos)
    if wanted.videos:
        named = [(text, hits.videos_named(library, text)) for text in wanted.videos]
        notices = [f"No video fits {text!r}. See them all with: vidlocal list." for text, ids in named if not ids]
        ids = frozenset().union(*(ids for _, ids in named))
        among = ids if among is None else among & ids
    sorts = None if kinds is None else frozenset(kinds)
    if wanted.kinds:
        sorts = frozenset(wanted.kinds) if sorts is None else sorts & frozenset(wanted.kinds)
    only = Only(
        among,
        sorts,
        phrases=tuple(wanted.phrases),
        without=tuple(wanted.without),
        tags=tuple(wanted.tags),
        languages=frozenset(wanted.languages),
        before=wanted.before,
        after=wanted.after,
        at=wanted.at,
        time=wanted.time,
    )
    return only, notices


def _begun(
    library: Library, words: str, only: Only, picture_vector: PictureVector | None
) -> Callable[[], QueryVector] | None:
    """What waits for the query's vector among pictures; None where nothing is to be compared with it."""
    wanted = only.kinds is None or PassageKind.PICTURE in only.kinds
    if picture_vector is None or not words.strip() or not wanted or not frame_vectors.keys(library):
        return None
    return picture_vector(words)


def _answered(library: Library, answer: Callable[[], QueryVector] | None) -> tuple[QueryVector | None, str | None]:
    """The query's vector among pictures, and a sentence when it could not be had."""
    if answer is None:
        return None, None
    try:
        looks = answer()
    except EngineError as error:
        return None, f"Pictures were not searched. {error}"
    if looks.key not in frame_vectors.keys(library):
        return None, (
            "Pictures were not searched: their vectors are of another model. "
            "Make them anew with: vidlocal enrich --only pictures"
        )
    return looks, None


def _seen(
    library: Library, looks: QueryVector | None, limit: int, only: Only
) -> tuple[Sequence[Hit], dict[int, Why | WhySeen]]:
    """The frames that look like the query as hits, and by their keys what found them."""
    if looks is None:
        return (), {}
    from vidlocal.steps.sightings import look_for  # a search without pictures does not pay for it

    found = look_for(library, looks, limit=limit, only=only)
    return found.hits, {**found.why}


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
