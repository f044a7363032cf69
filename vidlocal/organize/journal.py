"""Journal of renames, for undo and for recovery after a crash.

`organize.jsonl` in the library folder has a JSON object per line, on disk before the step itself:
`{"run", "video", "from", "to", "size", "mtime_ns"}` before a rename, `{"run", "made"}` before a folder is created,
`{"run", "done"}` at the end of a run, and `{"run", "undone"}` when a run was undone.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import StoreError
from vidlocal.organize import proposal
from vidlocal.store.library_files import open_folder

try:
    import fcntl
except ImportError:  # Windows: concurrent runs are not excluded
    fcntl = None  # type: ignore[assignment]

JOURNAL = "organize.jsonl"

Line = dict[str, object]


@dataclass(frozen=True, slots=True)
class RenameRecord:
    """A rename in the journal. `video_id` is None for a sidecar."""

    video_id: int | None
    before: Path
    after: Path
    size_bytes: int
    mtime_ns: int

    def is_at(self, path: Path) -> bool:
        """True if the renamed file is at `path`."""
        try:
            status = os.lstat(path)
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class JournalRun:
    """Steps of a single `--apply`, in order."""

    run_id: str
    renames: tuple[RenameRecord, ...]
    created_folders: tuple[Path, ...]
    is_done: bool


class Journal:
    """The journal of a library, open and locked. See `open_journal`."""

    def __init__(self, file: int) -> None:
        self._file = file

    def append(self, line: Line) -> None:
        """Append a line and sync to disk."""
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fsync(self._file)

    def record_rename(self, run_id: str, video_id: int | None, before: Path, after: Path) -> None:
        """Record a rename about to happen."""
        status = os.lstat(before)
        self.append(
            {
                "run": run_id,
                "video": video_id,
                "from": str(before),
                "to": str(after),
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
            }
        )

    def runs(self) -> list[JournalRun]:
        """List the runs not undone, oldest first."""
        lines_by_run: dict[str, list[Line]] = {}
        for line in self._lines():
            lines_by_run.setdefault(str(line.get("run")), []).append(line)
        return [
            JournalRun(
                run_id,
                tuple(_rename_record(line) for line in lines if "from" in line),
                tuple(Path(str(line["made"])) for line in lines if "made" in line),
                any("done" in line for line in lines),
            )
            for run_id, lines in lines_by_run.items()
            if not any("undone" in line for line in lines)
        ]

    def _lines(self) -> Iterator[Line]:
        for text in _read(self._file).splitlines():
            with suppress(ValueError, RecursionError):  # the last line may be cut off by a power failure
                line = json.loads(text)
                if isinstance(line, dict):
                    yield line


def new_run_id() -> str:
    """Return a random id."""
    return token_hex(8)


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open and lock the journal of the library in `folder`. Raises StoreError if locked by another process."""
    path = folder / JOURNAL
    try:
        with open_folder(folder) as home:
            file = home.open(JOURNAL, os.O_CREAT | os.O_RDWR | os.O_APPEND)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}). Nothing was renamed.") from error
    try:
        _lock(file)
        _end_torn_line(file)
        _sync_folder(folder)
        yield Journal(file)
    finally:
        os.close(file)


def purge(folder: Path) -> None:
    """Delete the journal and the proposal, including all file names. Disables undo.

    Raises StoreError while another process renames files.
    """
    proposal.delete(folder)
    if (folder / JOURNAL).exists():
        with open_journal(folder):
            (folder / JOURNAL).unlink()


def _lock(file: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise StoreError("Another vidlocal is renaming files of this library. Wait for it to end.") from error


def _read(file: int) -> bytes:
    """Read an open file from the start."""
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(os.dup(file), "rb") as opened:
        return opened.read()


def _end_torn_line(file: int) -> None:
    text = _read(file)
    if text and not text.endswith(b"\n"):
        os.write(file, b"\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename_record(line: Line) -> RenameRecord:
    video_id, size, time = line.get("video"), line.get("size"), line.get("mtime_ns")
    return RenameRecord(
        video_id if isinstance(video_id, int) else None,
        Path(str(line["from"])),
        Path(str(line["to"])),
        size if isinstance(size, int) else -1,
        time if isinstance(time, int) else -1,
    )
