"""Passages found by their words, and how much of a query each of them covers.

Three ways into the text, tried per word of the query:

- `passage_words`: stemmed words, accents folded. The usual way.
- `passage_grams`: trigrams, for scripts without spaces and for a word that the library only knows as a part of
  others (`photosh`, a Korean noun with its particle).
- a plain look through the text for one or two characters of such a script, which no trigram can hold.

Scores are BM25 (k1 1.2, b 0.75, as FTS5 computes it) over the sum of the weights of the query's words: 1.0 says that
all words of the query stand in a passage of ordinary length, 0.5 that half of their weight does. A rare word weighs
more: ln(1 + (n - df + 0.5) / (df + 0.5)) for df of n passages. Unlike a raw BM25 this compares across queries, and a
query whose best passage holds one of its ten words does not look like a success.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from vidlocal.store.database import Library
from vidlocal.store.hits import EVERYTHING, Only
from vidlocal.store.words import UNSPACED, words

Index = Literal["words", "grams", "text"]

# Scoring a passage takes FTS5 about a microsecond. The words of a query are taken rarest first until together they
# stand in this many passages, so that a search takes about 20 ms in a library of any size. What does not fit are the
# very common words: they cannot tell passages apart anyway. At least one word is always taken.
POSTINGS = 15_000

# Likewise dropped, where rarer words are left: words in more than this part of the passages, once they are so many.
COMMON_SHARE = 0.25
COMMON_LEAST = 200

# No sentence is longer; looking up a word takes up to a millisecond, reading a pasted megabyte would take seconds.
MOST_TERMS = 32
MOST_CHARACTERS = 20_000
LONGEST_WORD = 64

# Each looks through all texts: 0.2 s in a library of a million passages.
MOST_LOOKS = 4

# Below this a passage shares nothing but filler words with the query.
LEAST_COVERAGE = 0.01

# FTS5 gives a word in half of the passages no weight, and in a small library that is any word that matters: there
# each word is scored by itself and weighed by us.
SMALL = 2_000

_GRAM = 3


@dataclass(frozen=True, slots=True)
class _Term:
    """One thing to look for in one index. `df` is in how many passages it stands, `weight` what that is worth."""

    index: Index
    text: str
    df: int = 0
    weight: float = 0.0


def search(library: Library, query: str, *, limit: int, only: Only = EVERYTHING) -> dict[int, float]:
    """The passages that share words with `query`: coverage, 0 to 1, by passage id, best first, at most `limit`.

    Any text is a query; nothing in it is an operator. The first 32 distinct words of the first 20,000 characters
    count.
    """
    total = _size(library)
    terms = [_looked_up(library, piece, total) for piece in split(query)]
    whole = sum(term.weight for term in terms)
    scores: dict[int, float] = {}
    for term_scores in _scores(library, _worth_scoring(terms, total), total, limit, only):
        for passage_id, score in term_scores:
            scores[passage_id] = scores.get(passage_id, 0.0) + score
    covered = {passage_id: min(1.0, score / whole) for passage_id, score in scores.items()}
    ranked = sorted((pair for pair in covered.items() if pair[1] >= LEAST_COVERAGE), key=lambda pair: -pair[1])
    return dict(ranked[:limit])


def split(query: str) -> list[tuple[Index, str]]:
    """What to look for: the distinct words of a query, and pieces of what is written without spaces."""
    pieces: dict[tuple[Index, str], None] = {}
    for word in words(query[:MOST_CHARACTERS].lower()):
        for piece in _pieces(word[:LONGEST_WORD]):
            pieces[piece] = None
            if len(pieces) == MOST_TERMS:
                return list(pieces)
    return list(pieces)


def _pieces(word: str) -> Iterator[tuple[Index, str]]:
    if not UNSPACED.match(word):
        yield "words", word
    elif len(word) < _GRAM:
        yield "text", word
    else:
        yield from (("grams", word[at : at + _GRAM]) for at in range(len(word) - _GRAM + 1))


def _looked_up(library: Library, piece: tuple[Index, str], total: int) -> _Term:
    """The piece with its weight; a word that stands nowhere is tried as a part of others."""
    index, text = piece
    df = _df(library, index, text)
    if not df and index == "words":
        index = "grams" if len(text) >= _GRAM else "text"
        if index == "text" and text.isascii():
            return _Term("words", text, 0, _weight(0, total))
        df = _df(library, index, text)
    return _Term(index, text, df, _weight(df, total))


def _size(library: Library) -> int:
    """How many passages there are; the largest id where counting them would take long."""
    largest = library.number("SELECT max(id) FROM passages")
    return library.number("SELECT count(*) FROM passages") if largest <= 50 * SMALL else largest


def _weight(df: int, total: int) -> float:
    return math.log(1 + (max(total, df) - df + 0.5) / (df + 0.5))


def _df(library: Library, index: Index, text: str) -> int:
    """In how many passages `text` stands; what is over POSTINGS is not counted to its end."""
    if index == "text":
        sql = "SELECT 1 FROM passages WHERE instr(text, ?)"
        return library.number(f"SELECT count(*) FROM ({sql} LIMIT ?)", text, POSTINGS + 1)
    table = f"passage_{index}"
    sql = f"SELECT 1 FROM {table} WHERE {table} MATCH ?"
    return library.number(f"SELECT count(*) FROM ({sql} LIMIT ?)", _quoted(text), POSTINGS + 1)


def _quoted(text: str) -> str:
    """A string of the full-text query language: nothing inside is an operator."""
    return '"' + text.replace('"', '""') + '"'


def _worth_scoring(terms: Sequence[_Term], total: int) -> list[_Term]:
    """The known terms, rarest first, without the very common ones; at least one, if one is known."""
    common = max(COMMON_LEAST, COMMON_SHARE * total)
    known = sorted((term for term in terms if term.df), key=lambda term: term.df)
    taken: list[_Term] = []
    postings = 0
    for term in known:
        postings += term.df
        if taken and (postings > POSTINGS or term.df > common):
            break
        taken.append(term)
    return taken


def _scores(
    library: Library, terms: Sequence[_Term], total: int, limit: int, only: Only
) -> Iterator[list[tuple[int, float]]]:
    for index in ("words", "grams"):
        together = [term for term in terms if term.index == index]
        if total <= SMALL:
            for term in together:
                found = _ranked(library, f"passage_{index}", [term], total, only)
                yield [
                    (passage_id, score * term.weight / _weight_in_fts5(term.df, total)) for passage_id, score in found
                ]
        elif together:
            yield _ranked(library, f"passage_{index}", together, limit, only)
    for term in [term for term in terms if term.index == "text"][:MOST_LOOKS]:
        yield [(passage_id, term.weight) for passage_id in _containing(library, term.text, only)]


def _ranked(library: Library, table: str, terms: Sequence[_Term], limit: int, only: Only) -> list[tuple[int, float]]:
    """BM25 of the best passages that hold any of the terms.

    A lone term that stands in too many passages is scored in the newest of them only.
    """
    condition, values = only.condition()
    order, most = ("rank", limit) if terms[0].df <= POSTINGS else (f"{table}.rowid DESC", POSTINGS)
    rows = library.rows(
        f"""SELECT {table}.rowid AS id, {table}.rank AS score FROM {table}
        CROSS JOIN passages ON passages.id = {table}.rowid
        WHERE {table} MATCH ? AND passages.visible{condition} ORDER BY {order} LIMIT ?""",
        " OR ".join(_quoted(term.text) for term in terms),
        *values,
        most,
    )
    return [(row["id"], -row["score"]) for row in rows]


def _weight_in_fts5(df: int, total: int) -> float:
    """As sqlite3Fts5 bm25 weighs: nothing, nearly, for what stands in half of the rows."""
    return max(1e-6, math.log((total - df + 0.5) / (df + 0.5)))


def _containing(library: Library, text: str, only: Only) -> list[int]:
    condition, values = only.condition()
    sql = f"SELECT id FROM passages WHERE instr(text, ?) AND visible{condition} LIMIT ?"
    return [row["id"] for row in library.rows(sql, text, *values, POSTINGS)]
