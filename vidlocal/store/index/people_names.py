"""People by name, as SQL and for filters."""

from collections.abc import Collection

from vidlocal.folding import fold
from vidlocal.store.database import Library

# Name of a person for people: unnamed ones are numbered.
PERSON_NAME = "coalesce(people.name, 'Person ' || people.id)"


def named(library: Library, words: Collection[str]) -> dict[int, frozenset[str]]:
    """Map the named people with a word of these folded ones in their name to the words of the name."""
    rows = library.rows("SELECT id, name FROM people WHERE name IS NOT NULL")
    names = {row["id"]: frozenset(fold(row["name"]).split()) for row in rows}
    return {person_id: name for person_id, name in names.items() if name & set(words)}


def matching(library: Library, text: str) -> frozenset[int]:
    """Return the ids of the people with this number, or with all of these words in their name."""
    words = fold(text).split()
    rows = library.rows(f"SELECT id, {PERSON_NAME} AS name FROM people")
    return frozenset(
        row["id"]
        for row in rows
        if words and (words == [str(row["id"])] or set(words) <= set(fold(row["name"]).split()))
    )
