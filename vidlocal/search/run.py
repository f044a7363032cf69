"""Verb 3: from a query to moments.

    query ── words ─────┐
          ├─ vectors ───┴─> fused hits ─┐
          └─ CLIP ──────────────────────┴─> moments

Fusion of words and vectors into one ranking: `vidlocal.search.fusion`.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vidlocal.engines.prompts.vision_prompts import is_symmetric
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import EngineError
from vidlocal.explanations import FrameExplanation, PassageExplanation
from vidlocal.folding import fold
from vidlocal.moments import group
from vidlocal.records import Hit, Moment, PassageKind
from vidlocal.search.field_search import search_fields
from vidlocal.search.fusion import Ranking, rank
from vidlocal.search.lead_in import strip_lead_in
from vidlocal.search.people_search import NamedPeople, find_names, has_content, search_people, with_names
from vidlocal.search.query import Query, parse
from vidlocal.search.query_language import model_advice
from vidlocal.search.split_phrases import add_lines, admit_split
from vidlocal.search.title_search import list_videos
from vidlocal.search.verbatim import raise_verbatim
from vidlocal.store.database import Library
from vidlocal.store.index import (
    hits,
    people_names,
    speaker_names,
    spelling,
    stop_words,
    text_index,
    vector_cache,
    vector_index,
    vector_table,
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

# Starts to encode a query by CLIP; the returned function waits for the vector.
PictureVector = Callable[[str], Callable[[], QueryVector]]

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
    """Search once. `people`: also required to be seen."""
    parsed, channels, limit = request.parsed, request.channels, request.limit
    search_filter, notices = _build_filter(library, parsed, request.videos, request.kinds)
    search_filter = replace(search_filter, people=(*search_filter.people, *people))
    count = max(CANDIDATES, CANDIDATES_PER_MOMENT * limit)
    wanted = strip_lead_in(parsed.words)
    corrections = _corrections(library, wanted, request.named) if channels.by_words else {}
    words = spelling.apply(wanted, corrections)
    clip_query = _start_clip_query(library, words, search_filter, channels.picture_vector)
    vector, vector_notice = _embed_query(library, words, channels.query_vector)
    clip_vector, clip_notice = _finish_clip_query(library, clip_query)
    with hits.snapshot(library):
        if text_index.has_only_stop_words(library, words) and not search_filter.phrases:
            search_filter, stop_word_notice = _as_phrase(search_filter, words)
            notices += stop_word_notice
        search_filter, runs = admit_split(library, search_filter)
        ranking = _rank_passages(library, words, vector, search_filter, count, by_words=channels.by_words)
        is_listing = _is_listing(library, parsed, words, search_filter)
        if is_listing:
            scores = dict.fromkeys(hits.list_ids(library, search_filter, limit=count), 1.0)
        else:
            scores = {passage_id: score for passage_id, (score, _) in ranking.scores.items()}
        frame_hits, frame_explanations = _frame_hits(library, clip_vector, count, search_filter)
        text_hits = hits.read(library, scores)
        if channels.by_words:
            text_hits = raise_verbatim(text_hits, words, stop_words.of_library(library))
            text_hits, runs = add_lines(library, text_hits, runs, words, search_filter)
        if is_listing:
            frame_hits = search_people(library, search_filter, limit=count)
        all_hits = [*text_hits, *frame_hits]
        videos_by_id = hits.video_refs(library, {hit.video_id for hit in all_hits})
        # The names of people are the text of many moments.
        is_of_people = is_listing and bool(search_filter.people)
        moments = group(all_hits, videos_by_id, limit=limit, runs=runs, penalize_duplicates=not is_of_people)
        if channels.by_words and is_listing:
            moments += list_videos(library, search_filter, moments, limit=limit - len(moments))
        elif channels.by_words:
            moments += search_fields(library, words, search_filter, moments, limit=limit - len(moments))
    _log.info(
        "query words %r, phrases %s, excluded %s, corrected %s; %d hits by text, %d by image",
        words,
        parsed.phrases,
        parsed.excluded,
        corrections,
        len(text_hits),
        len(frame_hits),
    )
    notices += [f"No match for {word}, searched for {other}." for word, other in corrections.items()]
    if not parsed.words and search_filter.kinds == frozenset({PassageKind.PICTURE}):
        notices.append("Image search needs words.")
    is_confident = is_listing or ranking.is_confident or not ranking.scores or bool(frame_hits)
    if vector is not None and not (is_confident and moments):
        notices += filter(None, [model_advice(parsed.words, vector.key)])
    notices += filter(None, (vector_notice, clip_notice, None if is_confident else LOW_CONFIDENCE))
    why = frame_explanations | {passage_id: explanation for passage_id, (_, explanation) in ranking.scores.items()}
    return SearchResult(request.query, moments, " ".join(notices) or None, words, why, is_confident)


def _corrections(library: Library, words: str, named: NamedPeople | None) -> dict[str, str]:
    """Map misspelt words to corrections. Names of people are right."""
    corrections = spelling.corrections(library, words)
    return {word: other for word, other in corrections.items() if named is None or fold(word) not in named.terms}


def _is_listing(library: Library, parsed: Query, words: str, search_filter: SearchFilter) -> bool:
    """True if filters or phrases alone select the passages, without words for a ranking."""
    if not parsed.words:
        return parsed.has_filters or bool(search_filter.people)
    return bool(search_filter.phrases) and text_index.has_only_stop_words(library, words)


def _build_filter(
    library: Library, parsed: Query, video_ids: Collection[int] | None, kinds: Collection[PassageKind] | None
) -> tuple[SearchFilter, list[str]]:
    """Combine the filters of a query and of the caller. Returns notices, too."""
    notices = list(parsed.invalid)
    ids = None if video_ids is None else frozenset(video_ids)
    if parsed.videos:
        named = [(text, hits.videos_named(library, text)) for text in parsed.videos]
        notices += [f"No video matches {text!r}. Run: vidlocal list" for text, matches in named if not matches]
        matching = frozenset().union(*(matches for _, matches in named))
        ids = matching if ids is None else ids & matching
    for selected, notice in _recorded(library, parsed):
        ids = selected if ids is None else ids & selected
        notices += [] if selected else [notice]
    passage_kinds = None if kinds is None else frozenset(kinds)
    if parsed.kinds:
        query_kinds = frozenset(parsed.kinds)
        passage_kinds = query_kinds if passage_kinds is None else passage_kinds & query_kinds
    speakers, speaker_notices = _speakers(library, parsed.speakers)
    tagged = _tagged_people(library, parsed.people)
    people, people_notices = _people(library, [name for name in parsed.people if name not in tagged])
    absent, absent_notices = _people(library, parsed.absent)
    notices += [*speaker_notices, *people_notices, *absent_notices]
    search_filter = SearchFilter(
        ids,
        passage_kinds,
        phrases=tuple(parsed.phrases),
        excluded=tuple(parsed.excluded),
        tags=(*(hits.tag_spellings(library, tag) for tag in parsed.tags), *tagged.values()),
        languages=frozenset(parsed.languages),
        speakers=speakers,
        people=people,
        absent=frozenset().union(*absent),
        before=parsed.before,
        after=parsed.after,
        span=parsed.span,
        time_of_day=parsed.time_of_day,
    )
    return search_filter, notices


def _speakers(library: Library, names: Sequence[str]) -> tuple[frozenset[int] | None, list[str]]:
    """Return the ids of the named speakers, None without names, and a notice for each unknown name."""
    matches = {name: speaker_names.matching(library, name) for name in names}
    notices = [f"No speaker matches {name!r}. Run: vidlocal speakers" for name, ids in matches.items() if not ids]
    return (frozenset().union(*matches.values()) if matches else None), notices


def _tagged_people(library: Library, names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Map names without known faces to the tags of people with them, such as those of digiKam."""
    unknown = [name for name in names if not people_names.matching(library, name)]
    tags = {name: people_names.tagged(library, name) for name in unknown}
    return {name: spellings for name, spellings in tags.items() if spellings}


def _people(library: Library, names: Sequence[str]) -> tuple[tuple[frozenset[int], ...], list[str]]:
    """Return the ids of the people with each name, and a notice for each unknown name."""
    matches = {name: people_names.matching(library, name) for name in names}
    notices = [f"No person matches {name!r}. Run: vidlocal people" for name, ids in matches.items() if not ids]
    return tuple(matches.values()), notices


def _recorded(library: Library, parsed: Query) -> Iterator[tuple[frozenset[int], str]]:
    """Yield the ids of the videos of each filter on place and camera, and a notice if there are none."""
    if parsed.places:
        ids = frozenset().union(*(hits.videos_at(library, name) for name in parsed.places))
        yield ids, f"No video was recorded at {' or '.join(map(repr, parsed.places))}."
    if parsed.cameras:
        ids = frozenset().union(*(hits.videos_by_camera(library, name) for name in parsed.cameras))
        yield ids, f"No video was recorded with {' or '.join(map(repr, parsed.cameras))}."
    if parsed.near is not None:
        yield hits.videos_near(library, *parsed.near), "No video was recorded near this point."


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


def _start_clip_query(
    library: Library, words: str, search_filter: SearchFilter, picture_vector: PictureVector | None
) -> Callable[[], QueryVector] | None:
    """Start the CLIP query in the background. Returns a function to wait for the vector, or None if not applicable."""
    includes_frames = search_filter.kinds is None or PassageKind.PICTURE in search_filter.kinds
    if picture_vector is None or not words.strip() or not includes_frames:
        return None
    if not vector_table.keys(library, vector_table.FRAME_VECTORS):
        return None
    return picture_vector(words)


def _finish_clip_query(
    library: Library, clip_query: Callable[[], QueryVector] | None
) -> tuple[QueryVector | None, str | None]:
    """Wait for the CLIP vector. Returns a notice instead if there is none."""
    if clip_query is None:
        return None, None
    try:
        vector = clip_query()
    except EngineError as error:
        return None, f"Images not searched. {error}"
    if vector.key not in vector_table.keys(library, vector_table.FRAME_VECTORS):
        return None, (
            "Images not searched: their vectors come from another model. Run: vidlocal enrich --only pictures"
        )
    return vector, None


def _frame_hits(
    library: Library, vector: QueryVector | None, limit: int, search_filter: SearchFilter
) -> tuple[Sequence[Hit], dict[int, Explanation]]:
    """Search frames by CLIP. Returns hits and, by their keys, explanations."""
    if vector is None:
        return (), {}
    from vidlocal.search.frame_search import search_frames  # imported only if needed

    result = search_frames(library, vector, limit=limit, search_filter=search_filter)
    return result.hits, {**result.why}


def _embed_query(
    library: Library, query: str, query_vector: Callable[[str], QueryVector] | None
) -> tuple[QueryVector | None, str | None]:
    """Embed the query if the library has vectors. Returns a notice instead on failure."""
    if query_vector is None or not query.strip():
        return None, None
    keys = vector_index.keys(library)
    if not keys:
        return None, None
    try:
        vector = query_vector(query)
    except EngineError as error:
        return None, f"Word search only. {error}"
    if vector.key not in keys:
        return None, (
            f"Word search only: the vectors of the library come from {', '.join(keys)}, the query's by "
            f"{vector.key}. Run: vidlocal enrich"
        )
    return vector, None
