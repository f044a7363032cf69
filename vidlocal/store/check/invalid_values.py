"""Values that no vidlocal would have stored: why reading a library may fail where the program is right.

SQLite takes anything into any column. Looking through everything takes seconds in a large library, so it is done only
when something has failed.
"""

import sqlite3
from enum import StrEnum

from vidlocal.records import EnrichmentStatus, JobKind, JobState, MediaKind, PassageKind

_TYPES = {"INTEGER": "'integer'", "REAL": "'real', 'integer'", "TEXT": "'text'", "BLOB": "'blob'"}
# Names that are not valid UTF-8 are kept as bytes.
_BYTES_TOO = {("videos", "path"), ("copies", "path")}
_JSON = {("frames", "facts"), ("sections", "answer"), ("searches", "found"), ("runs", "report")}
_CLOSED: dict[tuple[str, str], type[StrEnum]] = {
    ("videos", "kind"): MediaKind,
    ("videos", "enrichment_status"): EnrichmentStatus,
    ("passages", "kind"): PassageKind,
    ("jobs", "kind"): JobKind,
    ("jobs", "state"): JobState,
}
_LARGEST = 1e18  # seconds, bytes and hashes alike are smaller; infinity is not


def first(connection: sqlite3.Connection) -> str | None:
    """Where the first value is that does not belong there, as `table.column`; None when all is as it should be."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE %'")
    for (table,) in tables.fetchall():
        quoted = _quoted(table)
        for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({quoted})").fetchall():
            wrong = " OR ".join(_wrong(table, column, kind))
            if wrong and connection.execute(f"SELECT 1 FROM {quoted} WHERE {wrong} LIMIT 1").fetchone():
                return f"{table}.{column}"
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    return None if orphan is None else f"{orphan[0]}, which speaks of {orphan[2]} that are not there"


def _wrong(table: str, column: str, kind: str) -> list[str]:
    """The conditions, in SQL, under which a value does not belong into a column."""
    name, place = _quoted(column), (table, column)
    if kind not in _TYPES:
        return []
    also = ", 'blob'" if place in _BYTES_TOO else ""
    found = [f"typeof({name}) NOT IN ('null', {_TYPES[kind]}{also})"]
    if kind == "REAL":
        found.append(f"abs({name}) > {_LARGEST}")
    if place in _JSON:
        found.append(f"NOT json_valid({name})")
    if place in _CLOSED:
        found.append(f"{name} NOT IN ({', '.join(repr(str(one)) for one in _CLOSED[place])})")
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
