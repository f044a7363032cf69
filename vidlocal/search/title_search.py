"""Search the titles, file names and folder names of videos, and list videos: whole videos as moments."""

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import PurePath

from vidlocal.folding import fold
from vidlocal.records import Moment, PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index import hits, text_index
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter
from vidlocal.store.index.tokenizer import words

# Folder names searched above a file: an event and its year, but not the home folder.
_FOLDERS = 2

# Names that are similar to a word: misspelt ones and inflections, with the same first letter.
_MIN_RATIO = 0.85
_MIN_LETTERS = 4
# A word in the names of more videos than this, and of this share of them, is that of a folder for all videos.
_MIN_COMMON_VIDEOS = 5
_COMMON_SHARE = 0.2
_MAX_COMPARED_VIDEOS = 20_000
_letters = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class NamedVideo:
    """A video that is similar to a query by its name."""

    id: int
    title: str


def search_titles(
    library: Library, terms: Sequence[str], search_filter: SearchFilter, existing: Sequence[Moment]
) -> Sequence[Moment]:
    """Return videos with all words in their names, without `existing`. Filters on passages exclude all."""
    if search_filter.needs_passages:
        return ()
    named = frozenset(
        row["id"] for row in hits.videos_with_words(library, terms) if _has_all(terms, _names(row["title"], _path(row)))
    )
    ids = named if search_filter.videos is None else named & search_filter.videos
    return list_videos(library, replace(search_filter, videos=ids), existing, limit=len(ids))


def similar_titles(library: Library, query: str, *, limit: int = 3) -> tuple[NamedVideo, ...]:
    """Return the videos with most of the words of a query in their names, also misspelt or inflected ones."""
    terms = [term for term in text_index.content_words(library, query) if len(term) >= _MIN_LETTERS]
    if not terms:
        return ()
    rows = hits.list_videos(library, NO_FILTER, limit=_MAX_COMPARED_VIDEOS)
    names = [_name_parts(row) for row in rows]
    vocabulary = Counter(name for parts in names for name in parts)
    max_videos = max(_MIN_COMMON_VIDEOS, _COMMON_SHARE * len(rows))
    similar = [
        {name for name, count in vocabulary.items() if count <= max_videos and _is_similar(term, name)}
        for term in terms
    ]
    counts = [sum(not parts.isdisjoint(of_term) for of_term in similar) for parts in names]
    best = max(counts, default=0)
    matches = (row for row, count in zip(rows, counts, strict=True) if 0 < count == best)
    return tuple(NamedVideo(row["id"], row["title"]) for row, _ in zip(matches, range(limit), strict=False))


def _name_parts(row: sqlite3.Row) -> set[str]:
    """Return the words of the names of a video, and their letters without digits: "rabbit" of "rabbit320"."""
    parts = set(_names(row["title"], _path(row)))
    return parts | {letters for part in parts for letters in _letters.findall(part)}


def _is_similar(term: str, name: str) -> bool:
    if term == name or name.startswith(term):
        return True
    if len(name) < _MIN_LETTERS or name[0] != term[0] or abs(len(name) - len(term)) > 2:
        return False
    return SequenceMatcher(None, term, name, autojunk=False).ratio() >= _MIN_RATIO


def list_videos(
    library: Library, search_filter: SearchFilter, existing: Sequence[Moment], *, limit: int
) -> tuple[Moment, ...]:
    """Return at most `limit` videos matching a filter, without `existing`; also videos without text."""
    if search_filter.needs_passages or limit <= 0:
        return ()
    used = {moment.video_id for moment in existing}
    # A video by its title is of no kind of passage.
    listed = hits.list_videos(library, replace(search_filter, kinds=None), limit=limit + len(used))
    return tuple(_moment(row) for row in listed if row["id"] not in used)[:limit]


def _path(row: sqlite3.Row) -> str:
    return os.fsdecode(row["path"])


def _names(title: str, path: str) -> Iterator[str]:
    file = PurePath(path)
    for name in (title, file.stem, *(folder.name for folder in list(file.parents)[:_FOLDERS])):
        yield from words(fold(name).replace("_", " "))


def _has_all(terms: Sequence[str], names: Iterator[str]) -> bool:
    """True if every term is a word of the names, or the start of a word from three letters on."""
    whole = set(names)
    return all(term in whole or (len(term) > 2 and any(name.startswith(term) for name in whole)) for term in terms)


def _moment(row: sqlite3.Row) -> Moment:
    return Moment(
        video_id=row["id"],
        video_title=row["title"],
        video_path=_path(row),
        start=0.0,
        end=row["duration"],
        score=1.0,
        kinds=(PassageKind.TITLE,),
        text="",
        hits=(),
    )
