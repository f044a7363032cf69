"""Watch folders for new files, complete when no longer growing."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.media import files
from vidlocal.media.file_filter import NO_FILTER, FileFilter

# Copies over a slow network pause for seconds, rarely for a minute.
MIN_UNCHANGED_S = 60.0
_SCAN_INTERVAL_S = 10.0


@dataclass(frozen=True, slots=True)
class _Observed:
    """State of a file, and the monotonic time of the last change."""

    size_bytes: int
    mtime_ns: int
    since: float


class FolderWatcher:
    """New and changed files in `folders` and below. `now` is monotonic, in seconds.

    A file is ready when its size and mtime are unchanged for a minute. Only media extensions count, and files that
    `rules` do not skip; a missing folder has no files. At the start every file is new: ingest skips unchanged ones.
    """

    def __init__(self, folders: Sequence[Path], now: Callable[[], float], rules: FileFilter = NO_FILTER) -> None:
        self._folders = folders
        self._rules = rules
        self._now = now
        self._scanned_at: float | None = None
        self._observed: dict[Path, _Observed] = {}
        self._handed_out: dict[Path, tuple[int, int]] = {}

    def ready(self) -> list[Path]:
        """Return complete files not yet handed out in their current state, sorted by name."""
        now = self._now()
        if self._folders and (self._scanned_at is None or now - self._scanned_at >= _SCAN_INTERVAL_S):
            self._scanned_at = now
            self._scan(now)
        return sorted(path for path, observed in self._observed.items() if self._is_ready(path, observed, now))

    def hand_out(self, path: Path) -> None:
        """Mark the last observed state of a file as taken over."""
        observed = self._observed[path]
        self._handed_out[path] = (observed.size_bytes, observed.mtime_ns)

    def _scan(self, now: float) -> None:
        previous, self._observed = self._observed, {}
        for path in self._files():
            try:
                status = os.stat(path)
            except OSError:
                continue
            state = (status.st_size, status.st_mtime_ns)
            before = previous.get(path)
            is_same = before is not None and (before.size_bytes, before.mtime_ns) == state
            since = before.since if before is not None and is_same else now
            self._observed[path] = _Observed(*state, since)

    def _files(self) -> list[Path]:
        folders = [folder for folder in self._folders if os.path.isdir(folder)]
        return [
            file.path
            for file in files.find_files(folders, self._rules)
            if file.skip_reason is None and files.has_media_extension(file.path)
        ]

    def _is_ready(self, path: Path, observed: _Observed, now: float) -> bool:
        return (
            observed.size_bytes > 0
            and now - observed.since >= MIN_UNCHANGED_S
            and self._handed_out.get(path) != (observed.size_bytes, observed.mtime_ns)
        )
