"""Passages as the hits of a search: what it is narrowed to, one view of the library, the hits and their videos."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from vidlocal.moments import Place
from vidlocal.records import Hit, PassageKind
from vidlocal.store.database import Library


@dataclass(frozen=True, slots=True)
class Only:
    """What a search is narrowed to: video ids and kinds. None is no limit, an empty set lets nothing through."""

    videos: frozenset[int] | None = None
    kinds: frozenset[PassageKind] | None = None

    def condition(self) -> tuple[str, tuple[str, ...]]:
        """SQL for the WHERE of a query over `passages`, beginning with AND, and the values it binds."""
        sql, values = "", []
        if self.videos is not None:
            sql += " AND passages.video_id IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(sorted(self.videos)))
        if self.kinds is not None:
            sql += " AND passages.kind IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(sorted(self.kinds)))
        return sql, tuple(values)


EVERYTHING = Only()


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


def places(library: Library, video_ids: Collection[int]) -> dict[int, Place]:
    """Titles and paths of videos, by id."""
    rows = library.rows(
        "SELECT id, title, path FROM videos WHERE id IN (SELECT value FROM json_each(?))",
        json.dumps(sorted(video_ids)),
    )
    return {row["id"]: Place(row["title"], os.fsdecode(row["path"])) for row in rows}
