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

import json
import math
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Literal

from vidlocal.store.database import Library
from vidlocal.store.index.hits import NO_FILTER, SearchFilter
from vidlocal.store.index.tokenizer import UNSPACED, words

Index = Literal["words", "grams", "text"]

# Scoring a passage takes FTS5 one or two microseconds. The words of a query are taken rarest first until together they
# stand in this many passages, so that it takes 10 to 15 ms in a library of any size. At least one word is always taken.
MAX_POSTINGS = 6_000
# Where a search takes few milliseconds otherwise, up to LARGE passages, it can afford nearly all of them.
MAX_POSTINGS_OF_FEW = 15_000

# Commoner words find no passages, but those found count for more that hold them too, for each of so many words 1 to
# 4 ms. What 8,000 are of 1,000,000 passages are 140 of activitynet's 17,505; R@1, R@10 and MRR of videos there, by
# words alone, 400 queries:
#
#     every passage scored by every word             0.093   0.278   0.144
#     140 passages, scored by the rarest words       0.038   0.178   0.070
#     140 passages, 6 commoner words added           0.095   0.255   0.138
#     87 passages, 6 commoner words added            0.093   0.250   0.135
MAX_ADDED = 4

# Dropped, where rarer words are left: words in more than this part of the passages, once they are so many.
COMMON_SHARE = 0.25
MIN_COMMON_DF = 200

# In libraries of more passages than this their number is the largest id, and how common a very common word is is
# learnt from some stretches of them: `the` in 680,000 of 1,000,000 takes 0.5 ms so, and 44 ms counted to its end.
LARGE_LIBRARY = 50_000
SAMPLE_RANGES = 4
SAMPLE_RANGE_IDS = 1_024

# No sentence is longer; looking up a word takes up to a millisecond, reading a pasted megabyte would take seconds.
MAX_TERMS = 32
MAX_QUERY_CHARACTERS = 20_000
MAX_WORD_CHARACTERS = 64

# Each looks through all texts: 0.2 s in a library of a million passages.
MAX_TEXT_SCANS = 4

# Below this a passage shares nothing but filler words with the query.
MIN_COVERAGE = 0.01

# FTS5 gives a word in half of the passages no weight, and in a small library that is any word that matters: there
# each word is scored by itself and weighed by us.
SMALL_LIBRARY = 2_000

_GRAM_CHARACTERS = 3


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a search is bounded by: the passages that scoring may touch, those wanted, and what they are narrowed to."""

    max_postings: int
    limit: int
    search_filter: SearchFilter


@dataclass(frozen=True, slots=True)
class _Term:
    """One thing to look for in one index. `df` is in how many passages it stands, `weight` what that is worth."""

    index: Index
    text: str
    df: int = 0
    weight: float = 0.0


def search(library: Library, query: str, *, limit: int, search_filter: SearchFilter = NO_FILTER) -> dict[int, float]:
    """The passages that share words with `query`: coverage, 0 to 1, by passage id, best first, at most `limit`.

    Any text is a query; nothing in it is an operator. The first 32 distinct words of the first 20,000 characters
    count.
    """
    total = _size(library)
    terms = [_look_up(library, piece, total) for piece in split(query)]
    whole = sum(term.weight for term in terms)
    bounds = _Bounds(MAX_POSTINGS_OF_FEW if total <= LARGE_LIBRARY else MAX_POSTINGS, limit, search_filter)
    taken = _scored_terms(terms, total, bounds.max_postings)
    scores: dict[int, float] = {}
    for found in _scores(library, taken, _added_terms(terms, taken, total), total, bounds):
        for passage_id, score in found.items():
            scores[passage_id] = scores.get(passage_id, 0.0) + score
    least = max(MIN_COVERAGE * whole, min(nlargest(limit, scores.values()), default=0.0))
    best = sorted((-score, passage_id) for passage_id, score in scores.items() if score >= least)
    return {passage_id: min(1.0, -score / whole) for score, passage_id in best[:limit]}


def split(query: str) -> list[tuple[Index, str]]:
    """What to look for: the distinct words of a query, and pieces of what is written without spaces."""
    pieces: dict[tuple[Index, str], None] = {}
    for word in words(query[:MAX_QUERY_CHARACTERS].lower()):
        for piece in _pieces(word[:MAX_WORD_CHARACTERS]):
            pieces[piece] = None
            if len(pieces) == MAX_TERMS:
                return list(pieces)
    return list(pieces)


def _pieces(word: str) -> Iterator[tuple[Index, str]]:
    if not UNSPACED.match(word):
        yield "words", word
    elif len(word) < _GRAM_CHARACTERS:
        yield "text", word
    else:
        yield from (("grams", word[at : at + _GRAM_CHARACTERS]) for at in range(len(word) - _GRAM_CHARACTERS + 1))


def _look_up(library: Library, piece: tuple[Index, str], total: int) -> _Term:
    """The piece with its weight; a word that stands nowhere is tried as a part of others."""
    index, text = piece
    df = _df(library, index, text, total)
    if not df and index == "words":
        index = "grams" if len(text) >= _GRAM_CHARACTERS else "text"
        if index == "text" and text.isascii():
            return _Term("words", text, 0, _weight(0, total))
        df = _df(library, index, text, total)
    return _Term(index, text, df, _weight(df, total))


def _size(library: Library) -> int:
    """How many passages there are; the largest id where counting them would take long."""
    largest = library.number("SELECT max(id) FROM passages")
    return library.number("SELECT count(*) FROM passages") if largest <= LARGE_LIBRARY else largest


def _weight(df: int, total: int) -> float:
    return math.log(1 + (max(total, df) - df + 0.5) / (df + 0.5))


def _df(library: Library, index: Index, text: str, total: int) -> int:
    """In how many passages `text` stands; what is over POSTINGS is not counted to its end where that takes long."""
    if index == "text":
        sql = "SELECT 1 FROM passages WHERE instr(text, ?)"
        return library.number(f"SELECT count(*) FROM ({sql} LIMIT ?)", text, MAX_POSTINGS + 1)
    table = f"passage_{index}"
    sql = f"SELECT 1 FROM {table} WHERE {table} MATCH ?"
    if total <= LARGE_LIBRARY:
        return library.number(f"SELECT count(*) FROM ({sql})", _quoted(text))
    guess = _df_by_sample(library, table, text, total)
    if guess > 2 * MAX_POSTINGS:
        return guess
    return library.number(f"SELECT count(*) FROM ({sql} LIMIT ?)", _quoted(text), max(MAX_POSTINGS + 1, guess))


def _df_by_sample(library: Library, table: str, text: str, total: int) -> int:
    """In how many of `total` passages `text` stands, going by stretches of ids spread evenly over all."""
    starts = [number * total // SAMPLE_RANGES for number in range(SAMPLE_RANGES)]
    found = library.number(
        f"""SELECT sum((SELECT count(*) FROM {table} WHERE {table} MATCH ? AND rowid BETWEEN value + 1 AND value + ?))
        FROM json_each(?)""",
        _quoted(text),
        SAMPLE_RANGE_IDS,
        json.dumps(starts),
    )
    return found * total // (SAMPLE_RANGES * SAMPLE_RANGE_IDS)


def _quoted(text: str) -> str:
    """A string of the full-text query language: nothing inside is an operator."""
    return '"' + text.replace('"', '""') + '"'


def _scored_terms(terms: Sequence[_Term], total: int, max_postings: int) -> list[_Term]:
    """The known terms, rarest first, without the very common ones; at least one, if one is known."""
    common = max(MIN_COMMON_DF, COMMON_SHARE * total)
    known = sorted((term for term in terms if term.df), key=lambda term: term.df)
    taken: list[_Term] = []
    postings = 0
    for term in known:
        postings += term.df
        if taken and (postings > max_postings or term.df > common):
            break
        taken.append(term)
    return taken


def _added_terms(terms: Sequence[_Term], taken: Collection[_Term], total: int) -> list[_Term]:
    """The rarest of those known terms that are too common to be scored themselves."""
    common = max(MIN_COMMON_DF, COMMON_SHARE * total)
    left = [term for term in terms if term not in taken and 0 < term.df <= common]
    return sorted(left, key=lambda term: term.df)[:MAX_ADDED]


def _scores(
    library: Library, taken: Sequence[_Term], added: Sequence[_Term], total: int, bounds: _Bounds
) -> Iterator[dict[int, float]]:
    """What is added to the scores of passages, by their ids."""
    for index in ("words", "grams"):
        table = f"passage_{index}"
        terms = [term for term in taken if term.index == index]
        if total <= SMALL_LIBRARY:
            for term in terms:
                share = term.weight / _weight_in_fts5(term.df, total)
                yield {one: share * score for one, score in _bm25(library, table, [term], bounds).items()}
        elif terms:
            yield from _score_index(library, table, terms, [term for term in added if term.index == index], bounds)
    for term in [term for term in taken if term.index == "text"][:MAX_TEXT_SCANS]:
        yield dict.fromkeys(_containing(library, term.text, bounds.search_filter), term.weight)


def _score_index(
    library: Library, table: str, terms: Sequence[_Term], added: Sequence[_Term], bounds: _Bounds
) -> Iterator[dict[int, float]]:
    """BM25 of the passages that hold any of `terms`, and what each of `added` adds to those of them that hold it."""
    match, left = _any_of(terms), added
    if terms[0].df > bounds.max_postings and added:
        found, match, left = _narrow(library, table, terms[0], added, bounds)
    else:
        found = _bm25(library, table, terms, bounds)
    yield found
    for term in left:
        sql = f"SELECT rowid AS id FROM {table} WHERE {table} MATCH ? ORDER BY rowid DESC LIMIT ?"
        rows = library.rows(sql, f"{match} AND {_any_of([term])}", bounds.max_postings)
        yield dict.fromkeys(found.keys() & {passage_id for (passage_id,) in rows}, term.weight)


def _narrow(
    library: Library, table: str, common: _Term, added: Sequence[_Term], bounds: _Bounds
) -> tuple[dict[int, float], str, list[_Term]]:
    """Passages that hold a very common term with as many of `added` as leave `limit` of them; else the newest with it.

    With their scores: the query for them, and the terms that were not used up.
    """
    match, worth, left = _any_of([common]), common.weight, list(added)
    found: dict[int, float] = {}
    for term in added:
        together = f"{match} AND {_any_of([term])}"
        rows = _matching(library, table, together, bounds.search_filter, newest=bounds.max_postings)
        if len(rows) < bounds.limit:
            newest = found or _bm25(library, table, [common], bounds)
            return {passage_id: worth for (passage_id,) in rows} | newest, match, left
        match, worth = together, worth + term.weight
        found = {passage_id: worth for (passage_id,) in rows}
        left.remove(term)
        if len(rows) < bounds.max_postings:
            break
    return found, match, left


def _bm25(library: Library, table: str, terms: Sequence[_Term], bounds: _Bounds) -> dict[int, float]:
    """BM25 of the passages that hold any of the terms; of the newest only, where they are too many."""
    newest = bounds.max_postings if terms[0].df > bounds.max_postings else None
    rows = _matching(library, table, _any_of(terms), bounds.search_filter, newest=newest, ranked=True)
    return {passage_id: -score for passage_id, score in rows}


def _any_of(terms: Sequence[_Term]) -> str:
    return "(" + " OR ".join(_quoted(term.text) for term in terms) + ")"


def _matching(
    library: Library, table: str, match: str, search_filter: SearchFilter, *, newest: int | None, ranked: bool = False
) -> list[sqlite3.Row]:
    """The passages that match and may be shown: ids and, if `ranked`, scores; the `newest` of them, or all."""
    condition, values = search_filter.condition()
    join = f"CROSS JOIN passages ON passages.id = {table}.rowid AND passages.visible"
    if search_filter == NO_FILTER and library.row("SELECT 1 FROM passages WHERE NOT visible LIMIT 1") is None:
        join = ""
    return library.rows(
        f"""SELECT {table}.rowid AS id{f", {table}.rank AS score" if ranked else ""} FROM {table} {join}
        WHERE {table} MATCH ?{condition} {f"ORDER BY {table}.rowid DESC LIMIT {newest}" if newest else ""}""",
        match,
        *values,
    )


def _weight_in_fts5(df: int, total: int) -> float:
    """As sqlite3Fts5 bm25 weighs: nothing, nearly, for what stands in half of the rows."""
    return max(1e-6, math.log((total - df + 0.5) / (df + 0.5)))


def _containing(library: Library, text: str, search_filter: SearchFilter) -> list[int]:
    condition, values = search_filter.condition()
    sql = f"SELECT id FROM passages WHERE instr(text, ?) AND visible{condition} LIMIT ?"
    return [row["id"] for row in library.rows(sql, text, *values, MAX_POSTINGS)]
