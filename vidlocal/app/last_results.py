"""The numbered results that a terminal showed last, kept for `vidlocal play 3` and the like.

One file per terminal in the library folder, with the document that `search --json` prints.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.errors import UsageError
from vidlocal.render.sanitize import to_json
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.render.clips import Clip

FOLDER = "last-results"
_MAX_FILES = 50


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
    folder = home / FOLDER
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        draft = folder / f".{terminal}.{os.getpid()}"
        draft.write_text(to_json(document), encoding="utf-8")
        draft.replace(folder / f"{terminal}.json")
        _delete_oldest(folder)


def forget(home: Path, terminal: str | None) -> None:
    """Forget the results of `terminal`: it now shows numbers of something else."""
    if terminal is not None:
        with suppress(OSError):
            (home / FOLDER / f"{terminal}.json").unlink()


def forget_all(home: Path) -> None:
    """Delete the results of all terminals."""
    shutil.rmtree(home / FOLDER, ignore_errors=True)


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


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def _read(home: Path, terminal: str | None) -> "list[Clip]":
    if terminal is None:
        return []
    from vidlocal.app.moment_json import parse_moments

    with suppress(OSError, UsageError, UnicodeDecodeError):
        return parse_moments((home / FOLDER / f"{terminal}.json").read_text(encoding="utf-8"), {})
    return []


def _delete_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for file in files[:-_MAX_FILES]:
        file.unlink()
