"""Checks faces and people: boxes, times, vectors, and what was said by hand."""

from collections.abc import Iterator
from functools import partial

from vidlocal.records import JobKind
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.check.rows import TOLERANCE_S, Rule, delete_rows, find_violations, update_rows
from vidlocal.store.check.vectors import unusable_rows
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# The span of a track by the frames of its faces.
_TIMES_OF_FACES = """UPDATE face_tracks SET (start, "end") = (
  SELECT min(time), max(time) FROM faces JOIN frames ON frames.id = frame_id WHERE track_id = face_tracks.id)
WHERE id = ?"""
_IN_FRAME = """typeof(x + y + width + height) = 'real' AND x > -1 AND y > -1 AND x < 1 AND y < 1
  AND width > 0 AND height > 0 AND width <= 2 AND height <= 2"""


def _queue_faces(library: Library, video_id: int) -> None:
    """Search the faces of a video again. Those on the same places keep their people."""
    with library.writing() as connection:
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step LIKE 'people by %'", (video_id,))
        jobs.add(library, JobKind.PEOPLE, video_id, video_id)


# In this order, a repair never violates an earlier rule: faces, then tracks, then people.
_RULES = (
    Rule(
        "{title}: {number} faces are on frames of another video.",
        """SELECT face_tracks.video_id, faces.id FROM faces JOIN face_tracks ON face_tracks.id = track_id
        JOIN frames ON frames.id = frame_id WHERE frames.video_id <> face_tracks.video_id""",
        partial(delete_rows, "faces"),
    ),
    Rule(
        "{title}: {number} faces are outside their frame.",
        f"""SELECT video_id, faces.id FROM faces JOIN face_tracks ON face_tracks.id = track_id
        WHERE NOT coalesce({_IN_FRAME}, 0)""",
        partial(delete_rows, "faces"),
    ),
    Rule(
        "{title}: {number} appearances have no face.",
        """SELECT video_id, id FROM face_tracks
        WHERE NOT EXISTS (SELECT 1 FROM faces WHERE track_id = face_tracks.id)""",
        partial(delete_rows, "face_tracks"),
    ),
    Rule(
        "{title}: {number} appearances have impossible times.",
        f"""SELECT video_id, face_tracks.id FROM face_tracks JOIN videos ON videos.id = video_id
        WHERE NOT coalesce(start >= 0 AND "end" >= start, 0)
          OR (duration > 0 AND "end" > duration + {TOLERANCE_S})""",
        partial(update_rows, _TIMES_OF_FACES),
    ),
    Rule(
        "{title}: {number} faces are said to be a person and not to be this person.",
        """SELECT video_id, face_exclusions.id FROM face_exclusions JOIN face_tracks ON face_tracks.id = track_id
        WHERE face_exclusions.person_id = face_tracks.person_id""",
        partial(delete_rows, "face_exclusions"),
    ),
)


def contradictions(library: Library) -> Iterator[Finding]:
    """Find faces and people with impossible values. Repair each finding before requesting the next."""
    yield from find_violations(library, _RULES)
    yield from _rows(
        library,
        "people",
        "{number} people are seen nowhere.",
        "SELECT id FROM people WHERE NOT EXISTS (SELECT 1 FROM face_tracks WHERE person_id = people.id)",
    )
    yield from _rows(
        library,
        "person_vectors",
        "{number} sums of faces are outdated.",
        """SELECT id FROM person_vectors WHERE tracks <> (SELECT count(*) FROM face_tracks
          WHERE face_tracks.person_id = person_vectors.person_id AND face_tracks.model = person_vectors.model)""",
    )


def unusable_vectors(library: Library) -> Iterator[Finding]:
    """Find vectors of faces of a wrong size, not finite, or not of length 1, in videos that are not queued."""
    queued = {
        row["target"] for row in library.rows("SELECT target FROM jobs WHERE kind = 'people' AND state <> 'done'")
    }
    for row in library.rows("SELECT DISTINCT model FROM face_tracks"):
        by_video: dict[int, list[int]] = {}
        for track_id, video_id in unusable_rows(library, row["model"], "face_tracks"):
            by_video.setdefault(video_id, []).append(track_id)
        for video_id in by_video.keys() - queued:
            message = f"Invalid vectors of faces of {row['model']}: {len(by_video[video_id]):,}."
            yield Finding(Category.VECTORS, message, video_id, partial(_queue_faces, library, video_id))


def _rows(library: Library, table: str, message: str, sql: str) -> Iterator[Finding]:
    ids = [row["id"] for row in library.rows(sql)]
    if ids:
        repair = partial(delete_rows, table, library, 0, ids)
        yield Finding(Category.ROWS, message.format(number=f"{len(ids):,}"), repair=repair)
