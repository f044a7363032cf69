"""Copies of passages with all dependent rows, to undo an edit or a deletion."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress

from vidlocal.records import JobKind
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.store.queue.priorities import EMBED_PRIORITY

# Condition for the rows of a passage, by table; without vectors, which are computed again. Parents come first.
_ROWS_OF_PASSAGE = {
    "passages": "id = ?1",
    "word_times": "passage_id = ?1",
    "passage_speakers": "passage_id = ?1",
    "chapters": "passage_id = ?1",
    "video_tags": "passage_id = ?1",
    "grounds": "passage_id = ?1 OR rests_on = ?1",
}

StoredRows = Mapping[str, Sequence[Mapping[str, object]]]


def copy_rows(library: Library, passage_id: int) -> StoredRows:
    """Return the rows of a passage by table, for `restore`: its words, speaker, chapter, tags and citations."""
    return {
        table: [dict(row) for row in library.rows(f"SELECT * FROM {table} WHERE {condition}", passage_id)]
        for table, condition in _ROWS_OF_PASSAGE.items()
    }


def restore(library: Library, stored: StoredRows) -> None:
    """Store a passage in its earlier state, in place of an edited or deleted passage, and queue its embedding.

    Rows that refer to something deleted since are left out.
    """
    with library.writing() as connection:
        for passage in stored["passages"]:
            changes = ", ".join(f'"{name}" = excluded."{name}"' for name in passage)
            connection.execute(f"{_insert('passages', passage)} ON CONFLICT (id) DO UPDATE SET {changes}", _of(passage))
            connection.execute("DELETE FROM vectors WHERE passage_id = ?", (passage["id"],))
            video_id = int(str(passage["video_id"]))
            jobs.add(library, JobKind.EMBED, video_id, video_id, priority=EMBED_PRIORITY)
        for table in list(_ROWS_OF_PASSAGE)[1:]:
            for row in stored[table]:
                with suppress(sqlite3.IntegrityError):
                    connection.execute(_insert(table, row), _of(row))


def _insert(table: str, row: Mapping[str, object]) -> str:
    names = ", ".join(f'"{name}"' for name in row)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})"


def _of(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row.values())
