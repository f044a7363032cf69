"""When people are seen, as SQL for filters, and as rows for searches without text."""

import json
from collections.abc import Collection
from dataclasses import dataclass

from vidlocal.store.database import Library

# People who are seen at most so far apart are in one moment.
MAX_APART_S = 15.0

# A longer text says nothing about who is seen when.
_MAX_TEXT_S = 600

# Texts over the time of a person, and points in time at which one is seen, each with a tolerance in seconds, twice.
SEEN = f"""passages.id IN (
  SELECT around.id FROM face_tracks JOIN passages AS around ON around.video_id = face_tracks.video_id
    AND (around.start < face_tracks."end" + ? OR around.start = face_tracks.start)
    AND (around."end" > face_tracks.start - ? OR around.start = face_tracks.start)
    AND around.start > face_tracks.start - {_MAX_TEXT_S} AND around."end" - around.start < {_MAX_TEXT_S}
  WHERE person_id IN (SELECT value FROM json_each(?)))"""
SEEN_AT_TIME = """EXISTS (SELECT 1 FROM face_tracks WHERE face_tracks.video_id = passages.video_id
    AND face_tracks.start - ? <= passages.start
    AND (face_tracks."end" + ? > passages.start OR face_tracks.start = passages.start)
    AND person_id IN (SELECT value FROM json_each(?)))"""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A person on screen, from `start` to `end` in seconds; `frame_id`: of the best picture."""

    person_id: int
    video_id: int
    start: float
    end: float
    frame_id: int


def list_appearances(
    library: Library, person_ids: Collection[int], condition: str, values: Collection[object]
) -> list[Appearance]:
    """List the appearances of people in searchable videos, in order of video and time.

    `condition`: SQL starting with AND, or empty, over a table `passages` of points in time.
    """
    rows = library.rows(
        f"""SELECT person_id, video_id, start, "end",
          (SELECT frame_id FROM faces WHERE track_id = track ORDER BY quality DESC LIMIT 1) AS frame_id
        FROM (SELECT face_tracks.id AS track, -face_tracks.id AS id, person_id, video_id, start, "end",
            'picture' AS kind, '' AS text, NULL AS folded, NULL AS language FROM face_tracks
          WHERE person_id IN (SELECT value FROM json_each(?))) AS passages
        WHERE video_id NOT IN (SELECT id FROM videos WHERE replaced_at IS NOT NULL){condition}
        ORDER BY video_id, start, person_id""",
        json.dumps(sorted(person_ids)),
        *values,
    )
    return [Appearance(*row) for row in rows]


def named_in_videos(library: Library, video_ids: Collection[int]) -> list[tuple[int, float, float, str]]:
    """List video, start, end and name of the appearances of named people in videos, in order of time."""
    rows = library.rows(
        """SELECT video_id, start, "end", name FROM people JOIN face_tracks ON person_id = people.id
        WHERE name IS NOT NULL AND is_hidden = 0 AND video_id IN (SELECT value FROM json_each(?))
        ORDER BY video_id, start""",
        json.dumps(sorted(video_ids)),
    )
    return [(row["video_id"], row["start"], row["end"], row["name"]) for row in rows]
