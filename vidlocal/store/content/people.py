"""The people of the library: named by hand, merged, split and forgotten."""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vidlocal.errors import UsageError
from vidlocal.folding import fold
from vidlocal.records import SeenPerson
from vidlocal.store.content import given_names, people_changes
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.index.people_names import PERSON_NAME, matching
from vidlocal.store.values import RowReader, now_utc

_MAX_TIME_S = 1e9


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face on a frame. `x`, `y`, `width`, `height`: box as fractions of the frame. `time`: of the frame, in seconds.

    `start`, `end`: span of its track. `quality`: 0 to 1. `is_confirmed`: given to its person by hand.
    """

    id: int
    track_id: int
    person_id: int | None
    video_id: int
    frame_id: int
    time: float
    start: float
    end: float
    x: float
    y: float
    width: float
    height: float
    quality: float
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the library. `is_named`: `name` is more than a number. `seconds`: time on screen in all videos.

    `tracks`: appearances, each in a shot or photo. `best`: the face of the best picture.
    """

    id: int
    name: str
    is_named: bool
    is_hidden: bool
    videos: int
    tracks: int
    seconds: float
    best: SeenFace | None


_face = RowReader(
    SeenFace,
    computed={
        "id": "faces.id",
        "quality": "faces.quality",
        "video_id": "face_tracks.video_id",
        "time": "frames.time",
        "start": "face_tracks.start",
        "end": "face_tracks.end",
    },
    is_confirmed=bool,
)
_FACES = f"""SELECT {_face.columns} FROM faces JOIN face_tracks ON face_tracks.id = track_id
  JOIN frames ON frames.id = frame_id"""
# The best face of a track.
_BEST_OF_TRACK = (
    """faces.id = (SELECT id FROM faces WHERE track_id = face_tracks.id ORDER BY quality DESC, id LIMIT 1)"""
)


def every(library: Library, *, hidden: bool = False, limit: int | None = None) -> list[Person]:
    """List the people: named people first, then by the time on screen. `hidden`: include hidden people."""
    return _list(library, "is_hidden = 0 OR ?", hidden, limit=limit)


def with_names(library: Library, names: Sequence[str]) -> list[Person]:
    """List the people with exactly these names."""
    return _list(library, "people.name IN (SELECT value FROM json_each(?))", json.dumps(list(names)))


def count_hidden(library: Library) -> int:
    """Return the number of hidden people."""
    return library.number("SELECT count(*) FROM people WHERE is_hidden")


def get(library: Library, person_id: int) -> Person | None:
    """Return a person by id."""
    return next(iter(_list(library, "people.id = ?", person_id)), None)


def faces(library: Library, person_id: int, *, limit: int = 100, offset: int = 0) -> list[SeenFace]:
    """List the best face of each track of a person, the best pictures first."""
    sql = f"""{_FACES} WHERE person_id = ? AND {_BEST_OF_TRACK}
      ORDER BY face_tracks.quality DESC, face_tracks.id LIMIT ? OFFSET ?"""
    return [_face(row) for row in library.rows(sql, person_id, limit, offset)]


def face(library: Library, face_id: int) -> SeenFace | None:
    """Return a face by id."""
    row = library.row(f"{_FACES} WHERE faces.id = ?", face_id)
    return None if row is None else _face(row)


def of_track(library: Library, track_id: int) -> SeenFace | None:
    """Return the best face of a track."""
    row = library.row(f"{_FACES} WHERE face_tracks.id = ? AND {_BEST_OF_TRACK}", track_id)
    return None if row is None else _face(row)


def at(library: Library, video_id: int, start: float, end: float, person_id: int | None = None) -> list[SeenFace]:
    """List the best faces of the tracks within a span of a video, of a person or of all, in order of time."""
    sql = f"""{_FACES} WHERE face_tracks.video_id = ? AND face_tracks.start <= ? AND face_tracks.end >= ?
      AND person_id IS coalesce(?, person_id) AND {_BEST_OF_TRACK} ORDER BY face_tracks.start, face_tracks.id"""
    return [_face(row) for row in library.rows(sql, video_id, end, start, person_id)]


def track_ids(library: Library, person_id: int) -> list[int]:
    """List the ids of the tracks of a person."""
    return [row["id"] for row in library.rows("SELECT id FROM face_tracks WHERE person_id = ?", person_id)]


def are_apart(library: Library, person_id: int, other_id: int) -> bool:
    """Return True for two different people: seen on the same frame, or told apart by hand."""
    sql = """SELECT 1 FROM face_exclusions JOIN face_tracks ON face_tracks.id = track_id
      WHERE (face_exclusions.person_id, face_tracks.person_id) IN (VALUES (?1, ?2), (?2, ?1))
      UNION ALL SELECT 1 FROM face_tracks AS first JOIN faces ON faces.track_id = first.id
        JOIN faces AS beside ON beside.frame_id = faces.frame_id
        JOIN face_tracks AS second ON second.id = beside.track_id AND second.person_id = ?2
      WHERE first.person_id = ?1 LIMIT 1"""
    return library.row(sql, person_id, other_id) is not None


def listed_ids(library: Library, *, named: bool) -> frozenset[int]:
    """Return the ids of people not hidden, either with a name or without."""
    sql = "SELECT id FROM people WHERE is_hidden = 0 AND (name IS NOT NULL) = ?"
    return frozenset(row["id"] for row in library.rows(sql, named))


def named_spans(library: Library, video_id: int, start: float = 0.0, end: float = math.inf) -> list[SeenPerson]:
    """List when named people are seen within a span of a video, in order. Spans of a person do not overlap."""
    rows = library.rows(
        """SELECT name, start, "end" FROM face_tracks JOIN people ON people.id = person_id
        WHERE video_id = ? AND name IS NOT NULL AND is_hidden = 0 AND start <= ? AND "end" >= ?
        ORDER BY name, start""",
        video_id,
        min(end, _MAX_TIME_S),
        start,
    )
    return sorted(_merged(rows), key=lambda person: (person.start, person.name))


def screen_time(library: Library, video_id: int) -> list[tuple[str, float]]:
    """Return the seconds on screen of each named person in a video, the longest first."""
    seconds: dict[str, float] = defaultdict(float)
    for person in named_spans(library, video_id):
        seconds[person.name] += person.end - person.start
    return sorted(seconds.items(), key=lambda pair: -pair[1])


def _merged(rows: Iterable[sqlite3.Row]) -> Iterator[SeenPerson]:
    """Join overlapping spans of a person. Rows are in order of name and start."""
    current: SeenPerson | None = None
    for row in rows:
        if current is not None and current.name == row["name"] and row["start"] <= current.end:
            current = SeenPerson(current.name, current.start, max(current.end, row["end"]))
            continue
        if current is not None:
            yield current
        current = SeenPerson(row["name"], row["start"], row["end"])
    if current is not None:
        yield current


def resolve(library: Library, text: str) -> int:
    """Return the id of the person with this number or name. Raises UsageError for none and for several."""
    ids = matching(library, text)
    rows = library.rows(f"SELECT id, {PERSON_NAME} AS name FROM people")
    names = {row["id"]: row["name"] for row in rows if row["id"] in ids}
    return given_names.select(text, names, singular="person", plural="people", command="people")


def videos_of(library: Library, person_id: int) -> list[int]:
    """List the ids of the videos of a person."""
    sql = "SELECT DISTINCT video_id FROM face_tracks WHERE person_id = ? ORDER BY video_id"
    return [row["video_id"] for row in library.rows(sql, person_id)]


def rename(library: Library, person_id: int, name: str) -> None:
    """Name a person. Raises UsageError for an invalid name, or the name of another person."""
    name = given_names.checked(name, plural="people")
    with library.writing() as connection:
        rows = library.rows("SELECT id, name FROM people WHERE name IS NOT NULL AND id <> ?", person_id)
        other = next((row["id"] for row in rows if fold(row["name"]) == fold(name)), None)
        if other is not None:
            raise UsageError(
                f"{name}: already the name of person {other}. If they are the same, run: "
                f"vidlocal people merge {other} {person_id}"
            )
        people_changes.record(library, [person_id])
        connection.execute("UPDATE people SET name = ? WHERE id = ?", (name, person_id))


def hide(library: Library, person_ids: Sequence[int], *, hidden: bool = True) -> None:
    """Hide people from lists, or show them again. New faces still join hidden people."""
    with library.writing() as connection:
        people_changes.record(library, person_ids)
        connection.executemany("UPDATE people SET is_hidden = ? WHERE id = ?", [(hidden, each) for each in person_ids])


def merge(library: Library, person_id: int, others: Iterable[int]) -> None:
    """Move the faces of other people to a person. Without a name, the person gets the first of theirs."""
    merged = [other for other in dict.fromkeys(others) if other != person_id]
    with library.writing() as connection:
        people_changes.record(library, [person_id, *merged])
        for other in merged:
            connection.execute(
                "UPDATE people SET name = coalesce(name, (SELECT name FROM people WHERE id = ?)) WHERE id = ?",
                (other, person_id),
            )
            connection.execute("UPDATE face_tracks SET person_id = ? WHERE person_id = ?", (person_id, other))
            connection.execute("UPDATE speakers SET person_id = ? WHERE person_id = ?", (person_id, other))
            connection.execute(
                """INSERT OR IGNORE INTO face_exclusions (track_id, person_id)
                SELECT track_id, ?1 FROM face_exclusions JOIN face_tracks ON face_tracks.id = track_id
                WHERE face_exclusions.person_id = ?2 AND face_tracks.person_id IS NOT ?1""",
                (person_id, other),
            )
            connection.execute(
                """DELETE FROM face_exclusions WHERE person_id = ?1
                AND track_id IN (SELECT id FROM face_tracks WHERE person_id = ?1)""",
                (person_id,),
            )
            connection.execute("DELETE FROM people WHERE id = ?", (other,))


def split(library: Library, person_id: int, video_id: int) -> int:
    """Move the faces of a person in a video to a new person without a name. Returns its id.

    Raises UsageError if the person is not in the video, or in no other one.
    """
    videos = videos_of(library, person_id)
    if video_id not in videos or len(videos) < 2:
        reason = "in no other video" if video_id in videos else "not in this video"
        raise UsageError(f"Person {person_id} is {reason}. Nothing was split.")
    rows = library.rows("SELECT id FROM face_tracks WHERE person_id = ? AND video_id = ?", person_id, video_id)
    return reject(library, person_id, [row["id"] for row in rows])


def reject(library: Library, person_id: int, track_ids: Sequence[int]) -> int:
    """Reject faces as those of a person, for good. Already assigned faces move to a new person.

    Returns the id of the new person, 0 if there is none.
    """
    ids = json.dumps(list(track_ids))
    with library.writing() as connection:
        people_changes.record(library, [person_id], track_ids)
        connection.execute(
            """INSERT OR IGNORE INTO face_exclusions (track_id, person_id)
            SELECT id, ? FROM face_tracks WHERE id IN (SELECT value FROM json_each(?))""",
            (person_id, ids),
        )
        sql = "SELECT count(*) FROM face_tracks WHERE person_id = ? AND id IN (SELECT value FROM json_each(?))"
        if not library.number(sql, person_id, ids):
            return 0
        new = add(library)
        connection.execute(
            """UPDATE face_tracks SET person_id = ?, is_confirmed = 0
            WHERE person_id = ? AND id IN (SELECT value FROM json_each(?))""",
            (new, person_id, ids),
        )
        _delete_unused(library)
    return new


def confirm(library: Library, person_id: int, track_ids: Sequence[int]) -> None:
    """Give faces to a person by hand. People without any faces left are deleted."""
    ids = json.dumps(list(track_ids))
    owners = library.rows(
        "SELECT DISTINCT person_id FROM face_tracks WHERE id IN (SELECT value FROM json_each(?))", ids
    )
    involved = {person_id, *(row["person_id"] for row in owners if row["person_id"] is not None)}
    with library.writing() as connection:
        people_changes.record(library, sorted(involved), track_ids)
        connection.execute(
            "UPDATE face_tracks SET person_id = ?, is_confirmed = 1 WHERE id IN (SELECT value FROM json_each(?))",
            (person_id, ids),
        )
        connection.execute(
            "DELETE FROM face_exclusions WHERE person_id = ? AND track_id IN (SELECT value FROM json_each(?))",
            (person_id, ids),
        )
        _delete_unused(library)


def add(library: Library) -> int:
    """Add a person without a name or faces. Returns the id."""
    with library.writing() as connection:
        return int(connection.execute("INSERT INTO people (name) VALUES (NULL)").lastrowid or 0)


def undo(library: Library) -> bool:
    """Undo the last change by hand, as far as its faces still exist. False if there is none."""
    with library.writing():
        undone = people_changes.undo_last(library)
        if undone:
            _delete_unused(library)
    return undone


def forget(library: Library, person_ids: Sequence[int] | None) -> int:
    """Delete people (None: all) with all their faces. Returns the number of people.

    All of them: also faces without a person, and the consent. Past changes cannot be undone any more. Call
    `videos.purge_deleted` afterwards to leave no byte of them in the file.
    """
    count = library.number("SELECT count(*) FROM people") if person_ids is None else len(person_ids)
    with library.writing() as connection:
        if person_ids is None:
            connection.execute("DELETE FROM face_tracks")
            connection.execute("DELETE FROM people")
            connection.execute("DELETE FROM checkpoints WHERE step LIKE 'people by %'")
            connection.execute("DELETE FROM jobs WHERE kind = 'people'")
            facts.delete(library, facts.PEOPLE_CONSENT)
        else:
            ids = json.dumps(list(person_ids))
            connection.execute("DELETE FROM people WHERE id IN (SELECT value FROM json_each(?))", (ids,))
        connection.execute("DELETE FROM people_changes")
        facts.put(library, facts.PURGE_PENDING, now_utc())
    return count


def has_consent(library: Library) -> bool:
    """Return True if the user has agreed to face recognition in this library."""
    return facts.get(library, facts.PEOPLE_CONSENT) is not None


def give_consent(library: Library) -> None:
    """Store the user's consent to face recognition in this library."""
    facts.put(library, facts.PEOPLE_CONSENT, now_utc())


def _list(library: Library, where: str, *values: object, limit: int | None = None) -> list[Person]:
    rows = library.rows(
        f"""SELECT people.id, {PERSON_NAME} AS name, people.name IS NOT NULL AS is_named, is_hidden,
          count(DISTINCT video_id) AS videos, count(*) AS tracks, total("end" - start) AS seconds
        FROM people JOIN face_tracks ON person_id = people.id WHERE {where}
        GROUP BY people.id ORDER BY is_named DESC, seconds DESC, tracks DESC, people.id LIMIT ?""",
        *values,
        -1 if limit is None else limit,
    )
    return [
        Person(
            id=row["id"],
            name=row["name"],
            is_named=bool(row["is_named"]),
            is_hidden=bool(row["is_hidden"]),
            videos=row["videos"],
            tracks=row["tracks"],
            seconds=row["seconds"],
            best=_best(library, row["id"]),
        )
        for row in rows
    ]


def _best(library: Library, person_id: int) -> SeenFace | None:
    return next(iter(faces(library, person_id, limit=1)), None)


def _delete_unused(library: Library) -> None:
    with library.writing() as connection:
        connection.execute(
            "DELETE FROM people WHERE NOT EXISTS (SELECT 1 FROM face_tracks WHERE person_id = people.id)"
        )
