"""Log of the deep pass, in the folder `log` of the home folder.

Holds messages and progress, so that a run can be followed after its terminal was closed. Never holds descriptions or
speech. Two processes may write at the same time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from traceback import StackSummary, extract_tb

from vidlocal.errors import VidlocalError
from vidlocal.render.sanitize import one_line
from vidlocal.store.library_files import LibraryFolder, open_folder

FOLDER = "log"
NAME = "enrich.log"

# An uneventful night writes about 60 KB.
_MAX_BYTES = 1 << 20
_MAX_BACKUPS = 3


class RunLog:
    """Log lines with local time and process id. Failing to write never stops the run."""

    def __init__(self, home: Path) -> None:
        self.path = home / FOLDER / NAME
        self._home = home

    def write(self, text: str) -> None:
        """Append a line."""
        at = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        with suppress(OSError), open_folder(self._home, FOLDER, create=True) as folder:
            _rotate(folder)
            file = folder.open(NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(file, f"{at} {os.getpid()} {one_line(text)}\n".encode("utf-8", "backslashreplace"))
            finally:
                os.close(file)


def _rotate(folder: LibraryFolder) -> None:
    """Rename a full log to the first backup, and each backup to the next."""
    if folder.size_bytes(NAME) < _MAX_BYTES:
        return
    names = [NAME, *(f"{NAME}.{number}" for number in range(1, _MAX_BACKUPS + 1))]
    for newer, older in reversed(list(pairwise(names))):
        with suppress(FileNotFoundError):
            folder.rename(newer, folder, older)


def forget(home: Path) -> None:
    """Delete the log and all backups. Part of a purge, since log lines name files."""
    with suppress(OSError), open_folder(home) as folder:
        folder.delete(FOLDER)


@contextmanager
def log_ending(log: RunLog, exits: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Log the error at the end of the block; for a bug only the code lines, since the message may quote content.

    `exits` are exceptions that end a run in good order.
    """
    try:
        yield
    except exits:
        raise
    except VidlocalError as error:
        log.write(str(error))
        raise
    except KeyboardInterrupt:
        log.write("Interrupted.")
        raise
    except Exception as error:
        log.write(f"A bug, {type(error).__name__}, at {_code_lines(extract_tb(error.__traceback__))}")
        raise
    except SystemExit as end:
        if end.code:
            log.write(f"Ended with {end.code}.")
        raise


def _code_lines(calls: StackSummary) -> str:
    return ", ".join(f"{Path(call.filename).name}:{call.lineno}" for call in calls[-6:])
