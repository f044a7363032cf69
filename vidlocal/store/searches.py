"""What was searched for: frames near it are described first, later."""

from vidlocal.store.database import Library
from vidlocal.store.jobs import now_utc
from vidlocal.store.passages import storable

# Nobody waits for a note about a search that is already answered.
_BUSY_TIMEOUT_MS = 200
_LONGEST_QUERY = 1000


def add(library: Library, query: str, hits: int) -> None:
    """Note a search and how many passages it found. Raises StoreError where another process is writing.

    The connection does not wait long for others from then on: it is the last thing a search does."""
    library.connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO searches (query, hits, at) VALUES (?, ?, ?)",
            (storable(query[:_LONGEST_QUERY]), hits, now_utc()),
        )
