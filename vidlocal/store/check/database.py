"""The SQLite file itself: its pages, its schema, its text indexes, and rows that belong to nothing."""

import sqlite3
from collections.abc import Iterator
from functools import cache, partial

from vidlocal.errors import StoreError
from vidlocal.records import JobKind
from vidlocal.store import schema as schemas
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.database import Library, translated_errors
from vidlocal.store.queue import jobs

TEXT_INDEXES = ("passage_words", "passage_grams")

# What can be made again from other tables, and what nobody misses.
_DERIVED = (*TEXT_INDEXES, "vectors", "frame_vectors", "searches", "measures")
# What makes the rows of a table again, and for the videos of which table.
_JOBS = {"vectors": (JobKind.EMBED, "passages"), "frame_vectors": (JobKind.PICTURES, "frames")}


def pages(library: Library) -> Iterator[Finding]:
    """Damage to the file. Raises StoreError when it is in what nothing else says: a copy must be restored."""
    if _integrity_errors(library, "") is None:
        return
    damaged = {
        table: complaint for table in _tables(library) if (complaint := _integrity_errors(library, table)) is not None
    }
    lost = [table for table, said in damaged.items() if not table.startswith(_DERIVED) and not _is_index_only(said)]
    if lost:
        raise StoreError(
            f"The library {library.path} is damaged beyond mending: what it says of {', '.join(lost)} cannot be read "
            f"({damaged[lost[0]][0]}). Restore a copy, or move it away and ingest again."
        )
    if not damaged:
        yield Finding(Category.DATABASE, "Pages of the file are lost.", repair=partial(_vacuum, library))
    for table, said in damaged.items():
        name = _index_of(table)
        if table.startswith(TEXT_INDEXES):
            yield Finding(
                Category.TEXT_INDEX, f"The text index {name} is damaged.", repair=partial(_rebuild, library, name)
            )
        elif _is_index_only(said):
            yield Finding(Category.DATABASE, f"An index of {name} is wrong.", repair=partial(_reindex, library, name))
        else:
            yield Finding(
                Category.DATABASE, f"The table {name} is damaged.", repair=partial(_reset_table, library, name)
            )


def schema(library: Library) -> Iterator[Finding]:
    """Tables, indexes, triggers and views that are missing or are not ours. StoreError when a table is missing."""
    right, there = _expected_schema(), schemas.read(library.connection)
    lost = [name for kind, name in right if kind == "table" and (kind, name) not in there and name not in TEXT_INDEXES]
    if lost:
        raise StoreError(
            f"The library {library.path} is damaged beyond mending: it has no {', '.join(lost)}. Restore a copy, or "
            "move it away and ingest again."
        )
    for (kind, name), sql in right.items():
        if (kind, name) not in there and kind == "table":
            yield Finding(
                Category.TEXT_INDEX, f"The text index {name} is missing.", repair=partial(_rebuild, library, name)
            )
        elif kind != "table" and there.get((kind, name)) != sql:
            mend = partial(_recreate, library, kind, name, sql)
            yield Finding(Category.DATABASE, f"The {kind} {name} is missing or not ours.", repair=mend)
    for kind, name in schemas.foreign(there):
        if kind in ("trigger", "view") and (kind, name) not in right:
            mend = partial(_drop, library, kind, name)
            yield Finding(Category.DATABASE, f"There is a {kind} {name} that is not ours.", repair=mend)


def text_indexes(library: Library) -> Iterator[Finding]:
    """Text indexes that say other words than the passages do."""
    for index in TEXT_INDEXES:
        if not _is_consistent(library, index):
            sentence = f"The text index {index} does not agree with the passages."
            yield Finding(Category.TEXT_INDEX, sentence, repair=partial(_rebuild, library, index))


def orphan_rows(library: Library) -> Iterator[Finding]:
    """Rows that belong to something that is not there. Repeats of lost frames are left to `rows`."""
    rows = library.rows("PRAGMA foreign_key_check")
    found: dict[tuple[str, str], list[int]] = {}
    for table, row_id, parent, _ in rows:
        if (table, parent) != ("frames", "frames"):
            found.setdefault((table, parent), []).append(row_id)
    for (table, parent), ids in found.items():
        sentence = f"Rows of {table} that belong to nothing in {parent}: {len(ids):,}."
        yield Finding(Category.ROWS, sentence, repair=partial(_delete, library, table, ids))


def _integrity_errors(library: Library, table: str) -> list[str] | None:
    """What SQLite says is wrong with a table and its indexes, or with the whole file; None when all is well."""
    quoted = table.replace("'", "''")
    pragma = f"PRAGMA integrity_check('{quoted}')" if table else "PRAGMA integrity_check"
    try:
        said = [str(row[0]) for row in library.connection.execute(pragma)]
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        said = [str(error)]
    return None if said in ([], ["ok"]) else said


def _is_index_only(said: list[str]) -> bool:
    """Whether all that is wrong can be made again from the table's own rows."""
    return all("missing from index" in line or "in index" in line for line in said)


def _tables(library: Library) -> list[str]:
    with translated_errors(library.path):
        rows = library.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [row["name"] for row in rows]


def _index_of(table: str) -> str:
    """The text index a hidden table of SQLite's belongs to, or the table itself."""
    return next((index for index in TEXT_INDEXES if table.startswith(index)), table)


@cache
def _expected_schema() -> schemas.Schema:
    """What a library made today has, less what the text indexes keep for themselves."""
    hidden = tuple(f"{index}_" for index in TEXT_INDEXES)
    return {(kind, name): sql for (kind, name), sql in schemas.current().items() if not name.startswith(hidden)}


def _is_consistent(library: Library, index: str) -> bool:
    with library.writing() as connection:
        try:
            # Rank 1 compares with the passages too, not only the index with itself.
            connection.execute(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise
            return False
    return True


def _rebuild(library: Library, index: str) -> None:
    """Make a text index anew from the passages, itself anew too where it is too damaged to be emptied."""
    try:
        with library.writing() as connection:
            connection.execute(f"INSERT INTO {index}({index}) VALUES ('rebuild')")
    except StoreError:
        _remove_table(library, index)
        with library.writing() as connection:
            connection.execute(_expected_schema()["table", index])
            connection.execute(f"INSERT INTO {index}({index}) VALUES ('rebuild')")


def _recreate(library: Library, kind: str, name: str, sql: str) -> None:
    with library.writing() as connection:
        connection.execute(f"DROP {kind} IF EXISTS {name}")
        connection.execute(sql)


def _drop(library: Library, kind: str, name: str) -> None:
    quoted = name.replace('"', '""')
    with library.writing() as connection:
        connection.execute(f'DROP {kind} "{quoted}"')


def _reindex(library: Library, table: str) -> None:
    with library.writing() as connection:
        connection.execute(f"REINDEX {table}")


def _reset_table(library: Library, table: str) -> None:
    """Give up a table whose rows are made again: vectors by the next `enrich`."""
    right = _expected_schema()
    _remove_table(library, table)
    with library.writing() as connection:
        connection.execute(right["table", table])
        for (kind, _), sql in right.items():
            if kind == "index" and f" ON {table}(" in sql:
                connection.execute(sql)
        if table in _JOBS:
            work, owners = _JOBS[table]
            for row in library.rows(f"SELECT DISTINCT video_id FROM {owners}"):
                jobs.add(library, work, row["video_id"], row["video_id"])


def _remove_table(library: Library, table: str) -> None:
    """Remove a table that is too damaged to be dropped, with what belongs to it: the rest is written anew."""
    with translated_errors(library.path):
        library.connection.execute("PRAGMA writable_schema = ON")
        try:
            with library.writing() as connection:
                connection.execute(
                    "DELETE FROM sqlite_master WHERE tbl_name = ? OR tbl_name LIKE ? ESCAPE '!'",
                    (table, f"{table}!_%" if table in TEXT_INDEXES else table),
                )
        finally:
            library.connection.execute("PRAGMA writable_schema = RESET")
    _vacuum(library)


def _vacuum(library: Library) -> None:
    library.row("VACUUM")


def _delete(library: Library, table: str, row_ids: list[int]) -> None:
    with library.writing() as connection:
        connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(row_id,) for row_id in row_ids])
