"""Opening the library, and writing to it so that two processes never collide."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.errors import StoreError
from vidlocal.store.schema import refuse_strange

SCHEMA_VERSION = 5
FILE_NAME = "library.db"
FRAMES_FOLDER = "frames"

# How long a writer waits for another one. A write here takes milliseconds; half a minute means a stuck disk.
BUSY_TIMEOUT_S = 30.0

# SQLite's log is begun anew by itself, but not while there is always a reader.
_LONG_LOG_BYTES = 96 << 20
_LOOK_AT_LOG_EVERY_S = 2.0
# With less than this free, SQLite cannot make the two files it needs beside the library.
_SIDE_FILES_BYTES = 1 << 20
# The largest value that is read or stored: a library may come from someone else.
_LARGEST_VALUE_BYTES = 64 << 20


class Library:
    """The open library: the SQLite file and the folder of frame images beside it.

    `read_only`: its disk or folder cannot be written, and nothing can be stored.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, *, read_only: bool = False) -> None:
        self.folder = folder
        self.connection = connection
        self.read_only = read_only
        self.path = folder / FILE_NAME
        self._log_looked_at = 0.0
        self.frames_folder = folder / FRAMES_FOLDER

    @classmethod
    def open(cls, folder: Path, *, create: bool = False, mending: bool = False) -> Self:
        """The library in `folder`, migrated to this version of vidlocal. Where it cannot be written it is only read.

        Without `create` a missing library raises StoreError, as does one that is newer than we are,
        locked, damaged or not ours. `mending`: a schema that is not ours is let through, for `check` to mend.
        """
        path = folder / FILE_NAME
        if create:
            _make_private_folder(folder)
        elif not path.is_file():
            raise StoreError(f"There is no library in {folder} yet. Start one with: vidlocal ingest PATH")
        read_only = path.exists() and not (os.access(path, os.W_OK) and os.access(folder, os.W_OK))
        with translated_errors(path):
            connection = _connect_to_read(path) if read_only else _connect(path)
            try:
                _bring_up_to_date(connection, path, read_only=read_only)
                if not mending:
                    refuse_strange(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(folder, connection, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of the block is stored, or none of it.

        It takes the write lock at once: a deferred transaction that upgrades fails immediately under
        a second writer instead of waiting. Nested blocks join the outer one.
        """
        if self.read_only:
            raise unwritable(self.folder)
        if self.connection.in_transaction:
            yield self.connection
            return
        with translated_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.rollback()
                raise
            self.connection.commit()
        self._shorten_log()

    def _shorten_log(self) -> None:
        """Start SQLite's log anew when it has grown long because somebody was always reading: wait for them once."""
        now = time.monotonic()
        if now < self._log_looked_at + _LOOK_AT_LOG_EVERY_S:
            return
        self._log_looked_at = now
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.exists() and log.stat().st_size > _LONG_LOG_BYTES:
            with suppress(sqlite3.Error):  # a reader that stays longer only puts it off
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._log_looked_at = time.monotonic() + _LOOK_AT_LOG_EVERY_S

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with translated_errors(self.path):
            return self.connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        with translated_errors(self.path):
            found: sqlite3.Row | None = self.connection.execute(sql, values).fetchone()
            return found

    def number(self, sql: str, *values: object) -> int:
        """The single value of a counting query, 0 where it is NULL."""
        found = self.row(sql, *values)
        return int(found[0] or 0) if found is not None else 0


def unwritable(folder: Path) -> StoreError:
    """What to say of a library that is on a disk or in a folder that cannot be written."""
    return StoreError(
        f"The library in {folder} can be read but not written. Copy the folder to where you may write, and name that "
        "with VIDLOCAL_HOME."
    )


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as sentences for a person."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_sentence(error, path)) from error


def _sentence(error: sqlite3.Error, path: Path) -> str:
    text = str(error)
    # A full disk without room for SQLite's side files is "disk I/O error" to it, even for a reader.
    if "full" in text or ("disk I/O" in text and _is_full(path)):
        return f"The disk that holds {path} is full. Free some space and run the same command again; nothing is lost."
    if "locked" in text or "busy" in text:
        return f"The library {path} is locked by another program. Close it and run the same command again."
    if "malformed" in text or "not a database" in text:
        return f"The library {path} is damaged or not a vidlocal library ({text}). Restore a copy or move it away."
    if "too big" in text:
        return f"The library {path} holds a value that is too large to be one of vidlocal's. Restore a copy."
    if "readonly" in text or "unable to open" in text:
        return f"The library {path} cannot be opened for writing ({text}). Check the permissions of its folder."
    return f"The library {path} cannot be used: {text}."


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _SIDE_FILES_BYTES
    except OSError:
        return False


def _make_private_folder(folder: Path) -> None:
    """0700: what is in a library is nobody else's business."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / FRAMES_FOLDER).mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"The library folder {folder} cannot be made ({error.strerror}). Name another one with VIDLOCAL_HOME."
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        # SQLite gives its side files the mode of the main one, and makes that 0644 by itself.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _guarded(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None))
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    # Without it a REPLACE would leave words of the old row in the text index.
    connection.execute("PRAGMA recursive_triggers = ON")
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, not even the files SQLite needs beside the library.

    Where its log is there, somebody may be at work, or was killed: SQLite reads both, which takes its index of the log.
    Without a log nothing is left to be done, and nobody is at work.
    """
    log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    has_log = log.exists() and (log.stat().st_size > 0 or index.exists())
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
    connection = _guarded(sqlite3.connect(uri, timeout=BUSY_TIMEOUT_S, isolation_level=None, uri=True))
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not has_log or "locked" in str(error):
            raise
        raise StoreError(
            f"The library {path} was not closed in good order, and can only be read where it can be written. Copy its "
            "folder to where you may write, and name that with VIDLOCAL_HOME."
        ) from error
    return connection


def _guarded(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE_BYTES)
    # Pages that contradict themselves are found before they are used.
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The library {path} was made by a newer vidlocal (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Upgrade with: pip install -U vidlocal"
        )
    if version == SCHEMA_VERSION:
        return
    if (
        version == 0
        and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        and not _is_ours(connection)
    ):
        raise StoreError(f"{path} is some other program's database. Name another folder with VIDLOCAL_HOME.")
    if read_only:
        raise StoreError(
            f"The library {path} was made by an older vidlocal (schema {version}), and it cannot be brought up to date "
            "where it cannot be written. Copy its folder to where you may write, and name that with VIDLOCAL_HOME."
        )
    _migrate(connection, path)


def _is_ours(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone() is not None


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    # Imported here: a current library, which is nearly always, does not pay for it.
    from sqlite_utils import Database

    from vidlocal.store.migrations import migrations

    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")  # two starters: the second waits here and finds nothing to do
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        refuse_strange(connection, path)  # before the steps that a trigger of theirs may have bent are kept
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
