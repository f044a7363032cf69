"""Numbered results of the last search in a terminal, for `vidlocal play 3` and similar.

One file per terminal in the library folder, with the document that `search --json` prints.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.errors import UsageError
from vidlocal.records import Moment, Video
from vidlocal.render import results
from vidlocal.render.sanitize import to_json
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.library_files import LibraryFolder, open_folder
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.render.clips import Clip

FOLDER = "last-results"
_MAX_FILES = 50
_MAX_BYTES = 16 << 20


def current_terminal() -> str | None:
    """Return a name for the terminal of this process, None without a terminal.

    The session id tells windows with the same device name apart, one after the other.
    """
    for stream in (0, 1, 2):
        with suppress(OSError):
            return f"{os.getsid(0)}-{os.path.basename(os.ttyname(stream))}"
    return None


@dataclass(frozen=True, slots=True)
class LastResults:
    """The last results of a terminal, by default of the current terminal. `home`: the library folder."""

    home: Path
    terminal: str | None = field(default_factory=current_terminal)

    def remember(self, query: str, moments: Sequence[Moment]) -> None:
        """Store the shown results. A read-only library is no error."""
        if self.terminal is None:
            return
        data = to_json(results.to_document(query, moments)).encode("utf-8", "replace")
        with suppress(OSError), open_folder(self.home, FOLDER, create=True) as folder:
            folder.write(self._file, data)
            _delete_oldest(folder)

    def forget(self) -> None:
        """Forget the results: the terminal now shows numbers of something else."""
        if self.terminal is not None:
            with suppress(OSError), open_folder(self.home, FOLDER) as folder:
                folder.delete(self._file)

    def hit(self, text: str) -> "Clip | None":
        """Return result number `text`; None for other text, or without results.

        Raises UsageError for a number above the number of results.
        """
        number = _number(text)
        clips = self._read() if number else []
        if not clips:
            return None
        if number > len(clips):
            raise UsageError(
                f"No result {number}: the last search has {pluralize(len(clips), 'result')}. "
                f"For video {number}: id:{number}"
            )
        return clips[number - 1]

    def hit_in(self, library: Library, text: str) -> "tuple[Video, Clip] | None":
        """Return result number `text` with its video, as `hit`. Raises UsageError if the video was removed."""
        clip = self.hit(text)
        if clip is None or clip.video_id is None:
            return None
        return videos.get(library, clip.video_id) or videos.resolve(library, clip.path), clip

    @property
    def _file(self) -> str:
        return f"{self.terminal}.json"

    def _read(self) -> "list[Clip]":
        if self.terminal is None:
            return []
        from vidlocal.app.search.moment_json import parse_moments

        with suppress(OSError, UsageError, UnicodeDecodeError), open_folder(self.home, FOLDER) as folder:
            return parse_moments(folder.read(self._file, max_bytes=_MAX_BYTES).decode("utf-8"), {})
        return []


def forget_all(home: Path) -> None:
    """Delete the results of all terminals."""
    with suppress(OSError), open_folder(home) as folder:
        folder.delete(FOLDER)


def is_number(text: str) -> bool:
    """True for the number of a result."""
    return _number(text) > 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def _delete_oldest(folder: LibraryFolder) -> None:
    for name in sorted(folder.names(), key=folder.modified_ns)[:-_MAX_FILES]:
        folder.delete(name)
