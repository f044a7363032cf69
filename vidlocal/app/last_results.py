"""The numbered results that a terminal showed last, kept for `vidlocal play 3` and the like.

One file per terminal in the library folder, with the document that `search --json` prints.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.errors import UsageError
from vidlocal.render.sanitize import to_json
from vidlocal.store.library_files import LibraryFolder, open_folder
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.render.clips import Clip

FOLDER = "last-results"
_MAX_FILES = 50
_MAX_BYTES = 16 << 20


def current_terminal() -> str | None:
    """Return a name for the terminal of this process, None without one.

    The session id tells windows with the same device name apart, one after the other.
    """
    for stream in (0, 1, 2):
        with suppress(OSError):
            return f"{os.getsid(0)}-{os.path.basename(os.ttyname(stream))}"
    return None


def remember(home: Path, terminal: str | None, document: object) -> None:
    """Store the results that `terminal` shows. A library that cannot be written is no error."""
    if terminal is None:
        return
    with suppress(OSError), open_folder(home, FOLDER, create=True) as folder:
        folder.write(f"{terminal}.json", to_json(document).encode("utf-8", "replace"))
        _delete_oldest(folder)


def forget(home: Path, terminal: str | None) -> None:
    """Forget the results of `terminal`: it now shows numbers of something else."""
    if terminal is not None:
        with suppress(OSError), open_folder(home, FOLDER) as folder:
            folder.delete(f"{terminal}.json")


def forget_all(home: Path) -> None:
    """Delete the results of all terminals."""
    with suppress(OSError), open_folder(home) as folder:
        folder.delete(FOLDER)


def hit(home: Path, terminal: str | None, text: str) -> "Clip | None":
    """Return result number `text` of `terminal`; None if it is no number, or there are no results.

    Raises UsageError for a number above the number of results.
    """
    number = _number(text)
    clips = _read(home, terminal) if number else []
    if not clips:
        return None
    if number > len(clips):
        raise UsageError(
            f"No result {number}: the last search has {pluralize(len(clips), 'result')}. "
            f"For video {number}: id:{number}"
        )
    return clips[number - 1]


def is_number(text: str) -> bool:
    """True for the number of a result."""
    return _number(text) > 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def _read(home: Path, terminal: str | None) -> "list[Clip]":
    if terminal is None:
        return []
    from vidlocal.app.moment_json import parse_moments

    with suppress(OSError, UsageError, UnicodeDecodeError), open_folder(home, FOLDER) as folder:
        return parse_moments(folder.read(f"{terminal}.json", max_bytes=_MAX_BYTES).decode("utf-8"), {})
    return []


def _delete_oldest(folder: LibraryFolder) -> None:
    for name in sorted(folder.names(), key=folder.modified_ns)[:-_MAX_FILES]:
        folder.delete(name)
