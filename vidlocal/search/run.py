"""Verb 3: from a query to moments.

    query ── words ─────┐
          ├─ vectors ───┴─> fused hits ─┐
          └─ pictures ──────────────────┴─> moments

How words and vectors become one ranking, with the figures behind it, is in `steps.rank`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vidlocal.engines.prompts import has_one_wording
from vidlocal.engines.query_vector import QueryVector
from vidlocal.errors import EngineError
from vidlocal.moments import group
from vidlocal.records import FrameExplanation, Hit, Moment, PassageExplanation, PassageKind
from vidlocal.search.fusion import rank
from vidlocal.search.query import Query, parse
from vidlocal.store.database import Library
from vidlocal.store.index import hits, spelling, text_index, vector_cache, vector_index, vector_table
from vidlocal.store.index.search_filter import SearchFilter

# Hits taken from each channel. Neighbours among them merge, so that it takes several for one moment.
CANDIDATES = 100
CANDIDATES_PER_MOMENT = 8

_UNFIT = "Nothing fits well; these are the nearest."

# Begins to ask a model what words look like; what it gives waits for the answer.
PictureVector = Callable[[str], Callable[[], QueryVector]]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, best first. `notice` is a sentence for the person when the search had to do with less.

    `words` are those that were looked for, without filters and with misspelt ones put right. `why` is by passage id
    (-frame id for a frame that looks like the query) and has every hit of the moments.
    """

    query: str
    moments: tuple[Moment, ...]
    notice: str | None = None
    words: str = ""
    why: Mapping[int, PassageExplanation | FrameExplanation] = field(default_factory=dict)


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
) -> SearchResult:
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
    mirror = vector_cache.prepare(library, asked.key) if asked is not None else None
    with hits.snapshot(library):
        meant = spelling.corrections(library, wanted.words) if by_words else {}
        text = spelling.apply(wanted.words, meant)
        words = text_index.search(library, text, limit=count, search_filter=only) if by_words else {}
        near = None
        if asked is not None and mirror is not None:
            near = vector_index.nearest(
                library,
                mirror,
                asked.values,
                limit=count,
                include_ids=words,
                search_filter=only,
                symmetric_model=has_one_wording(asked.key),
            )
        ranked = rank(words, near, asked=len(text_index.split(text)))
        scores = {passage_id: score for passage_id, (score, _) in ranked.scores.items()}
        if not wanted.words and wanted.narrows:
            scores = dict.fromkeys(hits.list_ids(library, only, limit=count), 1.0)
            if only.kinds == frozenset({PassageKind.PICTURE}):
                notices.append("Pictures are found by words: say what they show.")
        seen, seen_for = _seen(library, looks, count, only)
        found = [*hits.read(library, scores), *seen]
        places = hits.video_refs(library, {hit.video_id for hit in found})
    notices += [f"No match for {word}, searched for {other}." for word, other in meant.items()]
    if ranked.scores and not ranked.fits and not seen:
        notices.append(_UNFIT)
    why = seen_for | {passage_id: reason for passage_id, (_, reason) in ranked.scores.items()}
    notice = " ".join([*notices, *(sentence for sentence in (silent, unseen) if sentence)]) or None
    return SearchResult(query, group(found, places, limit=limit), notice, text, why)


def _narrowed(
    library: Library, wanted: Query, videos: Collection[int] | None, kinds: Collection[PassageKind] | None
) -> tuple[SearchFilter, list[str]]:
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
    only = SearchFilter(
        among,
        sorts,
        phrases=tuple(wanted.phrases),
        excluded=tuple(wanted.without),
        tags=tuple(wanted.tags),
        languages=frozenset(wanted.languages),
        before=wanted.before,
        after=wanted.after,
        span=wanted.at,
        time_of_day=wanted.time,
    )
    return only, notices


def _begun(
    library: Library, words: str, only: SearchFilter, picture_vector: PictureVector | None
) -> Callable[[], QueryVector] | None:
    """What waits for the query's vector among pictures; None where nothing is to be compared with it."""
    wanted = only.kinds is None or PassageKind.PICTURE in only.kinds
    if (
        picture_vector is None
        or not words.strip()
        or not wanted
        or not vector_table.keys(library, vector_table.FRAME_VECTORS)
    ):
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
    if looks.key not in vector_table.keys(library, vector_table.FRAME_VECTORS):
        return None, (
            "Pictures were not searched: their vectors are of another model. "
            "Make them anew with: vidlocal enrich --only pictures"
        )
    return looks, None


def _seen(
    library: Library, looks: QueryVector | None, limit: int, only: SearchFilter
) -> tuple[Sequence[Hit], dict[int, PassageExplanation | FrameExplanation]]:
    """The frames that look like the query as hits, and by their keys what found them."""
    if looks is None:
        return (), {}
    from vidlocal.search.frame_search import search_frames  # a search without pictures does not pay for it

    found = search_frames(library, looks, limit=limit, only=only)
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
