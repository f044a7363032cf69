"""Cache of the answers of the vision model about frames reranked by a search."""

from vidlocal.store.database import Library
from vidlocal.store.values import now_utc, storable


def get(library: Library, frame_id: int, digest: str, version: str, question: str) -> tuple[bool, str] | None:
    """Return (relevant, description) as answered by this model build and prompt version for this question."""
    row = library.row(
        "SELECT shows, what FROM looks WHERE frame_id = ? AND digest = ? AND version = ? AND question = ?",
        frame_id,
        digest,
        version,
        storable(question),
    )
    return None if row is None else (bool(row["shows"]), str(row["what"]))


def put(library: Library, frame_id: int, digest: str, version: str, question: str, answer: tuple[bool, str]) -> None:
    """Store an answer: (relevant, description)."""
    is_relevant, description = answer
    with library.writing() as connection:
        connection.execute(
            """INSERT OR REPLACE INTO looks (frame_id, digest, version, question, shows, what, at)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (frame_id, digest, version, storable(question), is_relevant, storable(description), now_utc()),
        )
