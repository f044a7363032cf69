"""Checks the schema of a library file against the schema of this version.

A library may come from someone else, and SQLite executes what is in its schema: a foreign trigger or generated column
would act on everything we store. SQLite's own guard (`trusted_schema`) forbids full-text indexes in triggers, so the
schema is compared with the result of our own migrations.
"""

import hashlib
import sqlite3
from functools import cache

from vidlocal.errors import StoreError

# `fingerprint` of a new library. Only a library with another fingerprint is compared object by object, which imports
# the migrations (0.1 s).
CURRENT_FINGERPRINT = "0b5ec9db628bd626"

# Objects of SQLite and of the migration library.
_INTERNAL_PREFIXES = ("sqlite_", "_sqlite_migrations", "idx__sqlite_migrations")
# Users may keep tables of their own in the file: none of our statements executes anything in these.
_INERT_STATEMENTS = ("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ")

Schema = dict[tuple[str, str], str]


def refuse_foreign(connection: sqlite3.Connection, path: object) -> None:
    """Raise StoreError for a foreign object executable by SQLite, or a missing table.

    A missing trigger or index is left to `vidlocal check`.
    """
    schema = read(connection)
    if fingerprint(schema) == CURRENT_FINGERPRINT:
        return
    for kind, name in foreign(schema):
        if kind in ("trigger", "view"):
            raise StoreError(
                f"{path}: {kind} {name!r} was not created by vidlocal and is not executed. "
                "To remove it, if you trust the rest of the library, run: vidlocal check --repair"
            )
        raise StoreError(
            f"{path}: {kind} {name!r} differs from the schema of vidlocal. "
            "Restore a backup, or move the library away and ingest again."
        )
    missing = [name for kind, name in current() if kind == "table" and (kind, name) not in schema]
    if missing:
        raise StoreError(f"{path}: damaged, missing tables: {', '.join(missing)}. Run: vidlocal check --repair")


def read(connection: sqlite3.Connection) -> Schema:
    """Map kind and name of every object of a database to the SQL statement."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(str(kind), str(name)): str(sql) for kind, name, sql in rows}


def fingerprint(schema: Schema) -> str:
    """Hash all objects except SQLite's internal objects: 16 hexadecimal digits."""
    objects = sorted(item for item in schema.items() if not _is_internal(*item))
    return hashlib.blake2s(repr(objects).encode("utf-8", "replace"), digest_size=8).hexdigest()


def foreign(schema: Schema) -> list[tuple[str, str]]:
    """List kind and name of the foreign objects executable by SQLite."""
    expected = {(kind, name.casefold()): sql for (kind, name), sql in current().items()}
    return [
        (kind, name) for (kind, name), sql in schema.items() if _is_foreign(expected.get((kind, name.casefold())), sql)
    ]


def _is_foreign(expected: str | None, sql: str) -> bool:
    return expected != sql if expected is not None else not sql.startswith(_INERT_STATEMENTS)


def _is_internal(name: tuple[str, str], sql: str) -> bool:
    return name[1].startswith(_INTERNAL_PREFIXES) and sql.startswith(_INERT_STATEMENTS)


@cache
def current() -> Schema:
    """Build the schema of a new library."""
    from sqlite_utils import Database

    from vidlocal.store.migrations import migrations

    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        return {name: sql for name, sql in read(connection).items() if not _is_internal(name, sql)}
    finally:
        connection.close()
