"""History of searches, for the order of the queue, and a cache of query vectors."""

import json
from array import array
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vidlocal.store.database import Library
from vidlocal.store.values import now_utc, storable

# A search with fewer moments found too little.
FEW_MOMENTS = 3

# A search is answered before its record is written: do not wait longer for another writer.
_BUSY_TIMEOUT_MS = 200
_MAX_QUERY_CHARACTERS = 1000
_MAX_STORED = 1000
_MAX_RECENT = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A time range of a video, in seconds."""

    video_id: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PastSearch:
    """A past search with moments. `found_little`: fewer than FEW_MOMENTS."""

    query: str
    spans: tuple[Span, ...]
    found_little: bool


def add(library: Library, query: str, hits: int, spans: Sequence[Span] = ()) -> None:
    """Record the query, number of hits and moments of a search. The last 1,000 searches are kept.

    Raises StoreError if another process is writing for more than 200 ms.
    """
    moments = [[span.video_id, round(span.start, 1), round(span.end, 1)] for span in spans]
    with _short_timeout(library), library.writing() as connection:
        row = connection.execute(
            "INSERT INTO searches (query, hits, found, at) VALUES (?, ?, ?, ?) RETURNING id",
            (storable(query[:_MAX_QUERY_CHARACTERS]), hits, json.dumps(moments, separators=(",", ":")), now_utc()),
        ).fetchone()
        connection.execute("DELETE FROM searches WHERE id <= ?", (row["id"] - _MAX_STORED,))


def store_vector(library: Library, key: str, query: str, vector: Sequence[float]) -> None:
    """Cache the vector of a query by the image model `key`. The last 1,000 vectors are kept.

    Raises StoreError if another process is writing for more than 200 ms.
    """
    with _short_timeout(library), library.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO query_vectors (model, query, vector) VALUES (?, ?, ?)",
            (key, storable(query), array("f", vector).tobytes()),
        )
        connection.execute(
            "DELETE FROM query_vectors WHERE id <= (SELECT max(id) FROM query_vectors) - ?",
            (_MAX_STORED,),
        )


def stored_vector(library: Library, keys: Collection[str], query: str) -> tuple[str, tuple[float, ...]] | None:
    """Return model key and cached vector of a query by any of these models."""
    row = library.row(
        "SELECT model, vector FROM query_vectors WHERE query = ? AND model IN (SELECT value FROM json_each(?))",
        storable(query),
        json.dumps(list(keys)),
    )
    if row is None or not isinstance(row["vector"], bytes) or len(row["vector"]) % 4:
        return None
    return str(row["model"]), tuple(array("f", row["vector"]))


def recent(library: Library) -> list[PastSearch]:
    """List the last 200 searches with moments, newest first. Of equal queries only the newest counts."""
    rows = library.rows(
        """SELECT query, hits, found FROM searches
        WHERE id IN (SELECT max(id) FROM searches GROUP BY lower(query)) AND found <> '[]' ORDER BY id DESC LIMIT ?""",
        _MAX_RECENT,
    )
    return [_past_search(row["query"], row["hits"], row["found"]) for row in rows]


@contextmanager
def _short_timeout(library: Library) -> Iterator[None]:
    """Reduce the busy timeout of the connection within the block."""
    (timeout_ms,) = library.connection.execute("PRAGMA busy_timeout").fetchone()
    library.connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    try:
        yield
    finally:
        library.connection.execute(f"PRAGMA busy_timeout = {timeout_ms}")


def _past_search(query: str, hits: int, moments: str) -> PastSearch:
    spans = tuple(Span(int(video), float(start), float(end)) for video, start, end in json.loads(moments))
    return PastSearch(query, spans, found_little=hits == 0 or len(spans) < FEW_MOMENTS)
