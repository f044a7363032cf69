"""Verb 3: from a query to moments.

    query ── words ─────┐
          ├─ vectors ───┴─> fused hits ─┐
          └─ CLIP ──────────────────────┴─> moments

Fusion of words and vectors into one ranking: `vidlocal.search.fusion`.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vidlocal.engines.prompts.vision_prompts import is_symmetric
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.explanations import FrameExplanation, PassageExplanation
from vidlocal.folding import fold
from vidlocal.moments import group
from vidlocal.records import Hit, Moment, PassageKind
from vidlocal.search.field_search import search_fields
from vidlocal.search.filters import build_filter
from vidlocal.search.fusion import Ranking, rank
from vidlocal.search.lead_in import strip_lead_in
from vidlocal.search.people_search import NamedPeople, find_names, has_content, search_people, with_names
from vidlocal.search.query import Query, parse
from vidlocal.search.query_language import model_advice
from vidlocal.search.query_vectors import PictureVector, embed_query, finish_clip_query, start_clip_query
from vidlocal.search.split_phrases import Run, add_lines, admit_split
from vidlocal.search.title_search import list_videos
from vidlocal.search.verbatim import raise_verbatim
from vidlocal.store.database import Library
from vidlocal.store.index import (
    hits,
    spelling,
    stop_words,
    text_index,
    vector_cache,
    vector_index,
)
from vidlocal.store.index.search_filter import SearchFilter

# Candidates of each channel. Neighbours merge, so a moment needs several.
CANDIDATES = 100
CANDIDATES_PER_MOMENT = 8

# Moments judged by a deep search: of the correct ones among the first 100, 75 to 95 % are among these.
MAX_JUDGED = 50

_log = logging.getLogger(__name__)

# Distance of the score of other moments to those of the people named in the query.
_BELOW_RATIO = 0.99

LOW_CONFIDENCE = "No good match; these are the nearest."

Explanation = PassageExplanation | FrameExplanation


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Moments, best first. `notice`: a sentence for people if the search had to do with less, or is unsure.

    `words`: the words searched for, without filters and with corrected spelling. `why`: explanations of all hits by
    passage id, or by the negative frame id for frames found by CLIP. `is_confident`: False for merely the nearest
    moments. `judged`: probabilities that a moment matches, 0 to 1, of those asked about (`judging`).
    """

    query: str
    moments: tuple[Moment, ...]
    notice: str | None = None
    words: str = ""
    why: Mapping[int, Explanation] = field(default_factory=dict)
    is_confident: bool = True
    judged: Mapping[Moment, float] = field(default_factory=dict)


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
    by_people: bool = True,
) -> SearchResult:
    """Search for at most `limit` moments. `videos` (ids) and `kinds` filter; None is no filter.

    Any text is a query, see `vidlocal.search.query`; filters alone list all matching passages. `query_vector` embeds
    the query, and is called only if the library has vectors; after an EngineError the search goes by words, with a
    notice. `picture_vector` encodes the query by CLIP, and is called only if the library has frame vectors; its result
    may raise EngineError. Without `by_words` only vectors count. Without `by_people` nobody is recognized: a
    name among the words is a word, and moments have no names.
    """
    parsed = parse(query)
    channels = _Channels(query_vector, picture_vector, by_words=by_words)
    named = find_names(library, parsed.words) if by_people else None
    result = _search_all(library, _Request(query, parsed, videos, kinds, channels, named, limit))
    return replace(result, moments=with_names(library, result.moments)) if by_people else result


def _search_all(library: Library, request: "_Request") -> SearchResult:
    """Search, first at times with people named in the query; without phrases if these match nothing."""
    parsed, named = request.parsed, request.named
    result = _search(library, request)
    if named is not None and not parsed.phrases:
        words = replace(parsed, words=named.words if has_content(library, named.words) else "")
        seen = _search(library, replace(request, parsed=words), people=named.people)
        return _seen_first(seen, result, limit=request.limit)
    if result.moments or not parsed.phrases:
        return result
    loose = _search(library, replace(request, parsed=replace(parsed, phrases=[])))
    phrases = ", ".join(f'"{phrase}"' for phrase in parsed.phrases)
    notice = f"No exact match for {phrases}; searched for the words."
    return replace(loose, notice=" ".join(filter(None, (notice, loose.notice)))) if loose.moments else result


@dataclass(frozen=True, slots=True)
class _Channels:
    """Engines of a search, and the switch for full text."""

    query_vector: Callable[[str], QueryVector] | None
    picture_vector: PictureVector | None
    by_words: bool


@dataclass(frozen=True, slots=True)
class _Request:
    """A search: the query as typed and parsed, filters of the caller, and the people named among its words."""

    query: str
    parsed: Query
    videos: Collection[int] | None
    kinds: Collection[PassageKind] | None
    channels: _Channels
    named: NamedPeople | None
    limit: int


def _seen_first(seen: SearchResult, result: SearchResult, *, limit: int) -> SearchResult:
    """Return moments of the named people first, then other moments with the words of the query."""
    if not seen.moments or not (seen.is_confident or not result.is_confident):
        return result
    others = [
        moment
        for moment in result.moments
        if not any(
            moment.video_id == first.video_id and moment.start <= first.end and first.start <= moment.end
            for first in seen.moments
        )
    ]
    worst = min(moment.score for moment in seen.moments)
    below = [replace(moment, score=min(moment.score, worst * _BELOW_RATIO)) for moment in others]
    why = {**result.why, **seen.why}
    return replace(seen, moments=(*seen.moments, *below)[:limit], words=result.words, why=why)


def _search(library: Library, request: _Request, *, people: tuple[frozenset[int], ...] = ()) -> SearchResult:
    """Search once. `people`: must be visible in addition to those of the query."""
    parsed, channels = request.parsed, request.channels
    search_filter, notices = build_filter(library, parsed, request.videos, request.kinds)
    search_filter = replace(search_filter, people=(*search_filter.people, *people))
    typed = strip_lead_in(parsed.words)
    corrections = _corrections(library, typed, request.named) if channels.by_words else {}
    words = spelling.apply(typed, corrections)
    clip_query = start_clip_query(library, words, search_filter, channels.picture_vector)
    vector, vector_notice = embed_query(library, words, channels.query_vector)
    clip_vector, clip_notice = finish_clip_query(library, clip_query)
    with hits.snapshot(library):
        if text_index.has_only_stop_words(library, words) and not search_filter.phrases:
            search_filter, stop_word_notices = _as_phrase(search_filter, words)
            notices += stop_word_notices
        search_filter, runs = admit_split(library, search_filter)
        matches = _find_hits(library, request, words, (vector, clip_vector), search_filter, runs)
        moments = _group_hits(library, request, words, search_filter, matches)
    _log.info(
        "query words %r, phrases %s, excluded %s, corrected %s; %d hits by text, %d by image",
        words,
        parsed.phrases,
        parsed.excluded,
        corrections,
        len(matches.of_passages),
        len(matches.of_frames),
    )
    notices += [f"No match for {word}, searched for {other}." for word, other in corrections.items()]
    if not parsed.words and search_filter.kinds == frozenset({PassageKind.PICTURE}):
        notices.append("Image search needs words.")
    if vector is not None and not (matches.is_confident and moments):
        notices += filter(None, [model_advice(parsed.words, vector.key)])
    notices += filter(None, (vector_notice, clip_notice, None if matches.is_confident else LOW_CONFIDENCE))
    notice = " ".join(notices) or None
    return SearchResult(request.query, moments, notice, words, matches.why, matches.is_confident)


@dataclass(frozen=True, slots=True)
class _Matches:
    """Hits of all channels with explanations by key. `runs`: ids of lines with a common phrase.

    `is_listing`: all matches of a filter, without a ranking.
    """

    of_passages: Sequence[Hit]
    of_frames: Sequence[Hit]
    runs: Sequence[Run]
    why: Mapping[int, Explanation]
    is_listing: bool
    is_confident: bool


def _find_hits(
    library: Library,
    request: _Request,
    words: str,
    vectors: tuple[QueryVector | None, QueryVector | None],
    search_filter: SearchFilter,
    runs: Sequence[Run],
) -> _Matches:
    """Search passages by words and vector, and frames by the CLIP vector; without words list the filtered passages."""
    vector, clip_vector = vectors
    by_words = request.channels.by_words
    count = max(CANDIDATES, CANDIDATES_PER_MOMENT * request.limit)
    ranking = _rank_passages(library, words, vector, search_filter, count, by_words=by_words)
    is_listing = _is_listing(library, request.parsed, words, search_filter)
    if is_listing:
        scores = dict.fromkeys(hits.list_ids(library, search_filter, limit=count), 1.0)
    else:
        scores = {passage_id: score for passage_id, (score, _) in ranking.scores.items()}
    frame_hits, frame_explanations = _frame_hits(library, clip_vector, count, search_filter)
    passage_hits: Sequence[Hit] = hits.read(library, scores)
    if by_words:
        passage_hits = raise_verbatim(passage_hits, words, stop_words.of_library(library))
        passage_hits, runs = add_lines(library, passage_hits, runs, words, search_filter)
    if is_listing:
        frame_hits = search_people(library, search_filter, limit=count)
    why = frame_explanations | {passage_id: explanation for passage_id, (_, explanation) in ranking.scores.items()}
    is_confident = is_listing or ranking.is_confident or not ranking.scores or bool(frame_hits)
    return _Matches(passage_hits, frame_hits, runs, why, is_listing, is_confident)


def _group_hits(
    library: Library, request: _Request, words: str, search_filter: SearchFilter, matches: _Matches
) -> tuple[Moment, ...]:
    """Group hits into moments, followed by videos without hits but with a matching title, tag or name."""
    all_hits = [*matches.of_passages, *matches.of_frames]
    videos_by_id = hits.video_refs(library, {hit.video_id for hit in all_hits})
    # The names of people are the text of many moments.
    is_of_people = matches.is_listing and bool(search_filter.people)
    moments = group(
        all_hits, videos_by_id, limit=request.limit, runs=matches.runs, penalize_duplicates=not is_of_people
    )
    if not request.channels.by_words:
        return moments
    room = request.limit - len(moments)
    if matches.is_listing:
        return moments + list_videos(library, search_filter, moments, limit=room)
    return moments + search_fields(library, words, search_filter, moments, limit=room)


def _corrections(library: Library, words: str, named: NamedPeople | None) -> dict[str, str]:
    """Map misspelt words to corrections. Names of people are right."""
    corrections = spelling.corrections(library, words)
    return {word: other for word, other in corrections.items() if named is None or fold(word) not in named.terms}


def _is_listing(library: Library, parsed: Query, words: str, search_filter: SearchFilter) -> bool:
    """True if filters or phrases alone select the passages, without words for a ranking."""
    if not parsed.words:
        return parsed.has_filters or bool(search_filter.people)
    return bool(search_filter.phrases) and text_index.has_only_stop_words(library, words)


def _as_phrase(search_filter: SearchFilter, words: str) -> tuple[SearchFilter, list[str]]:
    """Search a query of nothing but stop words as a phrase. For a single word return a notice instead."""
    if len(text_index.split(words)) > 1:
        return replace(search_filter, phrases=(words,)), []
    return search_filter, [f"{words!r} is too common to search for. Add a word."]


def _rank_passages(
    library: Library, words: str, vector: QueryVector | None, search_filter: SearchFilter, count: int, *, by_words: bool
) -> Ranking:
    """Rank passages by words and, with a query vector, by similarity."""
    coverages = text_index.search(library, words, limit=count, search_filter=search_filter) if by_words else {}
    nearest = None
    if vector is not None:
        nearest = vector_index.nearest(
            library,
            vector_cache.prepare(library, vector.key),
            vector.values,
            limit=count,
            include_ids=coverages,
            search_filter=search_filter,
            symmetric_model=is_symmetric(vector.key),
        )
    return rank(coverages, nearest, query_words=len(text_index.split(words)))


def _frame_hits(
    library: Library, vector: QueryVector | None, limit: int, search_filter: SearchFilter
) -> tuple[Sequence[Hit], dict[int, Explanation]]:
    """Search frames by CLIP. Returns hits and, by their keys, explanations."""
    if vector is None:
        return (), {}
    from vidlocal.search.frame_search import search_frames  # imported only if needed

    result = search_frames(library, vector, limit=limit, search_filter=search_filter)
    return result.hits, {**result.why}
