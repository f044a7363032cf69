"""Candidates for shell completion: videos, tags and languages.

Reads without waiting, locking or writing. A library that cannot be read at once yields no candidates.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidlocal.store.database import FILE_NAME, SCHEMA_VERSION
from vidlocal.store.index.speaker_names import GIVEN_NAME

# The user has pressed Tab and is waiting.
_TIMEOUT_S = 0.15
_MAX_VIDEOS = 20_000
_CHECK_INTERVAL_OPS = 1_000


@dataclass(frozen=True, slots=True)
class VideoName:
    """A video as a completion candidate. `duration` is in seconds."""

    id: int
    title: str
    file: str
    duration: float


def videos(home: Path) -> list[VideoName]:
    """List the videos of the library in `home`, oldest first."""
    rows = _rows(home, "SELECT id, title, path, duration FROM videos ORDER BY id LIMIT ?", _MAX_VIDEOS)
    return [
        VideoName(int(number), str(title), path.rpartition("/")[2] if isinstance(path, str) else "", float(duration))
        for number, title, path, duration in rows
    ]


def tags(home: Path, prefix: str, *, limit: int) -> list[str]:
    """List tags with a prefix, in alphabetical order."""
    after = f"{prefix}\U0010ffff"
    rows = _rows(
        home,
        """SELECT DISTINCT tag FROM (SELECT tag FROM tags WHERE tag >= ?1 AND tag < ?2
          UNION SELECT tag FROM video_tags WHERE tag >= ?1 AND tag < ?2) ORDER BY tag LIMIT ?3""",
        prefix,
        after,
        limit,
    )
    return [str(tag) for (tag,) in rows]


def languages(home: Path) -> list[str]:
    """List the spoken languages of videos as two-letter codes."""
    rows = _rows(home, "SELECT DISTINCT language FROM videos WHERE language IS NOT NULL ORDER BY language LIMIT 100")
    return [str(language) for (language,) in rows]


def speakers(home: Path) -> list[str]:
    """List the names of speakers, in alphabetical order."""
    sql = f"SELECT {GIVEN_NAME} AS name FROM speakers WHERE {GIVEN_NAME} IS NOT NULL ORDER BY name LIMIT 1000"
    rows = _rows(home, sql)
    return [str(name) for (name,) in rows]


def people(home: Path) -> list[str]:
    """List the names of people, in alphabetical order."""
    rows = _rows(home, "SELECT name FROM people WHERE name IS NOT NULL ORDER BY name LIMIT 1000")
    return [str(name) for (name,) in rows]


def places(home: Path) -> list[str]:
    """List the cities of the recordings, in alphabetical order."""
    rows = _rows(home, "SELECT DISTINCT place FROM videos WHERE place_names <> '' ORDER BY place LIMIT 1000")
    return list(dict.fromkeys(str(place).removeprefix("near ").partition(",")[0] for (place,) in rows))


def cameras(home: Path) -> list[str]:
    """List the cameras of the recordings, in alphabetical order."""
    rows = _rows(home, "SELECT DISTINCT camera FROM videos WHERE camera IS NOT NULL ORDER BY camera LIMIT 1000")
    return [str(camera) for (camera,) in rows]


def recording_times(home: Path) -> list[str]:
    """List the years and months of the recordings, newest first: `2024`, `2024-06`, ..."""
    rows = _rows(
        home,
        """SELECT DISTINCT substr(recorded_at, 1, 4) FROM videos WHERE recorded_at IS NOT NULL
        UNION SELECT DISTINCT substr(recorded_at, 1, 7) FROM videos WHERE recorded_at IS NOT NULL ORDER BY 1 DESC
        LIMIT 200""",
    )
    return [str(time) for (time,) in rows]


def _rows(home: Path, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
    with suppress(sqlite3.Error, OSError, ValueError), _opened(home / FILE_NAME) as connection:
        return connection.execute(sql, values).fetchall()
    return ()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the library read-only. Raises sqlite3.Error for a locked library or another schema version."""
    # Without a log there is no writer, and SQLite needs no side files.
    log = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{log}"
    with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
        deadline = time.monotonic() + _TIMEOUT_S
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECK_INTERVAL_OPS)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError("schema version differs")
        yield connection
