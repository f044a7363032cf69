"""People by name, as SQL and for filters."""

import json
from collections.abc import Collection

from vidlocal.folding import fold
from vidlocal.store.database import Library

# Name of a person for people: unnamed ones are numbered.
PERSON_NAME = "coalesce(people.name, 'Person ' || people.id)"

# Of a number that SQLite can hold.
_MAX_DIGITS = 19


def named(library: Library, words: Collection[str]) -> dict[int, frozenset[str]]:
    """Map people with any of these folded words in their name to the words of the name."""
    rows = library.rows("SELECT id, name FROM people WHERE name IS NOT NULL")
    names = {row["id"]: frozenset(fold(row["name"]).split()) for row in rows}
    return {person_id: name for person_id, name in names.items() if name & set(words)}


def names(library: Library, person_ids: Collection[int]) -> dict[int, str]:
    """Map people to their names."""
    rows = library.rows(
        f"SELECT id, {PERSON_NAME} AS name FROM people WHERE id IN (SELECT value FROM json_each(?))",
        json.dumps(sorted(person_ids)),
    )
    return {row["id"]: row["name"] for row in rows}


def tagged(library: Library, text: str) -> frozenset[str]:
    """Return the tags of people with all of these words in their name: by models, and by other programs."""
    words = set(fold(text).split())
    rows = library.rows("SELECT DISTINCT tag FROM video_tags WHERE kind = 'person'")
    return frozenset(row["tag"] for row in rows if words and words <= set(fold(row["tag"]).split()))


def matching(library: Library, text: str) -> frozenset[int]:
    """Return the ids of the people with this number, or with all of these words in their name."""
    words = fold(text).split()
    number = words[-1] if words and words[:-1] in ([], ["person"]) and words[-1].isdecimal() else ""
    if number and len(number) < _MAX_DIGITS:
        rows = library.rows("SELECT id FROM people WHERE id = ?", int(number))
        return frozenset(row["id"] for row in rows)
    return frozenset(person_id for person_id, name in named(library, words).items() if set(words) <= name)
