"""Passages as the hits of a search: one view of the library, the hits and their videos."""

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from vidlocal.moments import VideoRef
from vidlocal.records import Hit, PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter

__all__ = ["NO_FILTER", "SearchFilter", "list_ids", "places", "read", "snapshot", "videos_named"]


@contextmanager
def snapshot(library: Library) -> Iterator[None]:
    """All reads of the block see the library at one point in time, whatever others write meanwhile."""
    if library.connection.in_transaction:
        yield
        return
    library.row("BEGIN")
    try:
        yield
    finally:
        library.connection.rollback()


def read(library: Library, scores: Mapping[int, float]) -> list[Hit]:
    """The visible passages of `scores` (by passage id) as hits, in its order. One that is gone is left out."""
    rows = library.rows(
        """SELECT id, video_id, start, "end", kind, text FROM passages
        WHERE visible AND id IN (SELECT value FROM json_each(?))""",
        json.dumps(list(scores)),
    )
    found = {
        row["id"]: Hit(
            passage_id=row["id"],
            video_id=row["video_id"],
            start=row["start"],
            end=row["end"],
            kind=PassageKind(row["kind"]),
            text=row["text"],
            score=scores[row["id"]],
        )
        for row in rows
    }
    return [found[passage_id] for passage_id in scores if passage_id in found]


def list_ids(library: Library, search_filter: SearchFilter, *, limit: int) -> list[int]:
    """Ids of the visible passages that `only` lets through, video by video in order of time, at most `limit`."""
    condition, values = search_filter.condition()
    sql = f"SELECT id FROM passages WHERE visible{condition} ORDER BY video_id, start, id LIMIT ?"
    return [row["id"] for row in library.rows(sql, *values, limit)]


def videos_named(library: Library, text: str) -> frozenset[int]:
    """Ids of the videos with this part in their title or file name, or of the one with this number."""
    part = text.casefold()
    return frozenset(
        row["id"]
        for row in _name_candidates(library, text)
        if str(row["id"]) == text
        or part in row["title"].casefold()
        or part in os.path.basename(os.fsdecode(row["path"])).casefold()
    )


def _name_candidates(library: Library, text: str) -> list[sqlite3.Row]:
    """The videos worth a closer look: of 280,000 titles SQLite leaves out what it can in a tenth of the time.

    It folds the case of ASCII only, so that a title or path with other letters always stays.
    """
    columns = "SELECT id, title, path FROM videos"
    if not text.isascii():
        return library.rows(columns)
    return library.rows(
        f"""{columns} WHERE instr(lower(title), ?1) OR instr(lower(path), ?1) OR CAST(id AS TEXT) = ?1
          OR length(title) < length(CAST(title AS BLOB)) OR length(path) < length(CAST(path AS BLOB))
          OR typeof(path) = 'blob'""",
        text.lower(),
    )


def places(library: Library, video_ids: Collection[int]) -> dict[int, VideoRef]:
    """Titles and paths of videos, by id."""
    rows = library.rows(
        "SELECT id, title, path FROM videos WHERE id IN (SELECT value FROM json_each(?))",
        json.dumps(sorted(video_ids)),
    )
    return {row["id"]: VideoRef(row["title"], os.fsdecode(row["path"])) for row in rows}
