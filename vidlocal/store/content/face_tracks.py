"""Tracks of faces in videos: storage, and assignment to people."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.errors import StoreError
from vidlocal.records import JobKind
from vidlocal.store.content import people, people_changes
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

if TYPE_CHECKING:
    from vidlocal.store.values import Ids, Vector, Vectors

# Boxes on one frame that overlap by this intersection over union are the same face.
_MIN_OVERLAP = 0.4

# People whose vectors are read into memory together.
_PEOPLE_AT_ONCE = 2000

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to store. `box`: x, y, width and height as fractions of the frame."""

    frame_id: int
    box: Box
    quality: float


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track to store: span in seconds, a unit vector, float32, d, and its faces."""

    start: float
    end: float
    quality: float
    vector: "Vector"
    faces: tuple[NewFace, ...]


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks of a model: ids, video ids and unit vectors, in order of video and time: n, n, and n x d."""

    ids: "Ids"
    videos: "Ids"
    vectors: "Vectors"


def step(key: str) -> str:
    """Return the name of the checkpoint for videos finished by a model."""
    return f"people by {key}"


def store(library: Library, video_id: int, key: str, tracks: Sequence[NewTrack]) -> None:
    """Replace the tracks of a video by those of a new run with model `key`, with new faces still unassigned.

    A track on the place of an earlier one has its person, with what was said of it by hand. Without a new track in
    their place, only tracks of named people stay.
    """
    with library.writing() as connection:
        earlier = _Earlier(library, video_id, key)
        replaced: set[int] = set()
        for track in tracks:
            before = earlier.at(track.faces)
            new = connection.execute(
                """INSERT INTO face_tracks (video_id, start, "end", quality, model, vector)
                VALUES (?, ?, ?, ?, ?, ?) RETURNING id""",
                (video_id, track.start, track.end, track.quality, key, track.vector.astype("<f4").tobytes()),
            ).fetchone()[0]
            connection.executemany(
                "INSERT INTO faces (track_id, frame_id, x, y, width, height, quality) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(new, face.frame_id, *face.box, face.quality) for face in track.faces],
            )
            if before is not None:
                replaced.add(before)
                _inherit(library, new, before)
        unneeded = [track_id for track_id in earlier.tracks if track_id in replaced or track_id not in earlier.named]
        connection.executemany("DELETE FROM face_tracks WHERE id = ?", [(track_id,) for track_id in unneeded])
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step LIKE 'people by %'", (video_id,))
        checkpoints.put(library, video_id, step(key), 0.0)


class _Earlier:
    """The tracks of a video before a new run. `named`: tracks of named or hidden people, or confirmed."""

    def __init__(self, library: Library, video_id: int, key: str) -> None:
        rows = library.rows(
            """SELECT face_tracks.id, frame_id, x, y, width, height, model = ? AS is_same_model,
              coalesce(name IS NOT NULL OR is_hidden, 0) OR is_confirmed AS is_named
            FROM face_tracks JOIN faces ON track_id = face_tracks.id LEFT JOIN people ON people.id = person_id
            WHERE video_id = ?""",
            key,
            video_id,
        )
        self.tracks = {row["id"] for row in rows}
        self.named = {row["id"] for row in rows if row["is_named"]}
        # Another model groups unnamed people from scratch.
        self._kept = {row["id"] for row in rows if row["is_named"] or row["is_same_model"]}
        self._boxes: dict[int, list[tuple[int, Box]]] = defaultdict(list)
        for row in rows:
            self._boxes[row["frame_id"]].append((row["id"], (row["x"], row["y"], row["width"], row["height"])))

    def at(self, faces: Iterable[NewFace]) -> int | None:
        """Return the track on the same places, None if there is none to go on with."""
        votes = Counter(
            track_id
            for face in faces
            for track_id, box in self._boxes[face.frame_id]
            if track_id in self._kept and overlap(face.box, box) >= _MIN_OVERLAP
        )
        return votes.most_common(1)[0][0] if votes else None


def overlap(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes (x, y, width, height), 0 to 1."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    union = first[2] * first[3] + second[2] * second[3] - shared
    return shared / union if union > 0 else 0.0


def _inherit(library: Library, new: int, before: int) -> None:
    with library.writing() as connection:
        connection.execute(
            """UPDATE face_tracks SET (person_id, is_confirmed) =
              (SELECT person_id, is_confirmed FROM face_tracks WHERE id = ?) WHERE id = ?""",
            (before, new),
        )
        connection.execute(
            "INSERT INTO face_exclusions (track_id, person_id) SELECT ?, person_id FROM face_exclusions "
            "WHERE track_id = ?",
            (new, before),
        )


def ungrouped(library: Library, key: str, video_id: int | None = None) -> Tracks:
    """Read the tracks of a model without a person, of a video or all. Skips damaged vectors."""
    where = "" if video_id is None else "AND video_id = ?"
    rows = library.rows(
        f"""SELECT id, video_id, vector FROM face_tracks WHERE person_id IS NULL AND model = ? {where}
          AND typeof(vector) = 'blob' ORDER BY video_id, start, id""",
        key,
        *([] if video_id is None else [video_id]),
    )
    return _tracks(rows)


def of_people(library: Library, key: str, *, named: bool = True) -> tuple[Tracks, "Ids"]:
    """Read a model's tracks of named people, or of all people, and the ids of these people."""
    import numpy as np

    where = "AND person_id IN (SELECT id FROM people WHERE name IS NOT NULL)" if named else ""
    rows = library.rows(
        f"""SELECT id, video_id, vector, person_id FROM face_tracks WHERE person_id IS NOT NULL AND model = ? {where}
          AND typeof(vector) = 'blob' ORDER BY person_id, id""",
        key,
    )
    tracks = _tracks(rows)
    owners = {row["id"]: row["person_id"] for row in rows}
    return tracks, np.array([owners[track_id] for track_id in tracks.ids.tolist()], dtype=np.int64)


def _tracks(rows: Sequence[sqlite3.Row]) -> Tracks:
    import numpy as np

    sizes = Counter(len(row["vector"]) for row in rows)
    size = sizes.most_common(1)[0][0] if sizes else 4
    good = [row for row in rows if len(row["vector"]) == size and size % 4 == 0]
    data = b"".join(row["vector"] for row in good)
    vectors = np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(len(good), -1 if good else 1)
    finite = np.isfinite(vectors).all(axis=1)
    ids = np.array([row["id"] for row in good], dtype=np.int64)
    videos = np.array([row["video_id"] for row in good], dtype=np.int64)
    return Tracks(ids[finite], videos[finite], vectors[finite])


def together(library: Library, track_ids: Sequence[int]) -> list[tuple[int, int]]:
    """List the pairs of tracks with faces on a common frame, hence of different people."""
    rows = library.rows(
        """SELECT DISTINCT first.track_id AS one, second.track_id AS other FROM faces AS first
          JOIN faces AS second ON second.frame_id = first.frame_id AND second.track_id > first.track_id
        WHERE first.track_id IN (SELECT value FROM json_each(?1))
          AND second.track_id IN (SELECT value FROM json_each(?1))""",
        json.dumps(list(track_ids)),
    )
    return [(row["one"], row["other"]) for row in rows]


def barred(library: Library, track_ids: Sequence[int]) -> dict[int, set[int]]:
    """Map tracks to impossible people: rejected by hand, or with another face on the same frame."""
    ids = json.dumps(list(track_ids))
    rows = library.rows(
        """SELECT track_id, person_id FROM face_exclusions WHERE track_id IN (SELECT value FROM json_each(?1))
        UNION SELECT own.track_id, person_id FROM faces AS own JOIN faces AS other ON other.frame_id = own.frame_id
          JOIN face_tracks ON face_tracks.id = other.track_id
        WHERE own.track_id IN (SELECT value FROM json_each(?1)) AND other.track_id <> own.track_id
          AND person_id IS NOT NULL""",
        ids,
    )
    people_of: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        people_of[row["track_id"]].add(row["person_id"])
    return people_of


def vector_of(library: Library, track_id: int) -> tuple[str, "Vector"]:
    """Return model and vector of a track. Raises StoreError for a damaged vector."""
    import numpy as np

    row = library.row("SELECT model, vector FROM face_tracks WHERE id = ? AND typeof(vector) = 'blob'", track_id)
    if row is None or len(row["vector"]) % 4:
        raise StoreError(f"{library.path}: damaged vector of a face. Run: vidlocal enrich --only people")
    return str(row["model"]), np.frombuffer(row["vector"], dtype="<f4").astype(np.float32)


def nearest(library: Library, key: str, vector: "Vector", *, min_cosine: float, limit: int) -> list[tuple[int, float]]:
    """List the tracks of a model with the most similar vectors, and their cosines, the most similar first."""
    import numpy as np

    rows = library.rows("SELECT id, video_id, vector FROM face_tracks WHERE model = ? AND typeof(vector) = 'blob'", key)
    tracks = _tracks(rows)
    if tracks.vectors.shape[1] != vector.size:
        return []
    cosines = tracks.vectors @ vector
    best = np.argsort(-cosines, kind="stable")[:limit]
    return [(int(tracks.ids[place]), float(cosines[place])) for place in best if cosines[place] >= min_cosine]


def means(library: Library, key: str) -> tuple["Ids", "Vectors"]:
    """Return people and the means of their vectors by a model: m, and m x d."""
    import numpy as np

    if not library.read_only:
        _refresh_sums(library, key)
    rows = library.rows("SELECT person_id, tracks, vector FROM person_vectors WHERE model = ? ORDER BY person_id", key)
    size = Counter(len(row["vector"]) for row in rows).most_common(1)[0][0] if rows else 4
    good = [row for row in rows if len(row["vector"]) == size and size % 4 == 0 and row["tracks"] > 0]
    data = b"".join(row["vector"] for row in good)
    sums = np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(len(good), -1 if good else 1)
    counts = np.array([row["tracks"] for row in good], dtype=np.float32)
    return np.array([row["person_id"] for row in good], dtype=np.int64), sums / counts[:, None]


def _refresh_sums(library: Library, key: str) -> None:
    """Add the missing sums of people."""
    missing = library.rows(
        """SELECT id FROM people WHERE NOT EXISTS (
          SELECT 1 FROM person_vectors WHERE person_id = people.id AND model = ?)""",
        key,
    )
    for start in range(0, len(missing), _PEOPLE_AT_ONCE):
        _add_sums(library, key, [row["id"] for row in missing[start : start + _PEOPLE_AT_ONCE]])


def _add_sums(library: Library, key: str, people_ids: Sequence[int]) -> None:
    import numpy as np

    rows = library.rows(
        """SELECT id, video_id, vector, person_id FROM face_tracks WHERE person_id IN (SELECT value FROM json_each(?))
        AND model = ? AND typeof(vector) = 'blob'""",
        json.dumps(people_ids),
        key,
    )
    if not rows:
        return
    owners = {row["id"]: row["person_id"] for row in rows}
    tracks = _tracks(rows)
    person_ids, positions = np.unique([owners[track] for track in tracks.ids.tolist()], return_inverse=True)
    sums = np.zeros((len(person_ids), tracks.vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, positions, tracks.vectors)
    counts = np.bincount(positions, minlength=len(person_ids))
    with library.writing() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO person_vectors (person_id, model, tracks, vector) VALUES (?, ?, ?, ?)",
            [
                (person_id, key, count, total.astype("<f4").tobytes())
                for person_id, count, total in zip(person_ids.tolist(), counts.tolist(), sums, strict=True)
            ],
        )


def assign(library: Library, groups: Sequence[tuple[int | None, Sequence[int]]]) -> None:
    """Give tracks without a person to people: (person, tracks), None for a new person.

    People deleted in the meantime are replaced by new people; tracks assigned in the meantime keep their person.
    """
    with library.writing() as connection:
        for person_id, track_ids in groups:
            if person_id is None or library.row("SELECT 1 FROM people WHERE id = ?", person_id) is None:
                person_id = people.add(library)
            connection.executemany(
                "UPDATE face_tracks SET person_id = ? WHERE id = ? AND person_id IS NULL",
                [(person_id, track_id) for track_id in track_ids],
            )
        _delete_unused(library)


def dissolve_unnamed(library: Library) -> dict[int, int]:
    """Unassign the faces of unnamed people, except hidden people and confirmed faces. Returns people by track."""
    free = """is_confirmed = 0 AND person_id IN (SELECT id FROM people WHERE name IS NULL AND is_hidden = 0)"""
    with library.writing() as connection:
        rows = library.rows(f"SELECT id, person_id FROM face_tracks WHERE {free}")
        people_changes.record(library, list({row["person_id"] for row in rows}))
        connection.execute(f"UPDATE face_tracks SET person_id = NULL WHERE {free}")
        _delete_unused(library)
    return {row["id"]: row["person_id"] for row in rows}


def owners(library: Library, track_ids: Iterable[int]) -> dict[int, int]:
    """Map tracks to their people."""
    rows = library.rows(
        """SELECT id, person_id FROM face_tracks WHERE id IN (SELECT value FROM json_each(?))
        AND person_id IS NOT NULL""",
        json.dumps(list(track_ids)),
    )
    return {row["id"]: row["person_id"] for row in rows}


def renumber(library: Library, numbers: Mapping[int, int]) -> None:
    """Give people without a name unused ids: `numbers` maps old ids to new ids."""
    with library.writing() as connection:
        for person_id, number in numbers.items():
            if library.row("SELECT 1 FROM people WHERE id = ?", number) is None:
                connection.execute("INSERT INTO people (id, name) VALUES (?, NULL)", (number,))
                connection.execute("UPDATE face_tracks SET person_id = ? WHERE person_id = ?", (number, person_id))
        _delete_unused(library)


def queue_missing(library: Library, key: str) -> int:
    """Queue the videos with images not yet searched by this model. Returns their number.

    Failed jobs stay failed.
    """
    condition = "EXISTS (SELECT 1 FROM frames WHERE video_id = videos.id AND image IS NOT NULL)"
    return jobs.queue_without_checkpoint(library, JobKind.PEOPLE, step=step(key), condition=condition)


def models(library: Library) -> list[str]:
    """List the models with vectors of faces."""
    return [row["model"] for row in library.rows("SELECT DISTINCT model FROM face_tracks")]


def _delete_unused(library: Library) -> None:
    with library.writing() as connection:
        connection.execute(
            """DELETE FROM people WHERE name IS NULL
            AND NOT EXISTS (SELECT 1 FROM face_tracks WHERE person_id = people.id)"""
        )
