"""Changes of people by hand, with the state before, for `undo`."""

import json
from collections.abc import Sequence

from vidlocal.store.database import Library

_MAX_CHANGES = 100


def record(library: Library, person_ids: Sequence[int], track_ids: Sequence[int] = ()) -> None:
    """Store people, with their faces, exclusions and speakers, and further tracks, before a change."""
    people, tracks = json.dumps(list(person_ids)), json.dumps(list(track_ids))
    chosen = "person_id IN (SELECT value FROM json_each(?)) OR {} IN (SELECT value FROM json_each(?))"
    before = {
        "people": library.rows(
            "SELECT id, name, is_hidden FROM people WHERE id IN (SELECT value FROM json_each(?))", people
        ),
        "tracks": library.rows(
            f"SELECT id, person_id, is_confirmed FROM face_tracks WHERE {chosen.format('id')}", people, tracks
        ),
        "exclusions": library.rows(
            f"SELECT track_id, person_id FROM face_exclusions WHERE {chosen.format('track_id')}", people, tracks
        ),
        "speakers": library.rows(
            "SELECT id, person_id FROM speakers WHERE person_id IN (SELECT value FROM json_each(?))", people
        ),
    }
    state = {name: [list(row) for row in rows] for name, rows in before.items()}
    with library.writing() as connection:
        row = connection.execute(
            "INSERT INTO people_changes (before) VALUES (?) RETURNING id", (json.dumps(state),)
        ).fetchone()
        connection.execute("DELETE FROM people_changes WHERE id <= ?", (row[0] - _MAX_CHANGES,))


def undo_last(library: Library) -> bool:
    """Bring back the state before the last change, as far as its faces still exist. False if there is none."""
    row = library.row("SELECT id, before FROM people_changes ORDER BY id DESC LIMIT 1")
    if row is None:
        return False
    before = json.loads(row["before"])
    changed = json.dumps([person[0] for person in before["people"]])
    with library.writing() as connection:
        remaining = {row["id"] for row in library.rows("SELECT id FROM people")}
        connection.executemany(
            """INSERT INTO people (id, name, is_hidden) VALUES (?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, is_hidden = excluded.is_hidden""",
            before["people"],
        )
        connection.executemany(
            """UPDATE face_tracks SET person_id = (SELECT id FROM people WHERE id = ?2), is_confirmed = ?3
            WHERE id = ?1""",
            before["tracks"],
        )
        connection.executemany(
            "DELETE FROM face_exclusions WHERE track_id = ?", [(track[0],) for track in before["tracks"]]
        )
        connection.executemany(
            "DELETE FROM face_exclusions WHERE person_id = ?", [(person[0],) for person in before["people"]]
        )
        connection.executemany(
            """INSERT OR IGNORE INTO face_exclusions (track_id, person_id) SELECT ?1, ?2
            WHERE EXISTS (SELECT 1 FROM face_tracks WHERE id = ?1) AND EXISTS (SELECT 1 FROM people WHERE id = ?2)""",
            before["exclusions"],
        )
        # Speakers linked or unlinked since then stay so.
        connection.executemany(
            """UPDATE speakers SET person_id = ?2 WHERE id = ?1
              AND (person_id IN (SELECT value FROM json_each(?4)) OR (person_id IS NULL AND ?3))""",
            [
                (speaker_id, person_id, person_id not in remaining, changed)
                for speaker_id, person_id in before.get("speakers", ())  # missing in changes by earlier versions
            ],
        )
        connection.execute("DELETE FROM people_changes WHERE id = ?", (row["id"],))
    return True
