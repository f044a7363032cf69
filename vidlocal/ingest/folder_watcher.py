"""Watch folders for new files, complete once they stop growing."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.media import files

# Copies over a slow network pause for seconds, rarely for a minute.
MIN_UNCHANGED_S = 60.0
_SCAN_INTERVAL_S = 10.0


@dataclass(frozen=True, slots=True)
class _Observed:
    """State of a file, and the monotonic time since it is unchanged."""

    size_bytes: int
    mtime_ns: int
    since: float


class FolderWatcher:
    """New and changed files in `folders` and below. `now` is monotonic, in seconds.

    A file is ready when its size and mtime are unchanged for a minute. Only names of media files count; a missing
    folder has no files. At the start every file is new: ingest skips the known ones.
    """

    def __init__(self, folders: Sequence[Path], now: Callable[[], float]) -> None:
        self._folders = folders
        self._now = now
        self._scanned_at: float | None = None
        self._seen: dict[Path, _Observed] = {}
        self._handed_out: dict[Path, tuple[int, int]] = {}

    def ready(self) -> list[Path]:
        """Return complete files not yet handed out in their current state, sorted by name."""
        now = self._now()
        if self._folders and (self._scanned_at is None or now - self._scanned_at >= _SCAN_INTERVAL_S):
            self._scanned_at = now
            self._scan(now)
        return sorted(path for path, seen in self._seen.items() if self._is_ready(path, seen, now))

    def hand_out(self, path: Path) -> None:
        """Mark a file as taken over in its last observed state."""
        seen = self._seen[path]
        self._handed_out[path] = (seen.size_bytes, seen.mtime_ns)

    def _scan(self, now: float) -> None:
        before, self._seen = self._seen, {}
        for path in self._files():
            try:
                status = os.stat(path)
            except OSError:
                continue
            known = before.get(path)
            same = known is not None and (known.size_bytes, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
            since = known.since if known is not None and same else now
            self._seen[path] = _Observed(status.st_size, status.st_mtime_ns, since)

    def _files(self) -> list[Path]:
        there = [folder for folder in self._folders if folder.is_dir()]
        return [found.path for found in files.find_files(there) if files.has_media_extension(found.path)]

    def _is_ready(self, path: Path, seen: _Observed, now: float) -> bool:
        return (
            seen.size_bytes > 0
            and now - seen.since >= MIN_UNCHANGED_S
            and self._handed_out.get(path) != (seen.size_bytes, seen.mtime_ns)
        )
