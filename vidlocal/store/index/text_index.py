"""Full-text search over passages with normalized BM25 scores.

Indexes and query are folded (`vidlocal.folding`). Each word of the query is looked up in one of:

- `passage_words`: stemmed words (the usual case);
- `passage_grams`: trigrams, for scripts without spaces and for words only found within other words (`photosh`, a Korean
  noun with its particle);
- a scan of the text, for one or two characters of a script without spaces, too short for a trigram.

The score (coverage) is BM25 (k1 1.2, b 0.75, as computed by FTS5) divided by the sum of the weights of the query words:
1.0 for all words in a passage of average length, 0.5 for half of the weight. A rare word weighs more: ln(1 + (n - df +
0.5) / (df + 0.5)) for df of n passages. Unlike raw BM25, coverage is comparable across queries: a query whose best
passage contains one of ten words scores low.
"""

import json
import math
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Literal

from vidlocal.folding import fold
from vidlocal.store.database import Library
from vidlocal.store.index import lines
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter
from vidlocal.store.index.stop_words import of_library
from vidlocal.store.index.tokenizer import UNSPACED, words

Index = Literal["words", "grams", "text"]

# FTS5 scores a passage in 1 to 2 microseconds. Words are scored rarest first while their posting lists add up to this
# many passages: 10 to 15 ms in a library of any size. At least one word is scored.
MAX_POSTINGS = 6_000
# Up to LARGE_LIBRARY passages the rest of a search takes few milliseconds, so that nearly all words can be scored.
MAX_POSTINGS_OF_FEW = 15_000

# Common words do not add candidates; up to this many of them raise the score of candidates that contain them (1-4 ms
# each). 140 of the 17,505 passages of activitynet correspond to 8,000 of 1,000,000. R@1, R@10 and MRR of videos there,
# with word search alone, 400 queries:
#
#     every passage scored by every word             0.093   0.278   0.144
#     140 passages, scored by the rarest words       0.038   0.178   0.070
#     140 passages, 6 commoner words added           0.095   0.255   0.138
#     87 passages, 6 commoner words added            0.093   0.250   0.135
MAX_ADDED = 4

# Words in more than this share of the passages, and in at least this many, are dropped if the query has rarer ones.
COMMON_SHARE = 0.25
MIN_COMMON_DF = 200

# In libraries with more passages, their number is estimated by the largest id, and the document frequency of very
# common words by samples of id ranges: 0.5 ms for `the` in 680,000 of 1,000,000 passages, 44 ms for a full count.
LARGE_LIBRARY = 50_000
SAMPLE_RANGES = 4
SAMPLE_RANGE_IDS = 1_024

# The IDF of FTS5 reaches 0 at half of the passages, and document frequencies of large libraries are estimates.
_NO_IDF_SHARE = 0.4

# Longer than any sentence. A look-up takes up to 1 ms; a pasted megabyte would take seconds to tokenize.
MAX_TERMS = 32
MAX_QUERY_CHARACTERS = 20_000
MAX_WORD_CHARACTERS = 64

# Each scans all texts: 0.2 s in a library of a million passages.
MAX_TEXT_SCANS = 4

# The words of a query may be spread over neighbouring lines (see `lines`). NEIGHBOUR_WEIGHT of the coverages of the
# lines around is added to that of a line, and the sum is averaged with the coverage of all of them joined. tutorialvqa,
# 413 queries, MRR of videos and of moments with an overlap of 0.3 and 0.5: by words 60.2, 30.8, 19.0 with a weight of
# 0.2 and no joined coverage; 60.4, 34.2, 22.8 so; with vectors 64.7, 42.1, 29.8 and 65.8, 43.9, 32.8.
NEIGHBOUR_WEIGHT = 0.4
JOINED_WEIGHT = 0.5

# Passages below share only very common words with the query.
MIN_COVERAGE = 0.01

# FTS5 gives no weight to a word in half of the passages, which in a small library may be any relevant word. Up to this
# many passages, each word is scored alone and weighted by `_weight`.
SMALL_LIBRARY = 2_000

_GRAM_CHARACTERS = 3


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Limits of a search: passages to score, results, and the filter."""

    max_postings: int
    limit: int
    search_filter: SearchFilter


@dataclass(frozen=True, slots=True)
class _Term:
    """A term in an index, with document frequency and weight."""

    index: Index
    text: str
    df: int = 0
    weight: float = 0.0


def search(library: Library, query: str, *, limit: int, search_filter: SearchFilter = NO_FILTER) -> dict[int, float]:
    """Find the `limit` best passages with words of `query`: coverage (0 to 1) by passage id, best first.

    Any text is a valid query without operators. Uses the first 32 distinct words of the first 20,000 characters. Stop
    words do not count. A filter may leave only passages with the words within other words: `web` in "Website" with
    `lang:de`.
    """
    total = _size(library)
    stop_words = of_library(library)
    terms = [_look_up(library, piece, total) for piece in split(query) if piece[1] not in stop_words]
    bounds = _Bounds(MAX_POSTINGS_OF_FEW if total <= LARGE_LIBRARY else MAX_POSTINGS, limit, search_filter)
    coverages = _search_terms(library, terms, total, bounds)
    if coverages or search_filter == NO_FILTER:
        return coverages
    return _search_terms(library, [_within_words(library, term, total) for term in terms], total, bounds)


def _search_terms(library: Library, terms: Sequence[_Term], total: int, bounds: _Bounds) -> dict[int, float]:
    """Find the best passages with any of the terms: coverage by passage id, best first."""
    limit = bounds.limit
    whole = sum(term.weight for term in terms)
    scored = _scored_terms(terms, total, bounds.max_postings)
    scores: dict[int, float] = {}
    for partial_scores in _scores(library, scored, _added_terms(terms, scored, total), total, bounds):
        for passage_id, score in partial_scores.items():
            scores[passage_id] = scores.get(passage_id, 0.0) + score
    min_score = max(MIN_COVERAGE * whole, min(nlargest(limit, scores.values()), default=0.0))
    best = sorted((-score, passage_id) for passage_id, score in scores.items() if score >= min_score)
    return _in_context(library, {passage_id: min(1.0, -score / whole) for score, passage_id in best[:limit]}, terms)


def _in_context(library: Library, coverages: dict[int, float], terms: Sequence[_Term]) -> dict[int, float]:
    """Mix the coverage of each line with that of its neighbours, and sort again; other passages stay."""
    chains = list(lines.chains(library, coverages))
    if not chains:
        return coverages
    mixed = dict(coverages)
    for chain, joined in zip(chains, _joined_coverages(chains, terms), strict=True):
        line = chain[0]["centre"]
        around = sum(coverages.get(row["id"], 0.0) for row in chain if row["id"] != line)
        raised = min(1.0, coverages[line] + NEIGHBOUR_WEIGHT * around)
        mixed[line] = (1 - JOINED_WEIGHT) * raised + JOINED_WEIGHT * joined
    return dict(sorted(mixed.items(), key=lambda pair: -pair[1]))


def _joined_coverages(chains: Sequence[Sequence[sqlite3.Row]], terms: Sequence[_Term]) -> list[float]:
    """Compute the share of the weights of the terms in the joined lines of each chain, 0 to 1."""
    weights = [0.0] * len(chains)
    whole = sum(term.weight for term in terms)
    with lines.joined_index(chains) as scratch:
        for term in terms:
            if term.index == "words":
                sql = "SELECT rowid FROM joined WHERE joined MATCH ?"
                containing = [number for (number,) in scratch.execute(sql, (_quoted(term.text),))]
            else:
                texts = ("".join(row["text"] for row in chain) for chain in chains)
                containing = [number for number, text in enumerate(texts) if term.text in text]
            for number in containing:
                weights[number] += term.weight
    return [weight / whole for weight in weights]


def content_words(library: Library, query: str) -> list[str]:
    """Return the distinct folded words of a query, without stop words."""
    stop_words = of_library(library)
    return [word for word in dict.fromkeys(words(fold(query[:MAX_QUERY_CHARACTERS]))) if word not in stop_words]


def has_only_stop_words(library: Library, query: str) -> bool:
    """True if a query has words, but only stop words of English and of the library's languages."""
    pieces = split(query)
    return bool(pieces) and {text for _, text in pieces} <= of_library(library)


def split(query: str) -> list[tuple[Index, str]]:
    """Split a query into distinct terms: words, and trigrams or characters of scripts without spaces."""
    pieces: dict[tuple[Index, str], None] = {}
    for word in words(fold(query[:MAX_QUERY_CHARACTERS])):
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
        grams = (word[start : start + _GRAM_CHARACTERS] for start in range(len(word) - _GRAM_CHARACTERS + 1))
        yield from (("grams", gram) for gram in grams)


def _look_up(library: Library, piece: tuple[Index, str], total: int) -> _Term:
    """Look up the document frequency of a term. A word in no passage is looked up within other words."""
    index, text = piece
    df = _df(library, index, text, total)
    if not df and index == "words":
        index = "grams" if len(text) >= _GRAM_CHARACTERS else "text"
        if index == "text" and text.isascii():
            return _Term("words", text, 0, _weight(0, total))
        df = _df(library, index, text, total)
    return _Term(index, text, df, _weight(df, total))


def _within_words(library: Library, term: _Term, total: int) -> _Term:
    """Return a word as a term to be found within other words, if it is long enough."""
    if term.index != "words" or len(term.text) < _GRAM_CHARACTERS:
        return term
    df = _df(library, "grams", term.text, total)
    return _Term("grams", term.text, df, _weight(df, total))


def _size(library: Library) -> int:
    """Return the number of passages, in a large library the largest id."""
    largest = library.number("SELECT max(id) FROM passages")
    return library.number("SELECT count(*) FROM passages") if largest <= LARGE_LIBRARY else largest


def _weight(df: int, total: int) -> float:
    return math.log(1 + (max(total, df) - df + 0.5) / (df + 0.5))


def _df(library: Library, index: Index, text: str, total: int) -> int:
    """Count the passages with a term; above MAX_POSTINGS an estimate in a large library."""
    if index == "text":
        sql = "SELECT 1 FROM passages WHERE instr(coalesce(folded, text), ?)"
        return library.number(f"SELECT count(*) FROM ({sql} LIMIT ?)", text, MAX_POSTINGS + 1)
    table = f"passage_{index}"
    sql = f"SELECT 1 FROM {table} WHERE {table} MATCH ?"
    if total <= LARGE_LIBRARY:
        return library.number(f"SELECT count(*) FROM ({sql})", _quoted(text))
    estimate = _df_by_sample(library, table, text, total)
    if estimate > 2 * MAX_POSTINGS:
        return estimate
    return library.number(f"SELECT count(*) FROM ({sql} LIMIT ?)", _quoted(text), max(MAX_POSTINGS + 1, estimate))


def _df_by_sample(library: Library, table: str, text: str, total: int) -> int:
    """Estimate the document frequency of a term from evenly spaced id ranges."""
    starts = [number * total // SAMPLE_RANGES for number in range(SAMPLE_RANGES)]
    count = library.number(
        f"""SELECT sum((SELECT count(*) FROM {table} WHERE {table} MATCH ? AND rowid BETWEEN value + 1 AND value + ?))
        FROM json_each(?)""",
        _quoted(text),
        SAMPLE_RANGE_IDS,
        json.dumps(starts),
    )
    return count * total // (SAMPLE_RANGES * SAMPLE_RANGE_IDS)


def _quoted(text: str) -> str:
    """Quote a string for the FTS5 query language, to contain no operators."""
    return '"' + text.replace('"', '""') + '"'


def _scored_terms(terms: Sequence[_Term], total: int, max_postings: int) -> list[_Term]:
    """Select the terms to score: indexed, rarest first, without very common terms; at least one, if any is indexed."""
    common = max(MIN_COMMON_DF, COMMON_SHARE * total)
    indexed = sorted((term for term in terms if term.df), key=lambda term: term.df)
    scored: list[_Term] = []
    postings = 0
    for term in indexed:
        postings += term.df
        if scored and (postings > max_postings or term.df > common):
            break
        scored.append(term)
    return scored


def _added_terms(terms: Sequence[_Term], scored: Collection[_Term], total: int) -> list[_Term]:
    """Select the rarest of the terms too common to be scored."""
    common = max(MIN_COMMON_DF, COMMON_SHARE * total)
    remaining = [term for term in terms if term not in scored and 0 < term.df <= common]
    return sorted(remaining, key=lambda term: term.df)[:MAX_ADDED]


def _scores(
    library: Library, scored: Sequence[_Term], added: Sequence[_Term], total: int, bounds: _Bounds
) -> Iterator[dict[int, float]]:
    """Yield the parts of the scores by passage id, to be summed."""
    for index in ("words", "grams"):
        table = f"passage_{index}"
        terms = [term for term in scored if term.index == index]
        if total <= SMALL_LIBRARY:
            for term in terms:
                share = term.weight / _weight_in_fts5(term.df, total)
                ranked = _bm25(library, table, [term], bounds)
                yield {passage_id: share * score for passage_id, score in ranked.items()}
        elif terms:
            added_here = [term for term in added if term.index == index]
            parts = _score_index(library, table, terms, added_here, bounds)
            yield from _rescaled(parts, terms[0]) if terms[0].df > _NO_IDF_SHARE * total else parts
    for term in [term for term in scored if term.index == "text"][:MAX_TEXT_SCANS]:
        yield dict.fromkeys(_containing(library, term.text, bounds.search_filter), term.weight)


def _rescaled(parts: Iterator[dict[int, float]], term: _Term) -> Iterator[dict[int, float]]:
    """Scale the scores of a term in about half of the passages or more, almost ignored by FTS5."""
    for part in parts:
        best = max(part.values(), default=0.0)
        yield {passage_id: score * term.weight / best for passage_id, score in part.items()} if best > 0 else part


def _score_index(
    library: Library, table: str, terms: Sequence[_Term], added: Sequence[_Term], bounds: _Bounds
) -> Iterator[dict[int, float]]:
    """Yield the BM25 scores of the passages with any of `terms`, then the additions by each of `added`."""
    match, remaining = _any_of(terms), added
    if terms[0].df > bounds.max_postings and added:
        candidates, match, remaining = _narrow(library, table, terms[0], added, bounds)
    else:
        candidates = _bm25(library, table, terms, bounds)
    yield candidates
    for term in remaining:
        sql = f"SELECT rowid AS id FROM {table} WHERE {table} MATCH ? ORDER BY rowid DESC LIMIT ?"
        rows = library.rows(sql, f"{match} AND {_any_of([term])}", bounds.max_postings)
        yield dict.fromkeys(candidates.keys() & {passage_id for (passage_id,) in rows}, term.weight)


def _narrow(
    library: Library, table: str, common: _Term, added: Sequence[_Term], bounds: _Bounds
) -> tuple[dict[int, float], str, list[_Term]]:
    """AND a very common term with further terms while at least `limit` passages remain; else use the newest matches.

    Returns the scores of the passages, their query, and the unused terms.
    """
    match, weight, remaining = _any_of([common]), common.weight, list(added)
    scores: dict[int, float] = {}
    for term in added:
        narrower = f"{match} AND {_any_of([term])}"
        rows = _matching(library, table, narrower, bounds.search_filter, newest=bounds.max_postings)
        if len(rows) < bounds.limit:
            newest = scores or _bm25(library, table, [common], bounds)
            return {passage_id: weight for (passage_id,) in rows} | newest, match, remaining
        match, weight = narrower, weight + term.weight
        scores = {passage_id: weight for (passage_id,) in rows}
        remaining.remove(term)
        if len(rows) < bounds.max_postings:
            break
    return scores, match, remaining


def _bm25(library: Library, table: str, terms: Sequence[_Term], bounds: _Bounds) -> dict[int, float]:
    """Compute BM25 of the passages with any of the terms; if too many, of the newest only."""
    newest = bounds.max_postings if terms[0].df > bounds.max_postings else None
    rows = _matching(library, table, _any_of(terms), bounds.search_filter, newest=newest, ranked=True)
    return {passage_id: -score for passage_id, score in rows}


def _any_of(terms: Sequence[_Term]) -> str:
    return "(" + " OR ".join(_quoted(term.text) for term in terms) + ")"


def _matching(
    library: Library, table: str, match: str, search_filter: SearchFilter, *, newest: int | None, ranked: bool = False
) -> list[sqlite3.Row]:
    """Select visible matches of a query and a filter: ids and, if `ranked`, scores; all, or the `newest`."""
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
    """Return the IDF of FTS5's bm25: almost 0 for a term in half of the rows."""
    return max(1e-6, math.log((total - df + 0.5) / (df + 0.5)))


def _containing(library: Library, text: str, search_filter: SearchFilter) -> list[int]:
    condition, values = search_filter.condition()
    sql = f"SELECT id FROM passages WHERE instr(coalesce(folded, text), ?) AND visible{condition} LIMIT ?"
    return [row["id"] for row in library.rows(sql, text, *values, MAX_POSTINGS)]
