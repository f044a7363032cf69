"""Speakers and probable people: who is on screen during speech."""

from dataclasses import dataclass

from vidlocal.store.content.speakers import SPOKEN_KINDS
from vidlocal.store.database import Library
from vidlocal.store.values import sql_list

# Seconds in which the person is seen while the speaker speaks, and their least share of the speech in these videos.
_MIN_SHARED_S = 10.0
_MIN_SHARE = 0.6
# Minimum ratio of the share to the share of others' speech with the person on screen.
_MIN_LIFT = 1.5


@dataclass(frozen=True, slots=True)
class LikelyPerson:
    """A person on screen during `share`, 0 to 1, of the speech of a speaker, `seconds` long."""

    speaker_id: int
    person_id: int
    share: float
    seconds: float


def likely_people(library: Library, *, limit: int) -> list[LikelyPerson]:
    """List unlinked speakers, each with the person on screen for most of the speech, likeliest first.

    Only videos with faces count, and only if the person is seen less while others speak.
    """
    speech = f"""SELECT speaker_id, voices.video_id, passages.start, passages."end" FROM passage_speakers
      JOIN voices ON voices.id = voice_id JOIN passages ON passages.id = passage_id
      WHERE passages.kind IN {sql_list(kind for kind in SPOKEN_KINDS if kind != "translation")}
        AND voices.video_id IN (SELECT video_id FROM face_tracks WHERE person_id IS NOT NULL)"""
    spoken = {
        row["speaker_id"]: row["seconds"]
        for row in library.rows(f'SELECT speaker_id, total("end" - start) AS seconds FROM ({speech}) GROUP BY 1')
    }
    shared = {
        (row["speaker_id"], row["person_id"]): row["seconds"]
        for row in library.rows(
            f"""SELECT speaker_id, person_id,
              total(min(said."end", face_tracks."end") - max(said.start, face_tracks.start)) AS seconds
            FROM ({speech}) AS said JOIN face_tracks ON face_tracks.video_id = said.video_id
              AND face_tracks.start < said."end" AND face_tracks."end" > said.start
            JOIN people ON people.id = person_id AND NOT is_hidden GROUP BY 1, 2"""
        )
    }
    linked = library.rows("SELECT id FROM speakers WHERE person_id IS NOT NULL")
    best: dict[int, LikelyPerson] = {}
    for (speaker_id, person_id), seconds in shared.items():
        others_s = sum(spoken.values()) - spoken[speaker_id]
        seen_s = sum(time for (_, other), time in shared.items() if other == person_id) - seconds
        share, base = min(1.0, seconds / spoken[speaker_id]), seen_s / others_s if others_s else 0.0
        likely = LikelyPerson(speaker_id, person_id, share, seconds)
        is_likely = seconds >= _MIN_SHARED_S and share >= max(_MIN_SHARE, _MIN_LIFT * base)
        if is_likely and (speaker_id not in best or best[speaker_id].share < share):
            best[speaker_id] = likely
    matches = [likely for speaker_id, likely in best.items() if speaker_id not in {row["id"] for row in linked}]
    return sorted(matches, key=lambda likely: -likely.share)[:limit]
