"""Synonyms of tags: maps every normalized word form to a tag."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from vidlocal.store.content.passages import BY_HAND
from vidlocal.store.database import Library
from vidlocal.store.values import storable

MAX_CHARACTERS = 40

# English plural endings with their singular, longest first, and words that only look like a plural.
_PLURALS = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("s", ""))
_NO_PLURAL = re.compile(r"(?:ss|us|is|ous|news|series|species|glasses|clothes|jeans|stairs)$")
_IRREGULAR = {
    "children": "child",
    "people": "person",
    "men": "man",
    "women": "woman",
    "knives": "knife",
    "wives": "wife",
}


def normalize(word: str) -> str:
    """Normalize a word or phrase: lower case, no punctuation, single spaces, singular; empty without letters or digits.

    `Wedding Dresses!` becomes `wedding dress`.
    """
    plain = unicodedata.normalize("NFKC", word).casefold().replace("_", " ")
    plain = re.sub(r"[^\w\s'&+-]", " ", plain).strip("'-+& ")
    words = re.sub(r"^(?:the|an?) ", "", " ".join(plain.split())).split()
    if not words or not any(letter.isalnum() for letter in plain):
        return ""
    return " ".join([*words[:-1], _singular(words[-1])])[:MAX_CHARACTERS].strip()


def lookup(library: Library, forms: Iterable[str]) -> dict[str, str]:
    """Map word forms to their tags. Unknown forms are left out."""
    tags = {}
    for form in dict.fromkeys(forms):
        row = library.row("SELECT tag FROM vocabulary WHERE form = ?", form)
        if row is not None:
            tags[form] = str(row["tag"])
    return tags


def most_used(library: Library, *, limit: int) -> list[str]:
    """List the tags of most videos, most frequent first."""
    rows = library.rows(
        """SELECT tag FROM vocabulary LEFT JOIN (
          SELECT tag AS used, count(DISTINCT video_id) AS videos FROM video_tags GROUP BY tag) ON used = tag
        GROUP BY tag ORDER BY coalesce(max(videos), 0) DESC, min(id) LIMIT ?""",
        limit,
    )
    return [row["tag"] for row in rows]


def names(library: Library, video_id: int, *, limit: int) -> list[str]:
    """List people, then places, then other tags: tags of the video first, then of most videos.

    Tags that only rest on what a speech model heard are left out: its mistakes must not confirm themselves.
    """
    rows = library.rows(
        """SELECT tag FROM video_tags JOIN passages ON passages.id = passage_id
        WHERE video_tags.kind IN ('person', 'place', 'tag') AND (passages.kind <> 'speech' OR passages.engine = ?)
        GROUP BY tag ORDER BY min(CASE video_tags.kind WHEN 'person' THEN 0 WHEN 'place' THEN 1 ELSE 2 END),
          max(video_tags.video_id = ?) DESC, count(DISTINCT video_tags.video_id) DESC, tag LIMIT ?""",
        BY_HAND,
        video_id,
        limit,
    )
    return [row["tag"] for row in rows]


def add(library: Library, tags_by_form: Mapping[str, str]) -> None:
    """Map word forms to tags. Existing forms keep their tags."""
    with library.writing() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO vocabulary (form, tag) VALUES (?, ?)",
            [(storable(form), storable(tag)) for form, tag in tags_by_form.items() if form and tag],
        )


def delete_unused(library: Library) -> None:
    """Delete the word forms of unused tags."""
    with library.writing() as connection:
        connection.execute("DELETE FROM vocabulary WHERE tag NOT IN (SELECT tag FROM video_tags)")


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.isascii() or _NO_PLURAL.search(word):
        return word
    for plural, singular in _PLURALS:
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word
