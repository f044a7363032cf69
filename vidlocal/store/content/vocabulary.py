"""The library's own words for tags: every form of a word that was met, and the one word it is filed under."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from vidlocal.store.database import Library
from vidlocal.store.values import storable

MOST_CHARACTERS = 40

# Endings that make an English plural, the longest first, and what is left. Words that only look like one stay.
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


def form(word: str) -> str:
    """A word in the form under which it is compared: small letters, no signs, one space, the singular.

    Blank for what is no word. `Wedding Dresses!` is `wedding dress`.
    """
    plain = unicodedata.normalize("NFKC", word).casefold().replace("_", " ")
    plain = re.sub(r"[^\w\s'&+-]", " ", plain).strip("'-+& ")
    words = re.sub(r"^(?:the|an?) ", "", " ".join(plain.split())).split()
    if not words or not any(one.isalnum() for one in plain):
        return ""
    return " ".join([*words[:-1], _singular(words[-1])])[:MOST_CHARACTERS].strip()


def known(library: Library, forms: Iterable[str]) -> dict[str, str]:
    """The tags under which forms are filed; forms that were never met are left out."""
    found = {}
    for one in dict.fromkeys(forms):
        row = library.row("SELECT tag FROM vocabulary WHERE form = ?", one)
        if row is not None:
            found[one] = str(row["tag"])
    return found


def in_use(library: Library, *, limit: int) -> list[str]:
    """The tags that most videos have, the most used first."""
    rows = library.rows(
        """SELECT tag FROM vocabulary LEFT JOIN (
          SELECT tag AS used, count(DISTINCT video_id) AS videos FROM video_tags GROUP BY tag) ON used = tag
        GROUP BY tag ORDER BY coalesce(max(videos), 0) DESC, min(id) LIMIT ?""",
        limit,
    )
    return [row["tag"] for row in rows]


def learn(library: Library, filed: Mapping[str, str]) -> None:
    """File forms under tags. A form that is filed already stays where it is."""
    with library.writing() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO vocabulary (form, tag) VALUES (?, ?)",
            [(storable(one), storable(tag)) for one, tag in filed.items() if one and tag],
        )


def forget_unused(library: Library) -> None:
    """Forget the words of videos that are gone."""
    with library.writing() as connection:
        connection.execute("DELETE FROM vocabulary WHERE tag NOT IN (SELECT tag FROM video_tags)")


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.isascii() or _NO_PLURAL.search(word):
        return word
    for ending, left in _PLURALS:
        if word.endswith(ending):
            return word.removesuffix(ending) + left
    return word
