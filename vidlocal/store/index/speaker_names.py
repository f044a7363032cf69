"""Speakers of passages, and speakers by name, as SQL and for filters."""

from collections.abc import Collection

from vidlocal.folding import fold
from vidlocal.store.database import Library

# Name of a speaker, NULL without one: that of the person whom the speaker is linked to, or their own.
GIVEN_NAME = "coalesce((SELECT people.name FROM people WHERE people.id = speakers.person_id), speakers.name)"

# Name of a speaker for people: unnamed ones are numbered.
SPEAKER_NAME = f"coalesce({GIVEN_NAME}, 'Speaker ' || speakers.id)"

# Name of the speaker of a row of `passages`, NULL if unknown.
PASSAGE_SPEAKER = f"""(SELECT {SPEAKER_NAME} FROM passage_speakers JOIN voices ON voices.id = passage_speakers.voice_id
  JOIN speakers ON speakers.id = voices.speaker_id WHERE passage_speakers.passage_id = passages.id)"""


def named(library: Library, words: Collection[str]) -> frozenset[int]:
    """Return the ids of the named speakers with all of these folded words in their name."""
    rows = library.rows(f"SELECT id, {GIVEN_NAME} AS name FROM speakers WHERE {GIVEN_NAME} IS NOT NULL")
    return frozenset(row["id"] for row in rows if words and set(words) <= set(fold(row["name"]).split()))


def matching(library: Library, text: str) -> frozenset[int]:
    """Return the ids of the speakers with this number, or with all of these words in their name."""
    terms = fold(text).split()
    rows = library.rows(f"SELECT id, {SPEAKER_NAME} AS name FROM speakers")
    return frozenset(
        row["id"]
        for row in rows
        if terms and (terms == [str(row["id"])] or set(terms) <= set(fold(row["name"]).split()))
    )
