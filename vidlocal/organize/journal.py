"""What was proposed for files and what was done with them, written down before it happens.

`organize.jsonl` in the library folder has one JSON object a line, each on the disk before the step it speaks of:
`{"run", "video", "from", "to", "size", "mtime_ns"}` before a rename, `{"run", "made"}` before a folder is made,
`{"run", "done"}` when a run is over and `{"run", "undone"}` when it is taken back. `organize-plan.json` is the proposal
that a person was shown last.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows: two at once are not kept apart
    fcntl = None  # type: ignore[assignment]

JOURNAL, PLAN = "organize.jsonl", "organize-plan.json"

Line = dict[str, object]


@dataclass(frozen=True, slots=True)
class Renamed:
    """One rename of the journal. `video` is the id of the video the file holds, None for a sidecar."""

    video: int | None
    before: Path
    after: Path
    size_bytes: int
    mtime_ns: int

    def is_at(self, path: Path) -> bool:
        """Whether the file that was renamed is at `path`."""
        try:
            status = os.lstat(path)
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Run:
    """What one `--apply` did, in order."""

    name: str
    renamed: tuple[Renamed, ...]
    made: tuple[Path, ...]
    done: bool


class Journal:
    """The journal of a library, open and locked. See `open_journal`."""

    def __init__(self, path: Path, file: int) -> None:
        self._path = path
        self._file = file

    def write(self, line: Line) -> None:
        """Add a line; when this returns it is on the disk."""
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fsync(self._file)

    def rename(self, run: str, video: int | None, before: Path, after: Path) -> None:
        """Note that `before` is about to become `after`."""
        status = os.lstat(before)
        self.write(
            {
                "run": run,
                "video": video,
                "from": str(before),
                "to": str(after),
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
            }
        )

    def runs(self) -> list[Run]:
        """The runs that were not taken back, oldest first."""
        lines: dict[str, list[Line]] = {}
        for line in self._lines():
            lines.setdefault(str(line.get("run")), []).append(line)
        return [
            Run(
                name,
                tuple(_renamed(line) for line in of_run if "from" in line),
                tuple(Path(str(line["made"])) for line in of_run if "made" in line),
                any("done" in line for line in of_run),
            )
            for name, of_run in lines.items()
            if not any("undone" in line for line in of_run)
        ]

    def _lines(self) -> Iterator[Line]:
        for text in self._path.read_bytes().splitlines():
            with suppress(ValueError):  # the last line of a machine that lost its power
                line = json.loads(text)
                if isinstance(line, dict):
                    yield line


def new_run() -> str:
    return token_hex(8)


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """The journal of the library in `folder`. StoreError when another process has it."""
    path = folder / JOURNAL
    try:
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}), so nothing is renamed.") from error
    try:
        _lock(file)
        _end_torn_line(path, file)
        _sync_folder(folder)
        yield Journal(path, file)
    finally:
        os.close(file)


def _lock(file: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise StoreError("Another vidlocal is renaming files of this library. Wait for it to end.") from error


def _end_torn_line(path: Path, file: int) -> None:
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        os.write(file, b"\n")


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def keep_plan(folder: Path, plan: Line) -> None:
    """Keep the proposal a person is shown, in the place of the one before."""
    draft = folder / f".{PLAN}-{token_hex(8)}"
    try:
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            json.dump(plan, file)
        draft.replace(folder / PLAN)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"The proposal cannot be kept in {folder} ({error.strerror}).") from error


def kept_plan(folder: Path) -> Line | None:
    """The proposal that was shown last, None when there is none."""
    try:
        plan = json.loads((folder / PLAN).read_bytes())
    except (OSError, ValueError):
        return None
    return plan if isinstance(plan, dict) else None


def forget(folder: Path) -> None:
    """Remove every name that the journal and the proposal hold: for a purge. Nothing can be taken back then.

    StoreError when another process is renaming files.
    """
    drop_plan(folder)
    if (folder / JOURNAL).exists():
        with open_journal(folder):
            (folder / JOURNAL).unlink()


def drop_plan(folder: Path) -> None:
    (folder / PLAN).unlink(missing_ok=True)


def _renamed(line: Line) -> Renamed:
    video, size, time = line.get("video"), line.get("size"), line.get("mtime_ns")
    return Renamed(
        video if isinstance(video, int) else None,
        Path(str(line["from"])),
        Path(str(line["to"])),
        size if isinstance(size, int) else -1,
        time if isinstance(time, int) else -1,
    )
