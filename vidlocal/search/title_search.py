"""Search the titles, file names and folder names of videos: whole videos as moments."""

import os
from collections.abc import Iterator, Sequence
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
    """Return videos with all words in their names, other than those of `existing`. Filters on passages exclude all."""
    if search_filter.needs_passages:
        return ()
    used = {moment.video_id for moment in existing}
    return tuple(
        _moment(row["id"], row["title"], os.fsdecode(row["path"]), row["duration"])
        for row in hits.videos_with_words(library, terms)
        if row["id"] not in used
        and (search_filter.videos is None or row["id"] in search_filter.videos)
        and _has_all(terms, _names(row["title"], os.fsdecode(row["path"])))
    )


def _names(title: str, path: str) -> Iterator[str]:
    file = PurePath(path)
    for name in (title, file.stem, *(folder.name for folder in list(file.parents)[:_FOLDERS])):
        yield from words(fold(name).replace("_", " "))


def _has_all(terms: Sequence[str], names: Iterator[str]) -> bool:
    """True if every term is a word of the names, or the start of one from three letters on."""
    whole = set(names)
    return all(term in whole or (len(term) > 2 and any(name.startswith(term) for name in whole)) for term in terms)


def _moment(video_id: int, title: str, path: str, duration: float) -> Moment:
    return Moment(
        video_id=video_id,
        video_title=title,
        video_path=path,
        start=0.0,
        end=duration,
        score=1.0,
        kinds=(PassageKind.TITLE,),
        text="",
        hits=(),
    )
