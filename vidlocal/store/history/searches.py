"""What was searched for: frames near it are described first, later, and what its words look like is remembered."""

import json
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vidlocal.store.database import Library
from vidlocal.store.values import now_utc, storable

# A search with fewer moments than this left its asker wanting.
LITTLE = 3

# Nobody waits for a note about a search that is already answered.
_BUSY_TIMEOUT_MS = 200
_LONGEST_QUERY = 1000
_KEPT = 1000
_REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a video, in seconds of it."""

    video_id: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Wish:
    """A past search: where its moments were. `found_little`: it has fewer of them than anyone hopes for."""

    query: str
    spans: tuple[Span, ...]
    found_little: bool


def add(library: Library, query: str, hits: int, spans: Sequence[Span] = ()) -> None:
    """Note a search, how many passages it found and where. Raises StoreError where another process is writing.

    The last thousand are kept. The connection does not wait long for others from then on: it is the last thing a
    search does.
    """
    library.connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    found = [[span.video_id, round(span.start, 1), round(span.end, 1)] for span in spans]
    with library.writing() as connection:
        row = connection.execute(
            "INSERT INTO searches (query, hits, found, at) VALUES (?, ?, ?, ?) RETURNING id",
            (storable(query[:_LONGEST_QUERY]), hits, json.dumps(found, separators=(",", ":")), now_utc()),
        ).fetchone()
        connection.execute("DELETE FROM searches WHERE id <= ?", (row["id"] - _KEPT,))


def remember_vector(library: Library, key: str, query: str, vector: Sequence[float]) -> None:
    """Keep what a model of pictures makes of a query. As `add`: the last thousand, and nobody waits for it."""
    library.connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    with library.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO query_vectors (model, query, vector) VALUES (?, ?, ?)",
            (key, storable(query), array("f", vector).tobytes()),
        )
        connection.execute(
            "DELETE FROM query_vectors WHERE id <= (SELECT max(id) FROM query_vectors) - ?",
            (_KEPT,),
        )


def remembered_vector(library: Library, keys: Collection[str], query: str) -> tuple[str, tuple[float, ...]] | None:
    """The model key and the vector of a query that one of these models was asked about before."""
    row = library.row(
        "SELECT model, vector FROM query_vectors WHERE query = ? AND model IN (SELECT value FROM json_each(?))",
        storable(query),
        json.dumps(list(keys)),
    )
    if row is None or not isinstance(row["vector"], bytes) or len(row["vector"]) % 4:
        return None
    return str(row["model"]), tuple(array("f", row["vector"]))


def wishes(library: Library) -> list[Wish]:
    """The last searches that say anything about frames, the newest first; of equal queries the newest."""
    rows = library.rows(
        """SELECT query, hits, found FROM searches
        WHERE id IN (SELECT max(id) FROM searches GROUP BY lower(query)) AND found <> '[]' ORDER BY id DESC LIMIT ?""",
        _REMEMBERED,
    )
    return [_wish(row["query"], row["hits"], row["found"]) for row in rows]


def _wish(query: str, hits: int, found: str) -> Wish:
    spans = tuple(Span(int(video), float(start), float(end)) for video, start, end in json.loads(found))
    return Wish(query, spans, found_little=hits == 0 or len(spans) < LITTLE)
