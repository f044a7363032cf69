"""What a shell may offer while a command is typed: videos, tags and languages, read without leaving a trace.

Nothing here waits, locks, writes or complains: a library that cannot be read at once gives nothing.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidlocal.store.database import FILE_NAME, SCHEMA_VERSION

# Somebody is waiting for a key to do something.
_PATIENCE_S = 0.15
_MOST_VIDEOS = 20_000
_LOOK_EVERY_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class Named:
    """A video by its number, title, the name of its file, and its duration in seconds."""

    id: int
    title: str
    file: str
    duration: float


def videos(home: Path) -> list[Named]:
    """The videos of the library in `home`, in the order they were added."""
    rows = _rows(home, "SELECT id, title, path, duration FROM videos ORDER BY id LIMIT ?", _MOST_VIDEOS)
    return [
        Named(int(number), str(title), path.rpartition("/")[2] if isinstance(path, str) else "", float(duration))
        for number, title, path, duration in rows
    ]


def tags(home: Path, beginning: str, *, limit: int) -> list[str]:
    """Tags that begin so."""
    after = f"{beginning}\U0010ffff"
    rows = _rows(
        home,
        """SELECT DISTINCT tag FROM (SELECT tag FROM tags WHERE tag >= ?1 AND tag < ?2
          UNION SELECT tag FROM video_tags WHERE tag >= ?1 AND tag < ?2) ORDER BY tag LIMIT ?3""",
        beginning,
        after,
        limit,
    )
    return [str(tag) for (tag,) in rows]


def languages(home: Path) -> list[str]:
    """Languages that are spoken in videos, as two-letter codes."""
    rows = _rows(home, "SELECT DISTINCT language FROM videos WHERE language IS NOT NULL ORDER BY language LIMIT 100")
    return [str(language) for (language,) in rows]


def _rows(home: Path, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
    with suppress(sqlite3.Error, OSError, ValueError), _opened(home / FILE_NAME) as connection:
        return connection.execute(sql, values).fetchall()
    return ()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The library for reading. sqlite3.Error when that takes waiting, or it is of another version than ours."""
    # Without a log nobody is writing, and then SQLite need not make files of its own beside the library.
    log = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{log}"
    with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
        until = time.monotonic() + _PATIENCE_S
        connection.set_progress_handler(lambda: time.monotonic() > until, _LOOK_EVERY_STEPS)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError("of another version")
        yield connection
