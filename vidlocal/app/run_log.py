"""Log of the deep pass, in the folder `log` of the home folder.

Holds messages and progress, so that a run can be followed after its terminal was closed. Never holds descriptions or
speech. Two processes may write at the same time.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from traceback import StackSummary, extract_tb

from vidlocal.errors import VidlocalError
from vidlocal.render.sanitize import one_line

FOLDER = "log"
NAME = "enrich.log"

# An uneventful night writes about 60 KB.
_MAX_BYTES = 1 << 20
_MAX_BACKUPS = 3


class RunLog:
    """Log lines with local time and process id. Failing to write never stops the run."""

    def __init__(self, home: Path) -> None:
        self.path = home / FOLDER / NAME

    def write(self, text: str) -> None:
        """Append a line."""
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
        names = [self.path, *(self.path.with_name(f"{NAME}.{number}") for number in range(1, _MAX_BACKUPS + 1))]
        for newer, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                newer.replace(older)


def forget(home: Path) -> None:
    """Delete the log and all backups. Part of a purge, since log lines name files."""
    shutil.rmtree(home / FOLDER, ignore_errors=True)


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
