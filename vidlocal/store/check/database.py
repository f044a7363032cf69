"""Checks the SQLite file: pages, schema, text indexes and foreign keys."""

import sqlite3
from collections.abc import Iterator
from functools import cache, partial

from vidlocal.errors import StoreError
from vidlocal.folding import differing_fold
from vidlocal.records import JobKind
from vidlocal.store import schema as schemas
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.database import Library, translated_errors
from vidlocal.store.queue import jobs

TEXT_INDEXES = ("passage_words", "passage_grams")

# Tables that can be rebuilt from others, or are dispensable.
_DERIVED = (*TEXT_INDEXES, "vectors", "frame_vectors", "searches", "measures")
# Job kind that rebuilds the rows of a table, and the table with its videos.
_JOBS = {"vectors": (JobKind.EMBED, "passages"), "frame_vectors": (JobKind.PICTURES, "frames")}


def pages(library: Library) -> Iterator[Finding]:
    """Find damaged pages. Raises StoreError for damage to a table without a way to rebuild."""
    if _integrity_errors(library, "") is None:
        return
    damaged = {table: errors for table in _tables(library) if (errors := _integrity_errors(library, table)) is not None}
    lost = [table for table, errors in damaged.items() if not table.startswith(_DERIVED) and not _is_index_only(errors)]
    if lost:
        raise StoreError(
            f"{library.path}: damaged beyond repair, cannot read {', '.join(lost)} ({damaged[lost[0]][0]}). "
            "Restore a backup, or move the library away and ingest again."
        )
    if not damaged:
        yield Finding(Category.DATABASE, "The file has unused lost pages.", repair=partial(_vacuum, library))
    for table, errors in damaged.items():
        name = _index_of(table)
        if table.startswith(TEXT_INDEXES):
            yield Finding(Category.TEXT_INDEX, f"Text index {name}: damaged.", repair=partial(_rebuild, library, name))
        elif _is_index_only(errors):
            yield Finding(Category.DATABASE, f"Index of table {name}: wrong.", repair=partial(_reindex, library, name))
        else:
            yield Finding(Category.DATABASE, f"Table {name}: damaged.", repair=partial(_reset_table, library, name))


def schema(library: Library) -> Iterator[Finding]:
    """Find missing and foreign indexes, triggers and views. Raises StoreError for a missing table."""
    expected, existing = _expected_schema(), schemas.read(library.connection)
    missing = [name for kind, name in expected if kind == "table" and (kind, name) not in existing]
    lost = [name for name in missing if name not in TEXT_INDEXES]
    if lost:
        raise StoreError(
            f"{library.path}: damaged beyond repair, missing tables: {', '.join(lost)}. "
            "Restore a backup, or move the library away and ingest again."
        )
    for name in missing:
        yield Finding(Category.TEXT_INDEX, f"Text index {name}: missing.", repair=partial(_rebuild, library, name))
    for (kind, name), sql in expected.items():
        if kind != "table" and existing.get((kind, name)) != sql:
            repair = partial(_recreate, library, kind, name, sql)
            yield Finding(Category.DATABASE, f"{kind.capitalize()} {name}: missing or modified.", repair=repair)
    for kind, name in schemas.foreign(existing):
        if kind in ("trigger", "view") and (kind, name) not in expected:
            repair = partial(_drop, library, kind, name)
            yield Finding(Category.DATABASE, f"{kind.capitalize()} {name}: not created by vidlocal.", repair=repair)


def text_indexes(library: Library) -> Iterator[Finding]:
    """Find wrongly folded texts, and text indexes with other contents than the passages."""
    outdated = _outdated_folds(library)
    if outdated:
        message = f"Folded texts that differ from the text: {len(outdated):,}."
        yield Finding(Category.TEXT_INDEX, message, repair=partial(_store_folds, library, outdated))
    for index in TEXT_INDEXES:
        if not _is_consistent(library, index):
            message = f"Text index {index}: differs from the passages."
            yield Finding(Category.TEXT_INDEX, message, repair=partial(_rebuild, library, index))


def orphan_rows(library: Library) -> Iterator[Finding]:
    """Find rows with a foreign key to a missing row, except repeats of a missing frame (see `rows`)."""
    rows = library.rows("PRAGMA foreign_key_check")
    orphans: dict[tuple[str, str], list[int]] = {}
    for table, row_id, parent, _ in rows:
        if (table, parent) != ("frames", "frames"):
            orphans.setdefault((table, parent), []).append(row_id)
    for (table, parent), ids in orphans.items():
        message = f"Rows of {table} without their row of {parent}: {len(ids):,}."
        yield Finding(Category.ROWS, message, repair=partial(_delete, library, table, ids))


def _integrity_errors(library: Library, table: str) -> list[str] | None:
    """Return SQLite's complaints about a table and all indexes, or for "" about the file; None without complaints."""
    quoted = table.replace("'", "''")
    pragma = f"PRAGMA integrity_check('{quoted}')" if table else "PRAGMA integrity_check"
    try:
        errors = [str(row[0]) for row in library.connection.execute(pragma)]
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        errors = [str(error)]
    return None if errors in ([], ["ok"]) else errors


def _is_index_only(errors: list[str]) -> bool:
    """Return True if only indexes are wrong, rebuildable from the table."""
    return all("missing from index" in line or "in index" in line for line in errors)


def _tables(library: Library) -> list[str]:
    with translated_errors(library.path):
        rows = library.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [row["name"] for row in rows]


def _index_of(table: str) -> str:
    """Return the text index of a shadow table, or the table unchanged."""
    return next((index for index in TEXT_INDEXES if table.startswith(index)), table)


@cache
def _expected_schema() -> schemas.Schema:
    """Return the schema of a new library without the shadow tables of the text indexes."""
    shadow = tuple(f"{index}_" for index in TEXT_INDEXES)
    return {(kind, name): sql for (kind, name), sql in schemas.current().items() if not name.startswith(shadow)}


def _outdated_folds(library: Library) -> list[tuple[str | None, int]]:
    """Return the correct folded text and the id of passages with a wrong fold."""
    rows = library.rows(
        """SELECT id, text, folded FROM passages
        WHERE folded IS NOT NULL OR length(text) < length(CAST(text AS BLOB))"""
    )
    return [(folded, row["id"]) for row in rows if (folded := differing_fold(str(row["text"]))) != row["folded"]]


def _store_folds(library: Library, folds: list[tuple[str | None, int]]) -> None:
    with library.writing() as connection:
        connection.executemany("UPDATE passages SET folded = ? WHERE id = ?", folds)


def _is_consistent(library: Library, index: str) -> bool:
    with library.writing() as connection:
        try:
            # With rank 1, the index is compared with the passages too.
            connection.execute(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise
            return False
    return True


def _rebuild(library: Library, index: str) -> None:
    """Rebuild a text index from the passages. A badly damaged index is recreated first."""
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
    """Recreate an empty table and queue the jobs to fill the table again."""
    expected = _expected_schema()
    _remove_table(library, table)
    with library.writing() as connection:
        connection.execute(expected["table", table])
        for (kind, _), sql in expected.items():
            if kind == "index" and f" ON {table}(" in sql:
                connection.execute(sql)
        if table in _JOBS:
            job, owners = _JOBS[table]
            for row in library.rows(f"SELECT DISTINCT video_id FROM {owners}"):
                jobs.add(library, job, row["video_id"], row["video_id"])


def _remove_table(library: Library, table: str) -> None:
    """Remove a table too damaged for DROP from the schema, with indexes and shadow tables, and rewrite the file."""
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
