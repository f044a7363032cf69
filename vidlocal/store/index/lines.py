"""Lines: passages with little meaning of their own; they are read with their neighbours of the same kind."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby

from vidlocal.moments import MERGE_GAP_S
from vidlocal.store.database import Library
from vidlocal.store.index.tokenizer import FTS5_TOKENIZER

# Speech, subtitles and text on screen come in lines; captions stand alone. For SQL.
KINDS_SQL = "'speech', 'translation', 'subtitle', 'screen_text'"

# Lines before and after a line that count for it.
REACH = 2

# Lines of a window (`content.windows`), and the largest distance of their ids.
MAX_WINDOW_LINES = 32
MAX_WINDOW_IDS = REACH * MAX_WINDOW_LINES


def chains(library: Library, centres: Collection[int]) -> Iterator[list[sqlite3.Row]]:
    """Yield for each line of `centres` the surrounding lines without a gap in time, in order.

    Columns: centre, id, start, end, text as in the text index. Lines further apart than MERGE_GAP_S are no neighbours.
    """
    # With + the lines are found by their ids; by the index of videos all lines of the video would be read for each.
    rows = library.rows(
        f"""SELECT passages.id AS centre, near.id AS id, near.start AS start, near."end" AS "end",
          lower(coalesce(near.folded, near.text)) AS text
        FROM json_each(?) AS candidates
        CROSS JOIN passages ON passages.id = candidates.value AND passages.kind IN ({KINDS_SQL})
        CROSS JOIN passages AS near ON near.id BETWEEN passages.id - {REACH} AND passages.id + {REACH}
          AND +near.video_id = passages.video_id AND near.kind = passages.kind AND near.visible
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


@contextmanager
def joined_index(joined: Sequence[Sequence[sqlite3.Row]]) -> Iterator[sqlite3.Connection]:
    """Index the joined texts of chains in memory, as the text index would: table `joined`, rowid by position.

    Lines end with a line break, and contain none.
    """
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(f'CREATE VIRTUAL TABLE joined USING fts5(text, tokenize="{FTS5_TOKENIZER}")')
        scratch.executemany(
            "INSERT INTO joined (rowid, text) VALUES (?, ?)",
            (
                (number, "\n".join(" ".join(row["text"].split()) for row in chain))
                for number, chain in enumerate(joined)
            ),
        )
        yield scratch
