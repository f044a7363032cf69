"""Filter of a query on passages: names of videos, people, speakers, places and cameras become ids."""

from collections.abc import Collection, Iterator, Sequence

from vidlocal.records import PassageKind
from vidlocal.search.query import Query
from vidlocal.store.database import Library
from vidlocal.store.index import hits, people_names, speaker_names
from vidlocal.store.index.search_filter import SearchFilter


def build_filter(
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


def unknown_names(library: Library, parsed: Query) -> list[str]:
    """Return a sentence for each filter that names no video, place, camera, speaker or person of the library."""
    return build_filter(library, parsed, None, None)[1][len(parsed.invalid) :]


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
