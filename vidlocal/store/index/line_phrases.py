"""Phrases spread over two lines (see `lines`)."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence

from vidlocal.folding import fold
from vidlocal.store.database import Library
from vidlocal.store.index import lines
from vidlocal.store.index.tokenizer import UNSPACED, words

# The newest lines with the rarest word of a phrase whose neighbours are compared: 40 ms for all of them.
MAX_CANDIDATES = 1_000

_START, _END = "\x02", "\x03"


def find(library: Library, phrase: str, *, among: Collection[int] | None = None) -> list[tuple[int, ...]]:
    """Find runs of neighbouring lines with `phrase` over their borders, in any inflection.

    Returns the passage ids of each run, in order. `among`: ids of lines, one of which must be in the run or next to
    it; by default the lines with the rarest word.
    """
    folded = fold(phrase)
    parts = list(words(folded))
    is_unspaced = any(UNSPACED.search(part) for part in parts)
    if len(parts) < 2 and not is_unspaced:
        return []
    if among is None:
        among = _with_half(library, folded) if is_unspaced else _with_rarest_word(library, parts)
    chains = list(lines.chains(library, among))
    spans = _unspaced_spans(chains, folded) if is_unspaced else _spans(chains, parts)
    runs = {
        tuple(row["id"] for row in chains[number][first : last + 1]): None
        for number, first, last in spans
        if last > first
    }
    return list(runs)


def _with_rarest_word(library: Library, parts: Sequence[str]) -> list[int]:
    sql = "SELECT rowid AS id FROM passage_words WHERE passage_words MATCH ? ORDER BY rowid DESC LIMIT ?"
    counts = {
        word: library.number(f"SELECT count(*) FROM ({sql})", f'"{word}"', MAX_CANDIDATES + 1)
        for word in dict.fromkeys(parts)
    }
    rarest = min(counts, key=lambda word: counts[word])
    return [row["id"] for row in library.rows(sql, f'"{rarest}"', MAX_CANDIDATES)]


def _with_half(library: Library, folded: str) -> list[int]:
    """Return the newest lines with the first or the second half of a phrase: a cut leaves one half whole."""
    middle = (len(folded) + 1) // 2
    rows = library.rows(
        f"""SELECT id FROM passages WHERE visible AND kind IN ({lines.KINDS_SQL})
          AND (instr(lower(coalesce(folded, text)), ?) OR instr(lower(coalesce(folded, text)), ?))
        ORDER BY id DESC LIMIT ?""",
        folded[:middle].strip(),
        folded[middle:].strip() or folded,
        MAX_CANDIDATES,
    )
    return [row["id"] for row in rows]


def _spans(chains: Sequence[Sequence[sqlite3.Row]], parts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield chain number, first and last line of each match, by the tokenizer of the text index."""
    with lines.joined_index(chains) as scratch:
        query = '"' + " ".join(parts) + '"'
        sql = "SELECT rowid, highlight(joined, 0, ?, ?) FROM joined WHERE joined MATCH ?"
        for number, text in scratch.execute(sql, (_START, _END, query)):
            before, *matches = text.split(_START)
            line = before.count("\n")
            for match in matches:
                inside, _, after = match.partition(_END)
                yield number, line, line + inside.count("\n")
                line += inside.count("\n") + after.count("\n")


def _unspaced_spans(chains: Sequence[Sequence[sqlite3.Row]], folded: str) -> Iterator[tuple[int, int, int]]:
    """Yield chain number, first and last line of the first match in each chain, without spaces."""
    phrase = "".join(folded.split())
    for number, chain in enumerate(chains):
        texts = ["".join(row["text"].split()) for row in chain]
        position = "".join(texts).find(phrase)
        if position >= 0:
            owners = [line for line, text in enumerate(texts) for _ in text]
            yield number, owners[position], owners[position + len(phrase) - 1]
