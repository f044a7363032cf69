"""Finds values with a wrong type or outside their enum, to tell a damaged library from a bug.

SQLite accepts any value in any column. The search takes seconds in a large library and runs only after an error.
"""

import sqlite3
from enum import StrEnum

from vidlocal.records import EnrichmentStatus, JobKind, JobState, MediaKind, PassageKind

_TYPES = {"INTEGER": "'integer'", "REAL": "'real', 'integer'", "TEXT": "'text'", "BLOB": "'blob'"}
# File names that are not valid UTF-8 are stored as bytes.
_BLOB_ALLOWED = {("videos", "path"), ("copies", "path"), ("sidecars", "path")}
_JSON = {("frames", "facts"), ("sections", "answer"), ("searches", "found"), ("runs", "report")}
_ENUMS: dict[tuple[str, str], type[StrEnum]] = {
    ("videos", "kind"): MediaKind,
    ("videos", "enrichment_status"): EnrichmentStatus,
    ("passages", "kind"): PassageKind,
    ("jobs", "kind"): JobKind,
    ("jobs", "state"): JobState,
}
_MAX_REAL = 1e18  # excludes infinity


def first_invalid(connection: sqlite3.Connection) -> str | None:
    """Return the place of the first invalid value as `table.column`, or a missing row; None if all are valid."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE %'")
    for (table,) in tables.fetchall():
        quoted = _quoted(table)
        for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({quoted})").fetchall():
            invalid = " OR ".join(_conditions(table, column, kind))
            if invalid and connection.execute(f"SELECT 1 FROM {quoted} WHERE {invalid} LIMIT 1").fetchone():
                return f"{table}.{column}"
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    return None if orphan is None else f"{orphan[0]}: missing row of {orphan[2]}"


def _conditions(table: str, column: str, kind: str) -> list[str]:
    """Return SQL conditions for invalid values of a column."""
    name, key = _quoted(column), (table, column)
    if kind not in _TYPES:
        return []
    blob = ", 'blob'" if key in _BLOB_ALLOWED else ""
    conditions = [f"typeof({name}) NOT IN ('null', {_TYPES[kind]}{blob})"]
    if kind == "REAL":
        conditions.append(f"abs({name}) > {_MAX_REAL}")
    if key in _JSON:
        conditions.append(f"NOT json_valid({name})")
    if key in _ENUMS:
        conditions.append(f"{name} NOT IN ({', '.join(repr(str(value)) for value in _ENUMS[key])})")
    return conditions


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
