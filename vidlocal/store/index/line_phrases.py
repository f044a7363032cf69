"""Phrases that begin in one line and end in another (see `lines`)."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from itertools import groupby

from vidlocal.folding import fold
from vidlocal.moments import MERGE_GAP_S
from vidlocal.store.database import Library
from vidlocal.store.index import lines
from vidlocal.store.index.tokenizer import FTS5_TOKENIZER, UNSPACED, words

# The newest lines with the rarest word of a phrase whose neighbours are compared: 40 ms for all of them.
MAX_CANDIDATES = 1_000

_START, _END = "\x02", "\x03"


def find(library: Library, phrase: str, *, among: Collection[int] | None = None) -> list[tuple[int, ...]]:
    """Find runs of neighbouring lines whose joined text contains `phrase`, in any inflection, over their borders.

    Returns the passage ids of each run, in order. `among`: ids of lines, one of which must be in the run or next to
    it; by default the lines with the rarest word. Lines further apart than MERGE_GAP_S are no neighbours.
    """
    folded = fold(phrase)
    parts = list(words(folded))
    is_unspaced = any(UNSPACED.search(part) for part in parts)
    if len(parts) < 2 and not is_unspaced:
        return []
    if among is None:
        among = _with_half(library, folded) if is_unspaced else _with_rarest_word(library, parts)
    chains = list(_chains(library, among))
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
    """Return the newest lines with the first or the second half of a phrase: a single cut leaves one of them whole."""
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


def _chains(library: Library, centres: Collection[int]) -> Iterator[list[sqlite3.Row]]:
    """Yield for each line of `centres` the lines around it without a gap in time, in order."""
    rows = library.rows(
        f"""SELECT passages.id AS centre, near.id AS id, near.start AS start, near."end" AS "end",
          lower(coalesce(near.folded, near.text)) AS text
        FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value AND passages.kind IN ({lines.KINDS_SQL})
        CROSS JOIN passages AS near ON near.id BETWEEN passages.id - {lines.REACH} AND passages.id + {lines.REACH}
          AND near.video_id = passages.video_id AND near.kind = passages.kind AND near.visible
        ORDER BY passages.id, near.id""",
        json.dumps(sorted(centres)),
    )
    for centre, around in groupby(rows, key=lambda row: row["centre"]):
        chain: list[sqlite3.Row] = []
        for row in around:
            if chain and not chain[-1]["start"] <= row["start"] <= chain[-1]["end"] + MERGE_GAP_S:
                if chain[-1]["id"] >= centre:
                    break
                chain = []
            chain.append(row)
        yield chain


def _spans(chains: Sequence[Sequence[sqlite3.Row]], parts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield chain number, first and last line of each match, by the tokenizer of the text index."""
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(f'CREATE VIRTUAL TABLE joined USING fts5(text, tokenize="{FTS5_TOKENIZER}")')
        scratch.executemany(
            "INSERT INTO joined (rowid, text) VALUES (?, ?)",
            (
                (number, "\n".join(" ".join(row["text"].split()) for row in chain))
                for number, chain in enumerate(chains)
            ),
        )
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
