"""Search the titles, file names and folder names of videos, and list videos: whole videos as moments."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from vidlocal.folding import fold
from vidlocal.records import Moment, PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index import hits
from vidlocal.store.index.search_filter import SearchFilter
from vidlocal.store.index.tokenizer import words

# Folder names searched above a file: an event and its year, but not the home folder.
_FOLDERS = 2


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
