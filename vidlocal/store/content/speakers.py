"""Voices in videos, and their speakers over the whole library."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from vidlocal.errors import UsageError
from vidlocal.folding import fold
from vidlocal.store.content import given_names
from vidlocal.store.content.turns import Turns
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.index.speaker_names import GIVEN_NAME, SPEAKER_NAME, matching
from vidlocal.store.values import now_utc, sql_list

# Spoken texts. A passage has the speaker with most of its time.
SPOKEN_KINDS = ("speech", "translation", "subtitle")

# Labels of diarization for speakers without a name.
_UNNAMED = re.compile(r"(?i)(?:speaker|spk|voice)?[ _-]*\d{0,3}|speaker[ _-]*\w{0,3}|unknown")

_MAX_CHANGES = 100


@dataclass(frozen=True, slots=True)
class Speaker:
    """A speaker of the library. `is_named`: `name` is more than a number. `seconds`: length of all passages.

    `person_id`: the person who the speaker is, as linked by hand; the name is then that of the person.
    """

    id: int
    name: str
    is_named: bool
    videos: int
    passages: int
    seconds: float
    example: str
    person_id: int | None


def every(library: Library) -> list[Speaker]:
    """List the speakers: named speakers first, then by speaking time."""
    rows = library.rows(
        f"""SELECT speakers.id, {SPEAKER_NAME} AS name, {GIVEN_NAME} IS NOT NULL AS is_named,
          count(DISTINCT voices.video_id) AS videos, count(passages.id) AS passages,
          total(passages."end" - passages.start) AS seconds, coalesce(
            (SELECT text FROM passage_speakers JOIN voices AS own ON own.id = voice_id AND own.speaker_id = speakers.id
              JOIN passages ON passages.id = passage_id ORDER BY length(text) DESC LIMIT 1), '') AS example,
          person_id
        FROM speakers JOIN voices ON voices.speaker_id = speakers.id
          LEFT JOIN passage_speakers ON passage_speakers.voice_id = voices.id
          LEFT JOIN passages ON passages.id = passage_id AND passages.kind <> 'translation'
        GROUP BY speakers.id ORDER BY is_named DESC, seconds DESC, speakers.id"""
    )
    return [Speaker(row["id"], row["name"], bool(row["is_named"]), *row[3:]) for row in rows]


def resolve(library: Library, text: str) -> int:
    """Return the id of the speaker with this number or name. Raises UsageError for none and for several."""
    ids = matching(library, text)
    rows = library.rows(f"SELECT id, {SPEAKER_NAME} AS name FROM speakers")
    names = {row["id"]: row["name"] for row in rows if row["id"] in ids}
    return given_names.select(text, names, singular="speaker", plural="speakers", command="speakers")


def videos_of(library: Library, speaker_id: int) -> list[int]:
    """List the ids of the videos of a speaker."""
    sql = "SELECT DISTINCT video_id FROM voices WHERE speaker_id = ? ORDER BY video_id"
    return [row["video_id"] for row in library.rows(sql, speaker_id)]


def of_video(library: Library, video_id: int) -> list[tuple[int, str, int | None]]:
    """List the speakers of a video: ids, names, and the linked people."""
    sql = f"""SELECT DISTINCT speakers.id, {SPEAKER_NAME} AS name, person_id FROM voices
      JOIN speakers ON speakers.id = speaker_id WHERE video_id = ? ORDER BY speakers.id"""
    return [(row["id"], row["name"], row["person_id"]) for row in library.rows(sql, video_id)]


def label(library: Library, video_id: int, passage_id: int, name: str) -> None:
    """Store the speaker of a passage by its name in a transcript.

    The same name means the same speaker in all videos; labels such as SPEAKER_00 only within the video.
    """
    name = given_names.one_line(name)[: given_names.MAX_NAME_CHARS]
    if not name:
        return
    with library.writing() as connection:
        row = library.row("SELECT id FROM voices WHERE video_id = ? AND label = ?", video_id, name)
        if row is None:
            speaker_id = None if _is_unnamed(name) else _named(library, name)
            if speaker_id is None:
                speaker_id = add(library, None if _is_unnamed(name) else name)
            voice_id = add_voice(library, video_id, speaker_id, name=name)
        else:
            voice_id = row["id"]
        connection.execute(
            """INSERT INTO passage_speakers (passage_id, voice_id) VALUES (?, ?)
            ON CONFLICT (passage_id) DO UPDATE SET voice_id = excluded.voice_id""",
            (passage_id, voice_id),
        )


def add(library: Library, name: str | None) -> int:
    """Add a speaker. Returns the id. A speaker is deleted with the last voice."""
    with library.writing() as connection:
        return int(connection.execute("INSERT INTO speakers (name) VALUES (?)", (name,)).lastrowid or 0)


def add_voice(library: Library, video_id: int, speaker_id: int, *, name: str | None = None) -> int:
    """Add a voice of a speaker in a video. Returns the id."""
    with library.writing() as connection:
        sql = "INSERT INTO voices (video_id, speaker_id, label) VALUES (?, ?, ?)"
        return int(connection.execute(sql, (video_id, speaker_id, name)).lastrowid or 0)


def rename(library: Library, speaker_id: int, name: str) -> None:
    """Name a speaker. Raises UsageError for an invalid name, a name in use, and a speaker linked to a person."""
    name = given_names.checked(name, plural="speakers")
    with library.writing() as connection:
        linked = library.row("SELECT person_id FROM speakers WHERE id = ? AND person_id IS NOT NULL", speaker_id)
        if linked is not None:
            raise UsageError(
                f"Speaker {speaker_id} is person {linked[0]}. To change the name, run: "
                f"vidlocal people name {linked[0]} NAME"
            )
        other = _named(library, name)
        if other not in (None, speaker_id):
            raise UsageError(
                f"{name}: already the name of speaker {other}. If they are the same, run: "
                f"vidlocal speakers merge {other} {speaker_id}"
            )
        _record(library, [speaker_id])
        connection.execute("UPDATE speakers SET name = ? WHERE id = ?", (name, speaker_id))


def merge(library: Library, speaker_id: int, others: Iterable[int]) -> None:
    """Move the voices of other speakers to a speaker. Without a name, the speaker gets the first of theirs."""
    merged = [other for other in dict.fromkeys(others) if other != speaker_id]
    with library.writing() as connection:
        _record(library, [speaker_id, *merged])
        for other in merged:
            connection.execute(
                """UPDATE speakers SET name = coalesce(speakers.name, other.name),
                  person_id = coalesce(speakers.person_id, other.person_id)
                FROM speakers AS other WHERE other.id = ? AND speakers.id = ?""",
                (other, speaker_id),
            )
            connection.execute("UPDATE voices SET speaker_id = ? WHERE speaker_id = ?", (speaker_id, other))
            connection.execute("DELETE FROM speakers WHERE id = ?", (other,))


def link(library: Library, speaker_id: int, person_id: int | None) -> None:
    """Link a speaker to a person, whose name then applies to the speaker; None unlinks."""
    with library.writing() as connection:
        _record(library, [speaker_id])
        connection.execute("UPDATE speakers SET person_id = ? WHERE id = ?", (person_id, speaker_id))


def split(library: Library, speaker_id: int, video_id: int) -> int:
    """Move the voices of a speaker in a video to a new speaker without a name. Returns its id.

    Raises UsageError if the speaker is not in the video, or in no other one.
    """
    videos = {row["video_id"] for row in library.rows("SELECT video_id FROM voices WHERE speaker_id = ?", speaker_id)}
    if video_id not in videos or len(videos) < 2:
        reason = "in no other video" if video_id in videos else "not in this video"
        raise UsageError(f"Speaker {speaker_id} is {reason}. Nothing was split.")
    with library.writing() as connection:
        _record(library, [speaker_id])
        new = add(library, None)
        connection.execute(
            "UPDATE voices SET speaker_id = ? WHERE speaker_id = ? AND video_id = ?", (new, speaker_id, video_id)
        )
    return new


def undo(library: Library) -> bool:
    """Undo the last name, merge, split or link, as far as its voices still exist. False if there is none."""
    with library.writing() as connection:
        row = library.row("SELECT id, before FROM speaker_changes ORDER BY id DESC LIMIT 1")
        if row is None:
            return False
        before = json.loads(row["before"])
        for speaker_id, name, *person in before["names"]:  # without a person before version 21
            connection.execute(
                """INSERT INTO speakers (id, name, person_id) VALUES (?, ?, (SELECT id FROM people WHERE id = ?))
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, person_id = excluded.person_id""",
                (speaker_id, name, person[0] if person else None),
            )
        connection.executemany("UPDATE voices SET speaker_id = ?2 WHERE id = ?1", before["voices"])
        _delete_unused(library)
        connection.execute("DELETE FROM speaker_changes WHERE id = ?", (row["id"],))
    return True


def forget(library: Library, speaker_ids: Sequence[int] | None) -> int:
    """Delete speakers (None: all) with all voices and turns; passages stay. Returns the number.

    Past changes cannot be undone any more. Call `videos.purge_deleted` afterwards to leave no byte of them in the file.
    """
    ids = [row["id"] for row in library.rows("SELECT id FROM speakers")] if speaker_ids is None else list(speaker_ids)
    with library.writing() as connection:
        connection.execute("DELETE FROM speakers WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
        connection.execute("DELETE FROM speaker_changes")
        facts.put(library, facts.PURGE_PENDING, now_utc())
    return len(ids)


def assign(library: Library, video_id: int, passage_ids: Sequence[int] | None = None) -> None:
    """Give spoken passages of a video the voice with most of their time, by the turns of the video.

    `passage_ids`: new passages, None for all. Passages with a label keep it.
    """
    turns = turns_of(library, video_id)
    if not turns.owners:
        return
    chosen = "" if passage_ids is None else "AND id IN (SELECT value FROM json_each(?))"
    rows = library.rows(
        f"""SELECT id, start, "end" FROM passages WHERE video_id = ? AND kind IN {sql_list(SPOKEN_KINDS)} {chosen}
          AND NOT EXISTS (SELECT 1 FROM passage_speakers JOIN voices ON voices.id = voice_id
            WHERE passage_id = passages.id AND label IS NOT NULL)""",
        video_id,
        *([] if passage_ids is None else [json.dumps(list(passage_ids))]),
    )
    shares = [(row["id"], turns.shares(row["start"], row["end"])) for row in rows]
    with library.writing() as connection:
        connection.executemany(
            """INSERT INTO passage_speakers (passage_id, voice_id) VALUES (?, ?)
            ON CONFLICT (passage_id) DO UPDATE SET voice_id = excluded.voice_id""",
            [(passage_id, max(share.items(), key=itemgetter(1))[0]) for passage_id, share in shares if share],
        )


def turns_of(library: Library, video_id: int) -> Turns:
    """Return the turns of the voices of a video."""
    sql = """SELECT turns.start, turns."end", voice_id FROM voices JOIN turns ON voice_id = voices.id
      WHERE video_id = ?"""
    return Turns((row["start"], row["end"], row["voice_id"]) for row in library.rows(sql, video_id))


def _named(library: Library, name: str) -> int | None:
    """Return the speaker with this name, or with this name in transcripts."""
    folded = fold(name)
    rows = library.rows("SELECT id, name FROM speakers WHERE name IS NOT NULL ORDER BY id")
    labels = library.rows("SELECT DISTINCT speaker_id AS id, label AS name FROM voices WHERE label IS NOT NULL")
    return next((row["id"] for row in (*rows, *labels) if fold(row["name"]) == folded), None)


def _is_unnamed(name: str) -> bool:
    return _UNNAMED.fullmatch(name) is not None


def _record(library: Library, speaker_ids: Sequence[int]) -> None:
    """Store names and voices of speakers before a change, for `undo`."""
    ids = json.dumps(list(speaker_ids))
    names = library.rows("SELECT id, name, person_id FROM speakers WHERE id IN (SELECT value FROM json_each(?))", ids)
    voices = library.rows("SELECT id, speaker_id FROM voices WHERE speaker_id IN (SELECT value FROM json_each(?))", ids)
    before = {"names": [list(row) for row in names], "voices": [list(row) for row in voices]}
    with library.writing() as connection:
        row = connection.execute(
            "INSERT INTO speaker_changes (before) VALUES (?) RETURNING id", (json.dumps(before),)
        ).fetchone()
        connection.execute("DELETE FROM speaker_changes WHERE id <= ?", (row[0] - _MAX_CHANGES,))


def _delete_unused(library: Library) -> None:
    with library.writing() as connection:
        connection.execute("DELETE FROM speakers WHERE id NOT IN (SELECT speaker_id FROM voices)")
