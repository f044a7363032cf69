"""Who is at work on this library: a token whose owner the kernel knows to be alive.

Jobs that run and folders that are being filled carry such a token. The lock behind it vanishes with the
process, however it ends, so what a dead process left can be told at once, with no pid and no time-out.
"""

import errno
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.store.database import unwritable

try:
    import fcntl
except ImportError:  # Windows: nothing is ever taken for dead there, leases run out instead
    fcntl = None  # type: ignore[assignment]

FOLDER = "owners"
_TOKEN = re.compile(r"[0-9a-f]{16}")


class Owner:
    """A living process's token on the library in `folder`, for as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(8)
        self._path = folder / FOLDER / self.token

    def __enter__(self) -> Self:
        """Raises StoreError where nothing can be written."""
        try:
            self._path.parent.mkdir(exist_ok=True, mode=0o700)
            bury_dead(self._path.parent.parent)
            while not self._has_lock():
                os.close(self._file)
        except OSError as error:
            if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise unwritable(self._path.parent.parent) from error
            raise
        return self

    def _has_lock(self) -> bool:
        """Take the lock. False when another process took us for dead between our making the file and locking it."""
        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        if fcntl is None:
            return True
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def is_alive(folder: Path, token: str) -> bool:
    """Whether the process that owns `token` still runs. What a dead one left of its lock is removed."""
    if not _TOKEN.fullmatch(token):  # a library that someone sent may name any file
        return False
    path = folder / FOLDER / token
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # gone, or no lock of ours
        return False
    try:
        if fcntl is None:
            return True
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        with suppress(OSError):  # where nothing can be written it stays, and means nothing
            path.unlink()
        return False
    finally:
        os.close(file)


def bury_dead(folder: Path) -> None:
    """Remove the locks that dead processes left."""
    owners = folder / FOLDER
    if owners.is_dir():
        for path in owners.iterdir():
            is_alive(folder, path.name)


def anyone(folder: Path) -> bool:
    """Whether any process is at work on the library."""
    owners = folder / FOLDER
    return owners.is_dir() and any(is_alive(folder, path.name) for path in owners.iterdir())
