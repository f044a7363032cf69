"""Values that no vidlocal would have stored: why reading a library may fail where the program is right.

SQLite takes anything into any column. Looking through everything takes seconds in a large library, so it is done only
when something has failed.
"""

import sqlite3
from enum import StrEnum

from vidlocal.records import EnrichmentStatus, JobKind, JobState, MediaKind, PassageKind

_TYPES = {"INTEGER": "'integer'", "REAL": "'real', 'integer'", "TEXT": "'text'", "BLOB": "'blob'"}
# Names that are not valid UTF-8 are kept as bytes.
_BLOB_ALLOWED = {("videos", "path"), ("copies", "path")}
_JSON = {("frames", "facts"), ("sections", "answer"), ("searches", "found"), ("runs", "report")}
_ENUMS: dict[tuple[str, str], type[StrEnum]] = {
    ("videos", "kind"): MediaKind,
    ("videos", "enrichment_status"): EnrichmentStatus,
    ("passages", "kind"): PassageKind,
    ("jobs", "kind"): JobKind,
    ("jobs", "state"): JobState,
}
_MAX_REAL = 1e18  # seconds, bytes and hashes alike are smaller; infinity is not


def first_invalid(connection: sqlite3.Connection) -> str | None:
    """Where the first value is that does not belong there, as `table.column`; None when all is as it should be."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE %'")
    for (table,) in tables.fetchall():
        quoted = _quoted(table)
        for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({quoted})").fetchall():
            wrong = " OR ".join(_conditions(table, column, kind))
            if wrong and connection.execute(f"SELECT 1 FROM {quoted} WHERE {wrong} LIMIT 1").fetchone():
                return f"{table}.{column}"
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    return None if orphan is None else f"{orphan[0]}, which speaks of {orphan[2]} that are not there"


def _conditions(table: str, column: str, kind: str) -> list[str]:
    """The conditions, in SQL, under which a value does not belong into a column."""
    name, place = _quoted(column), (table, column)
    if kind not in _TYPES:
        return []
    also = ", 'blob'" if place in _BLOB_ALLOWED else ""
    found = [f"typeof({name}) NOT IN ('null', {_TYPES[kind]}{also})"]
    if kind == "REAL":
        found.append(f"abs({name}) > {_MAX_REAL}")
    if place in _JSON:
        found.append(f"NOT json_valid({name})")
    if place in _ENUMS:
        found.append(f"{name} NOT IN ({', '.join(repr(str(one)) for one in _ENUMS[place])})")
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
