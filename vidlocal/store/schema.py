"""Whether the tables, triggers and views of a library are those that vidlocal makes.

A library may come from someone else, and SQLite runs what is written in its schema: a trigger or a generated column
of theirs would act on what we store. SQLite's own guard against that (`trusted_schema`) forbids full-text indexes in
triggers, so the schema is compared with what our own steps make.
"""

import hashlib
import sqlite3
from functools import cache

from vidlocal.errors import StoreError

# What `fingerprint` gives for a library made today. Only a library that differs is compared object by object, for
# which the steps must be imported (some 0.1 s).
TODAY = "fc59a3dee10736d4"

# What SQLite and the keeper of the steps have for themselves.
_THEIRS = ("sqlite_", "_sqlite_migrations", "idx__sqlite_migrations")
# A person may keep tables of their own in the file. Nothing of ours ever runs what is in these two.
_INERT = ("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ")

Schema = dict[tuple[str, str], str]


def refuse_strange(connection: sqlite3.Connection, path: object) -> None:
    """Raise StoreError when the library holds something that would run and is not ours, or lacks a table.

    A trigger or index that is missing is left to `vidlocal check`.
    """
    there = of(connection)
    if fingerprint(there) == TODAY:
        return
    for kind, name in foreign(there):
        if kind in ("trigger", "view"):
            raise StoreError(
                f"The library {path} has a {kind} {name!r} that vidlocal did not make, so nothing is done with it. "
                "If you trust what it says, take that out with: vidlocal check --repair"
            )
        raise StoreError(
            f"The library {path} has a {kind} {name!r} that is not as vidlocal makes it. Restore a copy, or move it "
            "away and ingest again."
        )
    lost = [name for kind, name in today() if kind == "table" and (kind, name) not in there]
    if lost:
        raise StoreError(f"The library {path} is damaged: it has no {', '.join(lost)}. Run: vidlocal check --repair")


def of(connection: sqlite3.Connection) -> Schema:
    """Every object of a database by kind and name, as the statement that made it."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(str(kind), str(name)): str(sql) for kind, name, sql in rows}


def fingerprint(schema: Schema) -> str:
    """16 hexadecimal digits, the same for the same objects but those that SQLite keeps for itself."""
    counted = sorted(item for item in schema.items() if not _is_theirs(*item))
    return hashlib.blake2s(repr(counted).encode("utf-8", "replace"), digest_size=8).hexdigest()


def foreign(schema: Schema) -> list[tuple[str, str]]:
    """The objects, by kind and name, that would run something that is not ours."""
    right = {(kind, name.casefold()): sql for (kind, name), sql in today().items()}
    return [
        (kind, name)
        for (kind, name), sql in schema.items()
        if (right[kind, name.casefold()] != sql if (kind, name.casefold()) in right else not sql.startswith(_INERT))
    ]


def _is_theirs(name: tuple[str, str], sql: str) -> bool:
    return name[1].startswith(_THEIRS) and sql.startswith(_INERT)


@cache
def today() -> Schema:
    """What a library made today has."""
    from sqlite_utils import Database

    from vidlocal.store.migrations import migrations

    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        return {name: sql for name, sql in of(connection).items() if not _is_theirs(name, sql)}
    finally:
        connection.close()
