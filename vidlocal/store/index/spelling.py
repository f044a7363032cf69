"""Words that stand nowhere, and the ones that were meant: one letter wrong, missing, too many, or two exchanged.

The words of a library are kept as stems, and a misspelling has another stem than the word it is meant for (`weding`
becomes `wede`, `wedding` `wed`). So it is the misspelt word that is varied, and the index that stems each variant as
it did the texts: some 300 to 700 look-ups of 20 microseconds, however large the library is.
"""

import json
import unicodedata
from collections.abc import Mapping

from vidlocal.store.database import Library
from vidlocal.store.index.tokenizer import UNSPACED, words

# In shorter words one letter makes another word; longer ones are no words.
MIN_LETTERS = 5
MAX_LETTERS = 20

# Words of one query that are looked into.
MAX_WORDS = 3

# Counting how often a variant stands in the texts ends here.
_MAX_COUNTED = 1_000

# Variants looked at closely, and the passages of each that are read.
_MAX_CANDIDATES = 8
_MAX_PASSAGES_READ = 5
_MAX_SUFFIX_LETTERS = 3

# The letters of a script, by how a letter of it is called in Unicode. Accents do not matter to the index.
_ALPHABETS = {
    "LATIN": "abcdefghijklmnopqrstuvwxyz",
    "CYRILLIC": "абвгдежзиклмнопрстуфхцчшщъыьэюяіїєґ",
    "GREEK": "αβγδεζηθικλμνξοπρστυφχψω",
}


def corrections(library: Library, query: str) -> dict[str, str]:
    """For words of a query that no passage holds, not even as a part of another word: the nearest one that some do."""
    found: dict[str, str] = {}
    asked = (one for one in dict.fromkeys(words(query.lower())) if _is_checkable(one) and not _is_indexed(library, one))
    for word, _ in zip(asked, range(MAX_WORDS), strict=False):
        meant = _best_candidate(library, word)
        if meant is not None:
            found[word] = meant
    return found


def apply(query: str, by_word: Mapping[str, str]) -> str:
    """The words of a query, small, with `meant` in place of the misspelt ones."""
    return " ".join(by_word.get(word, word) for word in words(query.lower())) if by_word else query


def variants(word: str) -> list[str]:
    """Every word one slip away: a letter left out, another one, one more, or two neighbours exchanged."""
    letters = _ALPHABETS[_script(word)]
    splits = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    made = dict.fromkeys(f"{head}{tail[1]}{tail[0]}{tail[2:]}" for head, tail in splits if len(tail) > 1)
    made |= dict.fromkeys(head + tail[1:] for head, tail in splits if tail)
    made |= dict.fromkeys(head + letter + tail for head, tail in splits for letter in letters)
    made |= dict.fromkeys(head + letter + tail[1:] for head, tail in splits if tail for letter in letters)
    made.pop(word, None)
    return list(made)


def _best_candidate(library: Library, word: str) -> str | None:
    """A word of the texts one slip away: rather one with the same first letter, then that in most passages."""
    counted = library.rows(
        f"""SELECT value, (SELECT count(*) FROM (
          SELECT 1 FROM passage_words WHERE passage_words MATCH '"' || value || '"' LIMIT {_MAX_COUNTED})) AS df
        FROM json_each(?)""",
        json.dumps(variants(_without_accents(word))),
    )
    known = sorted((row["value"][0] != word[0], -row["df"], row["value"]) for row in counted if row["df"])
    spelt = (_spelling_in_texts(library, variant) for *_, variant in known[:_MAX_CANDIDATES])
    return next((one for one in spelt if one is not None), None)


def _spelling_in_texts(library: Library, variant: str) -> str | None:
    """The variant, or it with an ending, as it stands in a text; None when it only shares its stem with a word."""
    rows = library.rows(
        """SELECT text FROM passages WHERE id IN (SELECT rowid FROM passage_words WHERE passage_words MATCH ? LIMIT ?)
        ORDER BY id""",
        f'"{variant}"',
        _MAX_PASSAGES_READ,
    )
    there = {_without_accents(one): one for row in rows for one in words(row["text"].lower())}
    if variant in there:
        return there[variant]
    longer = [one for one in there if one.startswith(variant) and len(one) <= len(variant) + _MAX_SUFFIX_LETTERS]
    return there[min(longer, key=len)] if longer else None


def _is_checkable(word: str) -> bool:
    return MIN_LETTERS <= len(word) <= MAX_LETTERS and word.isalpha() and _script(word) in _ALPHABETS


def _is_indexed(library: Library, word: str) -> bool:
    """Whether any passage holds the word, inflected or within another one."""
    return any(
        library.row(f"SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT 1", f'"{word}"')
        for table in ("passage_words", "passage_grams")
    )


def _script(word: str) -> str:
    return "" if UNSPACED.search(word) else unicodedata.name(word[0], "").split(" ")[0]


def _without_accents(word: str) -> str:
    """A Latin word without accents, which the index does without; in other scripts they are part of the letter."""
    if _script(word) != "LATIN":
        return word
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))
