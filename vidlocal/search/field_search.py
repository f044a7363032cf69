"""Search fields other than text: tags of moments, names of speakers, people and videos.

All rank below other moments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vidlocal.moments import group
from vidlocal.records import Hit, Moment
from vidlocal.search.people_search import find_names, search_people
from vidlocal.search.title_search import search_titles
from vidlocal.store.database import Library
from vidlocal.store.index import hits, speaker_names, text_index
from vidlocal.store.index.search_filter import SearchFilter

# Distance to the score of the moment before.
_SCORE_RATIO = 0.99
_MAX_LISTED_PASSAGES = 200


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its highest score, 0 to 1, and its search.

    `search` gets the words of the query, and returns moments other than the given ones.
    """

    max_score: float
    search: Callable[[Library, Sequence[str], SearchFilter, Sequence[Moment]], Sequence[Moment]]


def search_tags(
    library: Library, terms: Sequence[str], search_filter: SearchFilter, existing: Sequence[Moment]
) -> Sequence[Moment]:
    """Return moments with a tag for each word, or a tag for the whole query."""
    whole = hits.tag_spellings(library, " ".join(terms))
    tags = (whole,) if whole else tuple(hits.tag_spellings(library, term) for term in terms)
    if not all(tags):
        return ()
    return _listed(library, replace(search_filter, tags=(*search_filter.tags, *tags)), existing)


def search_speakers(
    library: Library, terms: Sequence[str], search_filter: SearchFilter, existing: Sequence[Moment]
) -> Sequence[Moment]:
    """Return moments of speakers with all words in the name."""
    speakers = speaker_names.named(library, terms)
    if not speakers or search_filter.speakers is not None:
        return ()
    return _listed(library, replace(search_filter, speakers=speakers), existing)


def search_names(
    library: Library, terms: Sequence[str], search_filter: SearchFilter, existing: Sequence[Moment]
) -> Sequence[Moment]:
    """Return moments with the visible people whose names are all words of the query."""
    named = find_names(library, " ".join(terms))
    if named is None or named.words:
        return ()
    seen = replace(search_filter, people=(*search_filter.people, *named.people))
    return _new(library, search_people(library, seen, limit=_MAX_LISTED_PASSAGES), existing)


def _listed(library: Library, search_filter: SearchFilter, existing: Sequence[Moment]) -> Sequence[Moment]:
    """Return the moments matching a filter, without the existing moments."""
    ids = hits.list_ids(library, search_filter, limit=_MAX_LISTED_PASSAGES)
    return _new(library, hits.read(library, dict.fromkeys(ids, 1.0)), existing)


def _new(library: Library, listed: Sequence[Hit], existing: Sequence[Moment]) -> Sequence[Moment]:
    """Return the moments of hits, without the existing moments."""
    new_hits = [
        hit
        for hit in listed
        if not any(
            moment.video_id == hit.video_id and moment.start <= hit.end and hit.start <= moment.end
            for moment in existing
        )
    ]
    return group(new_hits, hits.video_refs(library, {hit.video_id for hit in new_hits}), limit=len(new_hits))


# In the order of the results.
FIELDS = (
    Field(0.3, search_tags),
    Field(0.3, search_speakers),
    Field(0.3, search_names),
    Field(0.2, search_titles),
)


def search_fields(
    library: Library, query: str, search_filter: SearchFilter, moments: Sequence[Moment], *, limit: int
) -> tuple[Moment, ...]:
    """Return at most `limit` moments with all words of `query` in a field, other than `moments`, with lower scores."""
    terms = text_index.content_words(library, query)
    added: list[Moment] = []
    for field in FIELDS:
        if not terms or len(added) >= limit:
            break
        existing = [*moments, *added]
        score = min([field.max_score, *(moment.score * _SCORE_RATIO for moment in existing)])
        matches = field.search(library, terms, search_filter, existing)
        added += [replace(moment, score=score) for moment in matches]
    return tuple(added[: max(0, limit)])
