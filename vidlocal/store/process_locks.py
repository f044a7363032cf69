"""Liveness tokens of the processes at work on a library, backed by flock.

Running jobs and staging folders carry such a token. The kernel releases the lock when the process ends, however it
ends, so leftovers of dead processes are recognized at once, without pids and time-outs.
"""

import errno
import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.store.database import read_only_error
from vidlocal.store.values import now_utc

try:
    import fcntl
except ImportError:  # Windows: every process counts as alive, and leases expire instead
    fcntl = None  # type: ignore[assignment]

FOLDER = "owners"
_MAX_BYTES = 16_384
_TOKEN = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Wait:
    """A reason for a process to wait: a keyword, the start (UTC, ISO 8601) and a sentence for users."""

    topic: str
    since: str
    reason: str


class ProcessLock:
    """The liveness token of this process on the library in `folder`. Use as a context manager.

    The locked file also holds the reasons to wait, for other processes to read.
    """

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(8)
        self._path = folder / FOLDER / self.token
        self._waits: dict[str, Wait] = {}

    def __enter__(self) -> Self:
        """Create and lock the file. Raises StoreError without write permission."""
        try:
            self._path.parent.mkdir(exist_ok=True, mode=0o700)
            remove_stale(self._path.parent.parent)
            while not self._acquire():
                os.close(self._file)
        except OSError as error:
            if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise read_only_error(self._path.parent.parent) from error
            raise
        return self

    def _acquire(self) -> bool:
        """Lock the file. Returns False if another process removed the file as stale between creation and lock."""
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

    def set_waiting(self, topic: str, reason: str) -> None:
        """Publish a reason to wait. Repeated for the same topic, the start stays."""
        previous = self._waits.get(topic)
        since = now_utc() if previous is None else previous.since
        self._waits[topic] = Wait(topic, since, reason)
        self._write()

    def clear_waiting(self, topic: str) -> None:
        """Withdraw a reason to wait."""
        if self._waits.pop(topic, None) is not None:
            self._write()

    def _write(self) -> None:
        data = json.dumps([asdict(wait) for wait in self._waits.values()]).encode()
        with suppress(OSError):  # only a notice: a full disk must not stop the process
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, data)


def is_alive(folder: Path, token: str) -> bool:
    """Return True if the process with this token is running."""
    file = _open_lock(folder, token)
    if file is None:
        return False
    try:
        return not _try_flock(file)
    finally:
        os.close(file)


def remove_stale(folder: Path) -> None:
    """Delete the lock files of dead processes."""
    for path in _lock_files(folder):
        file = _open_lock(folder, path.name)
        if file is None:
            continue
        try:
            if _try_flock(file):
                with suppress(OSError):  # on a read-only disk it stays and is harmless
                    path.unlink()
        finally:
            os.close(file)


def live_processes(folder: Path) -> list[Wait | None]:
    """List the running processes: the first reason to wait of each, None for one at work."""
    return [_read_wait(path) for path in _lock_files(folder) if is_alive(folder, path.name)]


def _lock_files(folder: Path) -> list[Path]:
    locks = folder / FOLDER
    return list(locks.iterdir()) if locks.is_dir() else []


def _open_lock(folder: Path, token: str) -> int | None:
    """Open the lock file of a token; None for a missing or foreign file."""
    if not _TOKEN.fullmatch(token):  # a library from someone else may name any file
        return None
    try:
        return os.open(folder / FOLDER / token, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None


def _try_flock(file: int) -> bool:
    """Lock an open file without waiting. Returns False if a process holds the lock."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_wait(path: Path) -> Wait | None:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            first = json.loads(file.read(_MAX_BYTES))[0]
        return Wait(str(first["topic"]), str(first["since"]), str(first["reason"]))
    except (OSError, ValueError, LookupError, TypeError):  # not waiting, or in the middle of a write
        return None
