"""Liveness tokens of the processes at work on a library, backed by flock.

Running jobs and staging folders carry such a token. The kernel releases the lock when the process ends, however it
ends, so leftovers of dead processes are recognized at once, without pids and time-outs.
"""

import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.store.database import folder_error
from vidlocal.store.library_files import LibraryFolder, open_folder
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
        self._folder = folder
        self._waits: dict[str, Wait] = {}

    def __enter__(self) -> Self:
        """Create and lock the file. Raises StoreError without write permission."""
        try:
            with open_folder(self._folder, FOLDER, create=True) as locks:
                remove_stale(self._folder)
                while not self._acquire(locks):
                    os.close(self._file)
        except OSError as error:
            raise folder_error(self._folder, error) from error
        return self

    def _acquire(self, locks: LibraryFolder) -> bool:
        """Lock the file. Returns False if another process removed the file as stale between creation and lock."""
        self._file = locks.open(self.token, os.O_CREAT | os.O_RDWR)
        if fcntl is None:
            return True
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return locks.is_same_file(self.token, self._file)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError), open_folder(self._folder, FOLDER) as locks:  # or left to `remove_stale`
            locks.delete(self.token)
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
    for token in _tokens(folder):
        file = _open_lock(folder, token)
        if file is None:
            continue
        try:
            if _try_flock(file):
                with suppress(OSError), open_folder(folder, FOLDER) as locks:  # on a read-only disk it is harmless
                    locks.delete(token)
        finally:
            os.close(file)


def live_processes(folder: Path) -> list[Wait | None]:
    """List the running processes: the first reason to wait of each, None while working."""
    return [_read_wait(folder, token) for token in _tokens(folder) if is_alive(folder, token)]


def _tokens(folder: Path) -> list[str]:
    try:
        with open_folder(folder, FOLDER) as locks:
            return locks.names()
    except OSError:
        return []


def _open_lock(folder: Path, token: str) -> int | None:
    """Open the lock file of a token; None for a missing or foreign file."""
    if not _TOKEN.fullmatch(token):  # a library from someone else may name any file
        return None
    try:
        with open_folder(folder, FOLDER) as locks:
            return locks.open(token)
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


def _read_wait(folder: Path, token: str) -> Wait | None:
    try:
        with open_folder(folder, FOLDER) as locks:
            first = json.loads(locks.read(token, max_bytes=_MAX_BYTES))[0]
        return Wait(str(first["topic"]), str(first["since"]), str(first["reason"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # not waiting, or in the middle of a write
        return None
