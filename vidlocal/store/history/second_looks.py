"""What was seen when search had the vision model look again: asked once, remembered as long as the frame is there."""

from vidlocal.store.database import Library
from vidlocal.store.values import now_utc, storable


def get(library: Library, frame_id: int, digest: str, version: str, question: str) -> tuple[bool, str] | None:
    """Whether the frame shows it, and what exactly, as this build of a model answered this question."""
    row = library.row(
        "SELECT shows, what FROM looks WHERE frame_id = ? AND digest = ? AND version = ? AND question = ?",
        frame_id,
        digest,
        version,
        storable(question),
    )
    return None if row is None else (bool(row["shows"]), str(row["what"]))


def put(library: Library, frame_id: int, digest: str, version: str, question: str, answer: tuple[bool, str]) -> None:
    shows, what = answer
    with library.writing() as connection:
        connection.execute(
            """INSERT OR REPLACE INTO looks (frame_id, digest, version, question, shows, what, at)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (frame_id, digest, version, storable(question), shows, storable(what), now_utc()),
        )
