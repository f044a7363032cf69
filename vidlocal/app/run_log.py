"""The log of the deep pass, in the folder `log` of the home folder.

It holds what was said and how far the work is, for the mornings after a terminal was closed; no description and
no word that was spoken goes into it. Two processes may write to it at the same time.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from traceback import StackSummary, extract_tb

import typer

from vidlocal.errors import VidlocalError
from vidlocal.render.sanitize import one_line

FOLDER = "log"
NAME = "enrich.log"

# A calm night writes some 60 KB.
_LONGEST_BYTES = 1 << 20
_OLD_ONES = 3


class Log:
    """Lines with their local time and the number of the process. A log that cannot be written stops nobody."""

    def __init__(self, home: Path) -> None:
        self.path = home / FOLDER / NAME

    def line(self, text: str) -> None:
        """One line, there at once."""
        at = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True, mode=0o700)
            self._rotate()
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.write(file, f"{at} {os.getpid()} {one_line(text)}\n".encode("utf-8", "backslashreplace"))
            finally:
                os.close(file)

    def _rotate(self) -> None:
        if not self.path.exists() or self.path.stat().st_size < _MAX_BYTES:
            return
        names = [self.path, *(self.path.with_name(f"{NAME}.{number}") for number in range(1, _OLD_ONES + 1))]
        for younger, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                younger.replace(older)


def forget(home: Path) -> None:
    """Remove the log and its old ones: for a purge, since they name files."""
    shutil.rmtree(home / FOLDER, ignore_errors=True)


@contextmanager
def last_words(log: Log) -> Iterator[None]:
    """How the block ends, in the log: its error, or the lines of code a bug went through but not what it said."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except VidlocalError as error:
        log.line(str(error))
        raise
    except KeyboardInterrupt:
        log.line("Interrupted.")
        raise
    except Exception as error:
        log.line(f"A bug, {type(error).__name__}, at {_places(extract_tb(error.__traceback__))}")
        raise
    except SystemExit as end:
        if end.code:
            log.line(f"Ended with {end.code}.")
        raise


def _places(calls: StackSummary) -> str:
    return ", ".join(f"{Path(call.filename).name}:{call.lineno}" for call in calls[-6:])
