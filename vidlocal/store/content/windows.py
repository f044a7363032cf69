"""Windows: neighbouring lines (see `index.lines`) embedded together, beside the vectors of the lines."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING

from vidlocal.moments import MAX_MOMENT_S
from vidlocal.store.database import Library
from vidlocal.store.index import lines
from vidlocal.store.index.tokenizer import UNSPACED

if TYPE_CHECKING:
    from vidlocal.store.values import Vectors

# Words of a window, and from the start of one to the start of the next.
WORDS = 60
STRIDE_WORDS = 30

# First and last passage id.
Window = tuple[int, int]


def outstanding(library: Library, video_id: int, model_key: str, *, limit: int) -> list[tuple[Window, str]]:
    """List at most `limit` windows of a video without a vector of this model, with their texts.

    Deletes the vectors of windows that other lines have replaced.
    """
    rows = library.rows(
        f"""SELECT id, kind, start, "end", text FROM passages
        WHERE video_id = ? AND kind IN ({lines.KINDS_SQL}) AND visible ORDER BY kind, id""",
        video_id,
    )
    texts = {(part[0]["id"], part[-1]["id"]): part for run in _runs(rows) for part in split(run)}
    stored = library.rows(
        """SELECT windows.id AS id, passage_id, last_id FROM windows JOIN passages ON passages.id = passage_id
        WHERE video_id = ? AND windows.model = ?""",
        video_id,
        model_key,
    )
    stored_windows = {(row["passage_id"], row["last_id"]): row["id"] for row in stored}
    outdated = [(row_id,) for window, row_id in stored_windows.items() if window not in texts]
    if outdated:
        with library.writing() as connection:
            connection.executemany("DELETE FROM windows WHERE id = ?", outdated)
    missing = [window for window in texts if window not in stored_windows]
    return [(window, " ".join(row["text"] for row in texts[window])) for window in missing[:limit]]


def store_vectors(library: Library, model_key: str, windows: Sequence[Window], vectors: "Vectors") -> None:
    """Store the vectors of windows: float32, n x d, unit rows, in this order. Skips windows with deleted lines."""
    with library.writing() as connection:
        for (first, last), vector in zip(windows, vectors, strict=True):
            connection.execute(
                """INSERT INTO windows (passage_id, last_id, model, vector) SELECT ?1, ?2, ?3, ?4
                WHERE (SELECT count(*) FROM passages WHERE id IN (?1, ?2)) = 2
                ON CONFLICT (passage_id, last_id, model) DO UPDATE SET vector = excluded.vector""",
                (first, last, model_key, vector.astype("<f4").tobytes()),
            )


def split(run: Sequence[sqlite3.Row]) -> Iterator[Sequence[sqlite3.Row]]:
    """Split neighbouring lines into overlapping windows of WORDS words or slightly more, the last window shorter.

    A window has two to `lines.MAX_WINDOW_LINES` lines.
    """
    sizes = [_word_count(row["text"]) for row in run]
    first = 0
    while first < len(run):
        last = _last_within(sizes, first, WORDS)
        if last > first:
            yield run[first : last + 1]
        if last == len(run) - 1:
            return
        first = _last_within(sizes, first, STRIDE_WORDS) + 1


def _last_within(sizes: Sequence[int], first: int, words: int) -> int:
    """Return the index of the line with word number `words`, counted from the line `first` on."""
    end = min(len(sizes), first + lines.MAX_WINDOW_LINES)
    totals = accumulate(sizes[first:end])
    return next((number for number, total in enumerate(totals, first) if total >= words), end - 1)


def _runs(rows: Sequence[sqlite3.Row]) -> Iterator[Sequence[sqlite3.Row]]:
    """Split lines of a video, by kind and id, at gaps between neighbours."""
    for _, of_kind in groupby(rows, key=lambda row: row["kind"]):
        same = list(of_kind)
        cuts = [number for number, pair in enumerate(pairwise(same), 1) if not _are_neighbours(*pair)]
        for first, last in pairwise([0, *cuts, len(same)]):
            yield same[first:last]


def _are_neighbours(line: sqlite3.Row, following: sqlite3.Row) -> bool:
    is_near = following["id"] - line["id"] <= lines.REACH
    return bool(is_near and line["start"] <= following["start"] <= line["end"] + MAX_MOMENT_S)


def _word_count(text: str) -> int:
    """Count words; two characters of a script without spaces count as a word."""
    return len(text) // 2 + 1 if UNSPACED.search(text) else len(text.split())
