"""Search people: moments with some people and without others, and the names among the words of a query."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vidlocal.folding import fold
from vidlocal.records import Hit, Moment, PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index import people_names, text_index
from vidlocal.store.index.appearances import MAX_APART_S, Appearance, list_appearances, named_in_videos
from vidlocal.store.index.search_filter import SearchFilter

# Where two people are seen one after the other, so much of each is in the moment.
_CONTEXT_S = 5.0

# Words of names that are frequent in texts.
_PARTICLES = frozenset(("and", "bin", "da", "das", "de", "del", "den", "der", "des", "di", "dos", "du"))
_PARTICLES |= {"el", "la", "las", "le", "los", "of", "the", "van", "von", "zu"}


@dataclass(frozen=True, slots=True)
class NamedPeople:
    """The people named in a query: possible ids of each name, the folded words of names, and other words."""

    people: tuple[frozenset[int], ...]
    terms: frozenset[str]
    words: str


def find_names(library: Library, words: str) -> NamedPeople | None:
    """Find the names of people in the words of a query, None if there are none.

    A word of the name is enough, apart from particles such as "de". A name of several words is preferred to one of
    fewer.
    """
    tokens = [(word, fold(word).strip(".,;:!?'\"")) for word in words.split()]
    terms = {term.removesuffix("'s") for _, term in tokens}
    by_words: dict[frozenset[str], set[int]] = defaultdict(set)
    for person_id, name in people_names.named(library, terms).items():
        common = name & terms
        if common == name or common - _PARTICLES:
            by_words[common].add(person_id)
    used: set[str] = set()
    groups = []
    for name, ids in sorted(by_words.items(), key=lambda item: (-len(item[0]), sorted(item[0]))):
        if not name <= used:
            groups.append(frozenset(ids))
            used |= name
    others = " ".join(word for word, term in tokens if term.removesuffix("'s") not in used)
    return NamedPeople(tuple(groups), frozenset(used), others) if groups else None


def has_content(library: Library, words: str) -> bool:
    """Return True if there is a word to search for, apart from stop words."""
    return bool(text_index.content_words(library, words))


def search_people(library: Library, search_filter: SearchFilter, *, limit: int) -> list[Hit]:
    """List at most `limit` spans with a person of each set of the filter, and without the `absent`.

    The people need not be on one frame: within 15 s is enough.
    """
    kinds = search_filter.kinds
    if not search_filter.people or (kinds is not None and PassageKind.PICTURE not in kinds):
        return []
    ids = frozenset().union(*search_filter.people)
    condition, values = replace(search_filter, people=(), absent=frozenset()).condition(by_time=True)
    appearances = list_appearances(library, ids, condition, values)
    absent = list_appearances(library, search_filter.absent, "", ()) if search_filter.absent else []
    names = people_names.names(library, ids)
    hits: list[Hit] = []
    for span in _joint_spans(appearances, search_filter.people):
        if len(hits) >= limit:
            break
        if not any(_overlap(span[0], other) for other in absent):
            hits.append(_hit(span, names))
    return hits


def with_names(library: Library, moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """Return moments with the names of visible people."""
    by_video: dict[int, list[tuple[float, float, str]]] = defaultdict(list)
    for video_id, start, end, name in named_in_videos(library, {moment.video_id for moment in moments}):
        by_video[video_id].append((start, end, name))
    return tuple(_with_names(moment, by_video[moment.video_id]) for moment in moments)


def _with_names(moment: Moment, seen: Sequence[tuple[float, float, str]]) -> Moment:
    names = dict.fromkeys(
        name for start, end, name in seen if start == moment.start or (start < moment.end and moment.start < end)
    )
    return replace(moment, people=tuple(names)) if names else moment


def _joint_spans(
    seen: Sequence[Appearance], groups: Sequence[frozenset[int]]
) -> Iterator[tuple[Appearance, tuple[int, ...]]]:
    """Yield the spans with a person of each group, with the ids of these people."""
    by_video: dict[int, list[Appearance]] = defaultdict(list)
    for appearance in seen:
        by_video[appearance.video_id].append(appearance)
    for of_video in by_video.values():
        done: set[tuple[float, float]] = set()
        for first in (appearance for appearance in of_video if appearance.person_id in groups[0]):
            span, people = first, [first.person_id]
            for group in groups[1:]:
                nearest = min(
                    (other for other in of_video if other.person_id in group),
                    key=lambda other: _gap(first, other),
                    default=None,
                )
                if nearest is None or _gap(first, nearest) > MAX_APART_S:
                    break
                span = _joined(span, nearest)
                people.append(nearest.person_id)
            else:
                if (span.start, span.end) not in done:
                    done.add((span.start, span.end))
                    yield span, tuple(dict.fromkeys(people))


def _gap(first: Appearance, other: Appearance) -> float:
    return max(first.start - other.end, other.start - first.end, 0.0)


def _joined(first: Appearance, other: Appearance) -> Appearance:
    """Return the common time of both, if any; else the time in between, with a margin."""
    start, end = max(first.start, other.start), min(first.end, other.end)
    if start > end or (start == end and first.start != other.start):
        start, end = (
            max(min(first.start, other.start), end - _CONTEXT_S),
            min(max(first.end, other.end), start + _CONTEXT_S),
        )
    return replace(first, start=start, end=end)


def _overlap(first: Appearance, other: Appearance) -> bool:
    is_same_time = first.start == other.start or (first.start < other.end and other.start < first.end)
    return first.video_id == other.video_id and is_same_time


def _hit(span: tuple[Appearance, tuple[int, ...]], names: Mapping[int, str]) -> Hit:
    appearance, people = span
    return Hit(
        passage_id=None,
        frame_id=appearance.frame_id,
        video_id=appearance.video_id,
        start=appearance.start,
        end=appearance.end,
        kind=PassageKind.PICTURE,
        text=", ".join(names[person_id] for person_id in people),
        score=1.0,
    )
