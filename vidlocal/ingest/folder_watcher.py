"""Watch folders for new files, complete when no longer growing."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.media.extensions import has_media_extension
from vidlocal.media.file_filter import NO_FILTER, FileFilter
from vidlocal.media.find_files import find_files
from vidlocal.media.sidecars import find_watched_files

# Copies over a slow network pause for seconds, rarely for a minute.
MIN_UNCHANGED_S = 60.0
_SCAN_INTERVAL_S = 10.0


# Size and mtime of a media file, and of the files beside it that belong to it.
_State = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Observed:
    """State of a file with its sidecars, and the monotonic time of the last change."""

    state: _State
    since: float


class FolderWatcher:
    """New and changed files in `folders` and below. `now` is monotonic, in seconds.

    A file is ready when its size and mtime, and those of its subtitles and metadata, are unchanged for a minute. Only
    media extensions count, and files that `rules` do not skip; a missing folder has no files. At the start every file
    is new: ingest skips unchanged ones.
    """

    def __init__(self, folders: Sequence[Path], now: Callable[[], float], rules: FileFilter = NO_FILTER) -> None:
        self._folders = folders
        self._rules = rules
        self._now = now
        self._scanned_at: float | None = None
        self._observed: dict[Path, _Observed] = {}
        self._handed_out: dict[Path, _State] = {}

    def ready(self) -> list[Path]:
        """Return complete files not yet handed out in their current state, sorted by name."""
        now = self._now()
        if self._folders and (self._scanned_at is None or now - self._scanned_at >= _SCAN_INTERVAL_S):
            self._scanned_at = now
            self._scan(now)
        return sorted(path for path, observed in self._observed.items() if self._is_ready(path, observed, now))

    def hand_out(self, path: Path) -> None:
        """Mark the last observed state of a file as taken over."""
        self._handed_out[path] = self._observed[path].state

    def _scan(self, now: float) -> None:
        previous, self._observed = self._observed, {}
        for path in self._files():
            media = tuple(_stamps([path]))
            if not media:
                continue
            state = (*media, *_stamps(find_watched_files(path)))
            before = previous.get(path)
            since = before.since if before is not None and before.state == state else now
            self._observed[path] = _Observed(state, since)

    def _files(self) -> list[Path]:
        folders = [folder for folder in self._folders if os.path.isdir(folder)]
        return [
            file.path
            for file in find_files(folders, self._rules)
            if file.skip_reason is None and has_media_extension(file.path)
        ]

    def _is_ready(self, path: Path, observed: _Observed, now: float) -> bool:
        return (
            observed.state[0][0] > 0
            and now - observed.since >= MIN_UNCHANGED_S
            and self._handed_out.get(path) != observed.state
        )


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[int, int]]:
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)
            yield status.st_size, status.st_mtime_ns
