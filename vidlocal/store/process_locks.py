"""Who is at work on this library: a token whose owner the kernel knows to be alive.

Jobs that run and folders that are being filled carry such a token. The lock behind it vanishes with the
process, however it ends, so what a dead process left can be told at once, with no pid and no time-out.
"""

import errno
import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.store.database import unwritable

try:
    import fcntl
except ImportError:  # Windows: nothing is ever taken for dead there, leases run out instead
    fcntl = None  # type: ignore[assignment]

FOLDER = "owners"
# What a process says of itself is a few sentences.
_MAX_BYTES = 16_384
_TOKEN = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a living process waits for: one word, since when (UTC, ISO 8601), and why, in a sentence."""

    what: str
    since: str
    why: str


class ProcessLock:
    """A living process's token on the library in `folder`, for as long as the block lasts.

    What the process waits for stands in the file that it keeps locked, and is gone with it.
    """

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(8)
        self._path = folder / FOLDER / self.token
        self._waits: dict[str, Waiting] = {}

    def __enter__(self) -> Self:
        """Raises StoreError where nothing can be written."""
        try:
            self._path.parent.mkdir(exist_ok=True, mode=0o700)
            remove_stale(self._path.parent.parent)
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

    def set_waiting(self, what: str, why: str) -> None:
        """Tell whoever asks that this process waits, and for what."""
        before = self._waits.get(what)
        since = datetime.now(UTC).isoformat(timespec="seconds") if before is None else before.since
        self._waits[what] = Waiting(what, since, why)
        self._write()

    def clear_waiting(self, what: str) -> None:
        """This process does not wait for that any more, if it did."""
        if self._waits.pop(what, None) is not None:
            self._write()

    def _write(self) -> None:
        said = json.dumps([asdict(waiting) for waiting in self._waits.values()]).encode()
        with suppress(OSError):  # a full disk holds nobody up who only waits
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, data)


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


def remove_stale(folder: Path) -> None:
    """Remove the locks that dead processes left."""
    owners = folder / FOLDER
    if owners.is_dir():
        for path in owners.iterdir():
            is_alive(folder, path.name)


def at_work(folder: Path) -> list[Waiting | None]:
    """The processes that live: what each waits for, None for one that works."""
    owners = folder / FOLDER
    if not owners.is_dir():
        return []
    return [_waiting(path) for path in owners.iterdir() if is_alive(folder, path.name)]


def _waiting(path: Path) -> Waiting | None:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            first = json.loads(file.read(_MOST_BYTES))[0]
        return Waiting(str(first["what"]), str(first["since"]), str(first["why"]))
    except (OSError, ValueError, LookupError, TypeError):  # it waits for nothing, or is just saying what
        return None
