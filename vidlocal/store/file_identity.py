"""Detects a library file moved, deleted, replaced or overwritten while open."""

import os
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, NamedTuple

# Positions in the -shm file: https://sqlite.org/walformat.html, section 2.1.
_SHM_BYTES = 132
_SALTS = slice(32, 40)  # of the current log
_BACKFILLED = slice(96, 100)  # pages of the log copied into the library file, all of them written
_BACKFILL_STARTED = slice(128, 132)  # the same, set before the first of them is written

# Compared to tell a copy from the same content with another time: so much at the start of the file, where each growth
# changes the header, and at its end, where new pages are. Two reads, because every command opens the library.
_SAMPLE_BYTES = 512 << 10


class _Checkpoint(NamedTuple):
    """Progress of the checkpoints. In WAL mode SQLite changes the library file in no other way."""

    salts: bytes
    pages: bytes
    is_complete: bool


class FileIdentity:
    """The library file as last changed by SQLite. Create an instance after opening the connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = _inode(path)
        self._file = _SharedFile.open(path)
        shm = path.with_name(f"{path.name}-shm")
        # Missing in rollback mode, where SQLite writes into the library file with each commit.
        self._shm = _SharedFile.open(shm) if shm.exists() else None
        self._accept(self._checkpoint())

    def is_in_place(self) -> bool:
        """Return False if another file has the path now, or none."""
        return self._inode is not None and _inode(self._path) == self._inode

    def is_overwritten(self) -> bool:
        """Return True if something else than SQLite changed the content, e.g. `cp` of a backup."""
        if self._shm is None or self._file.stamp() == self._stamp:
            return False
        # Read after the stamp: SQLite announces a checkpoint before it writes.
        checkpoint = self._checkpoint()
        if checkpoint == self._accepted and self._file.fingerprint() != self._fingerprint:
            return True
        if checkpoint.is_complete:
            self._accept(checkpoint)
        return False

    def discard_wal(self) -> None:
        """Empty the write-ahead log of an overwritten file: pages of the old file would damage the copy."""
        with suppress(OSError):
            os.truncate(self._path.with_name(f"{self._path.name}-wal"), 0)

    def close(self) -> None:
        """Release the files, after closing the connection."""
        self._file.close()
        if self._shm is not None:
            self._shm.close()

    def _accept(self, checkpoint: _Checkpoint) -> None:
        self._accepted = checkpoint
        self._stamp = self._file.stamp()
        self._fingerprint = self._file.fingerprint()

    def _checkpoint(self) -> _Checkpoint:
        shm = self._shm.read(_SHM_BYTES, 0) if self._shm is not None else b""
        return _Checkpoint(shm[_SALTS], shm[_BACKFILL_STARTED], shm[_BACKFILL_STARTED] == shm[_BACKFILLED])


class _SharedFile:
    """A descriptor of a file, shared by all connections of the process and closed with the last connection.

    Closing any descriptor of a file drops all POSIX locks of the process on that file, those of SQLite included:
    https://sqlite.org/howtocorrupt.html, section 2.2.
    """

    _open_files: ClassVar[dict[tuple[int, int], "_SharedFile"]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, descriptor: int, inode: tuple[int, int]) -> None:
        self._descriptor = descriptor
        self._inode = inode
        self._users = 0

    @classmethod
    def open(cls, path: Path) -> "_SharedFile":
        """Return the open file of a path. Raises OSError."""
        with cls._lock:
            inode = _inode(path)
            file = cls._open_files.get(inode) if inode is not None else None
            if file is None:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                status = os.fstat(descriptor)
                file = cls(descriptor, (status.st_dev, status.st_ino))
                cls._open_files[file._inode] = file
            file._users += 1
            return file

    def read(self, size: int, position: int) -> bytes:
        return os.pread(self._descriptor, size, position)

    def stamp(self) -> tuple[int, int]:
        """Return (modification time in nanoseconds, size in bytes)."""
        status = os.fstat(self._descriptor)
        return status.st_mtime_ns, status.st_size

    def fingerprint(self) -> int:
        """Return a checksum of the size, the start and the end: of the whole content up to 1 MiB."""
        size = os.fstat(self._descriptor).st_size
        start = self.read(_SAMPLE_BYTES, 0)
        end = self.read(_SAMPLE_BYTES, max(_SAMPLE_BYTES, size - _SAMPLE_BYTES))
        return zlib.crc32(end, zlib.crc32(start, size))

    def close(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                del self._open_files[self._inode]
                os.close(self._descriptor)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
