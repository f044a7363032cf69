"""Spelling correction of query words within edit distance 1 (substitution, deletion, insertion, transposition).

The index holds stems, and a misspelling has another stem than the intended word (`weding` -> `wede`, `wedding` ->
`wed`). So all variants of the misspelt word are looked up, stemmed by the index: 300 to 700 look-ups of 20 microseconds
in a library of any size.
"""

import json
import unicodedata
from collections.abc import Mapping
from itertools import chain

from vidlocal.folding import fold
from vidlocal.store.database import Library
from vidlocal.store.index.tokenizer import UNSPACED, words

# A letter more or less makes a different word of a shorter one; longer tokens are rarely words.
MIN_LETTERS = 5
MAX_LETTERS = 20

# A word without a space is split into parts of at least this length.
MIN_PART_LETTERS = 3
MAX_JOINED_LETTERS = 40

# Corrected words per query.
MAX_WORDS = 3

# Cap on the document frequency of a variant.
_MAX_COUNTED = 1_000

# Variants compared with texts, and passages read for each.
_MAX_CANDIDATES = 8
_MAX_PASSAGES_READ = 5
_MAX_SUFFIX_LETTERS = 3

# Folded letters by script (first word of the Unicode name of a letter).
_ALPHABETS = {
    "LATIN": "abcdefghijklmnopqrstuvwxyz",
    "CYRILLIC": "абвгдежзиклмнопрстуфхцчшщъыьэюяіїєґ",
    "GREEK": "αβγδεζηθικλμνξοπρστυφχψω",
}


def corrections(library: Library, query: str) -> dict[str, str]:
    """Map the query words in no passage, not even within another word, to similar words of passages, or to two words.

    `weding` becomes `wedding`, and `firstdance` becomes `first dance`.
    """
    corrected: dict[str, str] = {}
    distinct = dict.fromkeys(words(query.lower()))
    unknown = (word for word in distinct if _is_checkable(fold(word)) and not _is_indexed(library, fold(word)))
    for word, _ in zip(unknown, range(MAX_WORDS), strict=False):
        folded = fold(word)
        candidate = _best_candidate(library, folded) if len(folded) <= MAX_LETTERS else None
        candidate = candidate or _split_in_two(library, folded)
        if candidate is not None:
            corrected[word] = candidate
    return corrected


def apply(query: str, by_word: Mapping[str, str]) -> str:
    """Replace the misspelt words of a query by their corrections, in lower case."""
    return " ".join(by_word.get(word, word) for word in words(query.lower())) if by_word else query


def variants(word: str) -> list[str]:
    """List all words at edit distance 1 of a folded word."""
    letters = _ALPHABETS[_script(word)]
    splits = [(word[:position], word[position:]) for position in range(len(word) + 1)]
    transposed = (f"{head}{tail[1]}{tail[0]}{tail[2:]}" for head, tail in splits if len(tail) > 1)
    deleted = (head + tail[1:] for head, tail in splits if tail)
    inserted = (head + letter + tail for head, tail in splits for letter in letters)
    substituted = (head + letter + tail[1:] for head, tail in splits if tail for letter in letters)
    distinct = dict.fromkeys(chain(transposed, deleted, inserted, substituted))
    distinct.pop(word, None)
    return list(distinct)


def _best_candidate(library: Library, word: str) -> str | None:
    """Return the best indexed variant of a folded word: same first letter first, then by number of passages."""
    rows = library.rows(
        f"""SELECT value, (SELECT count(*) FROM (
          SELECT 1 FROM passage_words WHERE passage_words MATCH '"' || value || '"' LIMIT {_MAX_COUNTED})) AS df
        FROM json_each(?)""",
        json.dumps(variants(word)),
    )
    ranked = sorted((row["value"][0] != word[0], -row["df"], row["value"]) for row in rows if row["df"])
    spellings = (_spelling_in_texts(library, variant) for *_, variant in ranked[:_MAX_CANDIDATES])
    return next((spelling for spelling in spellings if spelling is not None), None)


def _split_in_two(library: Library, word: str) -> str | None:
    """Split a word without a space into two indexed words; of several splits, prefer the commoner rare word."""
    best, best_count = None, 0
    for position in range(MIN_PART_LETTERS, len(word) - MIN_PART_LETTERS + 1):
        parts = word[:position], word[position:]
        count = min(_count(library, part) for part in parts)
        if count > best_count:
            best, best_count = " ".join(parts), count
    return best


def _count(library: Library, word: str) -> int:
    """Number of passages with a word, at most _MAX_COUNTED."""
    return library.number(
        "SELECT count(*) FROM (SELECT 1 FROM passage_words WHERE passage_words MATCH ? LIMIT ?)",
        f'"{word}"',
        _MAX_COUNTED,
    )


def _spelling_in_texts(library: Library, variant: str) -> str | None:
    """Return the variant as spelled in a text, possibly with a suffix; None if only the stem occurs."""
    rows = library.rows(
        """SELECT text FROM passages WHERE id IN (SELECT rowid FROM passage_words WHERE passage_words MATCH ? LIMIT ?)
        ORDER BY id""",
        f'"{variant}"',
        _MAX_PASSAGES_READ,
    )
    spellings = {fold(word): word for row in rows for word in words(row["text"].lower())}
    if variant in spellings:
        return spellings[variant]
    max_letters = len(variant) + _MAX_SUFFIX_LETTERS
    suffixed = [word for word in spellings if word.startswith(variant) and len(word) <= max_letters]
    return spellings[min(suffixed, key=len)] if suffixed else None


def _is_checkable(word: str) -> bool:
    return MIN_LETTERS <= len(word) <= MAX_JOINED_LETTERS and word.isalpha() and _script(word) in _ALPHABETS


def _is_indexed(library: Library, word: str) -> bool:
    """Return True if a passage contains the word, in any inflection or within another word."""
    return any(
        library.row(f"SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT 1", f'"{word}"')
        for table in ("passage_words", "passage_grams")
    )


def _script(word: str) -> str:
    return "" if UNSPACED.search(word) else unicodedata.name(word[0], "").split(" ")[0]
