"""Opens the library file and serializes writes of several processes."""

import errno
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.errors import LibraryMissing, StoreError, UsageError
from vidlocal.store.file_identity import FileIdentity
from vidlocal.store.schema import refuse_foreign

SCHEMA_VERSION = 22
FILE_NAME = "library.db"
FRAMES_FOLDER = "frames"

# Waiting time for another writer. Our writes take milliseconds: half a minute means a stuck disk.
BUSY_TIMEOUT_S = 30.0

# SQLite resets its write-ahead log by itself, except while there is always a reader.
_MAX_WAL_BYTES = 96 << 20
_WAL_CHECK_INTERVAL_S = 2.0
# With less free space SQLite cannot create the -wal and -shm files beside the library.
_MIN_FREE_BYTES = 1 << 20
# Limit on values read or stored: a library may come from someone else.
_MAX_VALUE_BYTES = 64 << 20


_COPY_TO_WRITABLE = "Copy the folder to a writable disk and set VIDLOCAL_HOME to the copy."


class Library:
    """An open library: the SQLite file and the folder of frame images.

    `read_only`: the disk or folder is not writable, and nothing can be stored.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, *, read_only: bool = False) -> None:
        self.folder = folder
        self.connection = connection
        self.read_only = read_only
        self.path = folder / FILE_NAME
        self._identity = None if read_only else FileIdentity(self.path)
        self._wal_checked_at = 0.0
        self.frames_folder = folder / FRAMES_FOLDER

    @classmethod
    def open(cls, folder: Path, *, create: bool = False, for_repair: bool = False) -> Self:
        """Open the library in `folder`, migrated to this version; read-only if the folder is not writable.

        Raises StoreError if the library is missing (without `create`), newer than this version, locked, damaged or not
        ours. `for_repair` accepts foreign objects in the schema, so that `check` can remove them.
        """
        path = folder / FILE_NAME
        if create:
            _make_private_folder(folder)
        elif not os.path.isfile(path):
            raise LibraryMissing(f"No library in {folder}. Run: vidlocal ingest PATH")
        _refuse_links(path)
        read_only = os.path.exists(path) and not (os.access(path, os.W_OK) and os.access(folder, os.W_OK))
        with translated_errors(path):
            connection = _connect_read_only(path) if read_only else _connect(path)
            try:
                _upgrade(connection, path, read_only=read_only)
                if not for_repair:
                    refuse_foreign(connection, path)
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
        self.close()

    def close(self) -> None:
        """Close the connection. Pages in the log of an overwritten file are discarded instead of written."""
        if self._identity is None:
            self.connection.close()
            return
        if self._identity.is_overwritten():
            self._identity.discard_wal()
        self.connection.close()
        self._identity.close()
        self._identity = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a write transaction. Nested blocks join the outer transaction.

        The write lock is taken at once: under a second writer, a deferred transaction that upgrades to writing fails
        immediately instead of waiting.
        """
        if self.read_only:
            raise read_only_error(self.folder)
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
            self._commit()
        self._truncate_wal()

    def require_in_place(self) -> None:
        """Raise StoreError if the file was moved, deleted, replaced or overwritten: SQLite would not notice."""
        if self._identity is None:
            return
        if not self._identity.is_in_place():
            raise StoreError(
                f"{self.path}: moved, deleted or replaced while in use. Nothing more is stored. "
                "Run the same command again when the library is in place."
            )
        if self._identity.is_overwritten():
            raise StoreError(
                f"{self.path}: overwritten with another copy while in use. Nothing more is stored. "
                "Run the same command again to work on that copy."
            )

    def _commit(self) -> None:
        try:
            self.require_in_place()
        except StoreError:
            self.connection.rollback()
            raise
        self.connection.commit()
        self._note_checkpoint()

    def _note_checkpoint(self) -> None:
        """Note a checkpoint of this connection at once, to tell its writes from a copy over the file directly after."""
        if self._identity is not None:
            self._identity.is_overwritten()

    def _truncate_wal(self) -> None:
        """Truncate a write-ahead log grown under constant readers, unless someone is reading just now.

        Never waits: the write lock would be held meanwhile.
        """
        now = time.monotonic()
        if now < self._wal_checked_at + _WAL_CHECK_INTERVAL_S:
            return
        self._wal_checked_at = now
        log = self.path.with_name(f"{self.path.name}-wal")
        if _size_bytes(log) > _MAX_WAL_BYTES:
            with suppress(sqlite3.Error):
                self.truncate_wal()

    def truncate_wal(self) -> bool:
        """Empty the write-ahead log. Returns False at once if another connection reads or writes."""
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            row = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
        self._note_checkpoint()
        return row is not None and not row[0]

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with translated_errors(self.path):
            return self.connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query."""
        with translated_errors(self.path):
            row: sqlite3.Row | None = self.connection.execute(sql, values).fetchone()
            return row

    def number(self, sql: str, *values: object) -> int:
        """Return the single number of a query, 0 for NULL."""
        row = self.row(sql, *values)
        return int(row[0] or 0) if row is not None else 0


def read_only_error(folder: Path) -> StoreError:
    """Return the error for a write to a library on a disk or in a folder without write permission."""
    return StoreError(f"{folder}: read-only. {_COPY_TO_WRITABLE}")


def folder_error(folder: Path, error: OSError) -> StoreError:
    """Return the error for a failed access to a file in the library folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{folder}: disk full. Free some space and run the same command again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return read_only_error(folder)
    if not os.path.isdir(folder):
        return StoreError(f"{folder}: not found. Run the same command again when the library is in place.")
    return StoreError(f"{error.filename or folder}: {error.strerror}.")


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as StoreError with a message for users."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_message(error, path)) from error
    except OverflowError as error:  # an integer of more than 64 bits
        raise UsageError("A number is too large.") from error


def _message(error: sqlite3.Error, path: Path) -> str:
    text = str(error)
    # On a full disk without room for its side files SQLite reports "disk I/O error", even for readers.
    if "full" in text or ("disk I/O" in text and _is_full(path)):
        return f"{path}: disk full. Free some space and run the same command again; nothing is lost."
    if "locked" in text or "busy" in text:
        return f"{path}: locked by another program. Close it and run the same command again."
    if "malformed" in text or "not a database" in text:
        return f"{path}: damaged or not a vidlocal library ({text}). Restore a backup or move it away."
    if "too big" in text:
        return f"{path}: contains a value that is too large. Restore a backup."
    if "readonly" in text or "unable to open" in text:
        return f"{path}: cannot be opened for writing ({text}). Check the permissions of the folder."
    return f"{path}: {text}"


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _MIN_FREE_BYTES
    except OSError:
        return False


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _refuse_links(path: Path) -> None:
    """Raise StoreError if the library file or a side file of SQLite is a link, a pipe or a device."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        file = path.with_name(name)
        with suppress(OSError):
            if not stat.S_ISREG(file.lstat().st_mode):
                raise StoreError(f"{file}: not a regular file. To keep the library elsewhere, set VIDLOCAL_HOME.")


def _make_private_folder(folder: Path) -> None:
    """Create the folders with mode 0700: the contents of a library are private."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / FRAMES_FOLDER).mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot create the library folder ({error.strerror}). Set VIDLOCAL_HOME to another folder."
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    if not os.path.exists(path):
        # SQLite gives its side files the mode of the main file, and would create that with 0644.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _harden(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None))
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    # Otherwise REPLACE would leave words of the old row in the text index.
    connection.execute("PRAGMA recursive_triggers = ON")
    return connection


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect without writing anything, not even the side files of SQLite.

    If the write-ahead log exists, another process may be writing or was killed: SQLite then reads the log too, which
    needs the -shm file. Without a log there is no writer and all is in the main file.
    """
    log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    has_log = os.path.exists(log) and (log.stat().st_size > 0 or os.path.exists(index))
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
    connection = _harden(sqlite3.connect(uri, timeout=BUSY_TIMEOUT_S, isolation_level=None, uri=True))
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not has_log or "locked" in str(error):
            raise
        raise StoreError(
            f"{path}: not closed properly, and recovery needs write access. {_COPY_TO_WRITABLE}"
        ) from error
    return connection


def _harden(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    # Detect inconsistent pages before using them.
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _upgrade(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: created by a newer version of vidlocal (schema {version}, supported: {SCHEMA_VERSION}). "
            "Run: pip install -U vidlocal"
        )
    if version == SCHEMA_VERSION:
        if not read_only:
            _ensure_wal(connection)
        return
    if (
        version == 0
        and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        and not _is_ours(connection)
    ):
        raise StoreError(f"{path}: database of another program. Set VIDLOCAL_HOME to another folder.")
    if read_only:
        raise StoreError(
            f"{path}: created by an older version of vidlocal (schema {version}), and migration needs write access. "
            f"{_COPY_TO_WRITABLE}"
        )
    _migrate(connection, path)


def _ensure_wal(connection: sqlite3.Connection) -> None:
    """Return to WAL mode: after `sqlite3 .backup` a copy is in rollback mode, with writers blocked by readers."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        with suppress(sqlite3.OperationalError):  # in use by another process, or on a disk without shared memory
            connection.execute("PRAGMA journal_mode = WAL").fetchone()


def _is_ours(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone() is not None


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    # Deferred import (0.1 s): most libraries are current.
    from sqlite_utils import Database

    from vidlocal.store.migrations import migrations

    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")  # a second process waits here, then has nothing to do
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        refuse_foreign(connection, path)  # before committing: a foreign trigger may have interfered
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
