"""Readings of cameras, by time."""

import json
from collections.abc import Sequence

from vidlocal.store.database import Library
from vidlocal.store.values import storable
from vidlocal.telemetry import Reading


def replace(library: Library, video_id: int, readings: Sequence[Reading]) -> None:
    """Replace the readings of a video."""
    with library.writing() as connection:
        connection.execute("DELETE FROM telemetry WHERE video_id = ?", (video_id,))
        add(library, video_id, readings)


def add(library: Library, video_id: int, readings: Sequence[Reading]) -> None:
    """Store readings of new times."""
    with library.writing() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO telemetry (video_id, time, readings) VALUES (?, ?, ?)",
            [
                (video_id, reading.time, storable(json.dumps(dict(reading.values), ensure_ascii=False)))
                for reading in readings
            ],
        )


def of_video(library: Library, video_id: int) -> list[Reading]:
    """Return the readings of a video in order of time."""
    rows = library.rows("SELECT time, readings FROM telemetry WHERE video_id = ? ORDER BY time", video_id)
    return [Reading(row["time"], json.loads(row["readings"])) for row in rows]
