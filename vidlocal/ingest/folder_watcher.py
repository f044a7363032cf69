"""Files that appear in watched folders, once they have stopped growing."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.media import files

# A copy over a slow network pauses for seconds, seldom for a minute.
SETTLED_AFTER_S = 60.0
_LOOK_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file was like, and since when (monotonic)."""

    size_bytes: int
    mtime_ns: int
    since: float


class Arrivals:
    """What is new or changed in `folders` and everything below. `now` is monotonic, in seconds.

    A file counts as arrived when its size and time of change stay as they are for a minute. Only files whose name
    promises media count; a folder that is away has no files. At the start every file is new: whoever takes them
    in knows those it has.
    """

    def __init__(self, folders: Sequence[Path], now: Callable[[], float]) -> None:
        self._folders = folders
        self._now = now
        self._looked_at: float | None = None
        self._seen: dict[Path, _Seen] = {}
        self._handed: dict[Path, tuple[int, int]] = {}

    def ready(self) -> list[Path]:
        """The files that have arrived and were not handed out as they are now, in the order of their names."""
        now = self._now()
        if self._folders and (self._looked_at is None or now - self._looked_at >= _LOOK_EVERY_S):
            self._looked_at = now
            self._look(now)
        return sorted(path for path, seen in self._seen.items() if self._is_ready(path, seen, now))

    def hand_out(self, path: Path) -> None:
        """Say that somebody takes care of a file as it was when it was seen last."""
        seen = self._seen[path]
        self._handed[path] = (seen.size_bytes, seen.mtime_ns)

    def _look(self, now: float) -> None:
        before, self._seen = self._seen, {}
        for path in self._files():
            try:
                status = os.stat(path)
            except OSError:
                continue
            known = before.get(path)
            same = known is not None and (known.size_bytes, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
            since = known.since if known is not None and same else now
            self._seen[path] = _Seen(status.st_size, status.st_mtime_ns, since)

    def _files(self) -> list[Path]:
        there = [folder for folder in self._folders if folder.is_dir()]
        return [found.path for found in files.find_files(there) if files.has_media_extension(found.path)]

    def _is_ready(self, path: Path, seen: _Seen, now: float) -> bool:
        return (
            seen.size_bytes > 0
            and now - seen.since >= SETTLED_AFTER_S
            and self._handed.get(path) != (seen.size_bytes, seen.mtime_ns)
        )
