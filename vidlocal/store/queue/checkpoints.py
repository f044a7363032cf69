"""Progress of long steps through a video, for resuming after an interruption."""

from vidlocal.store.database import Library


def get(library: Library, video_id: int, step: str) -> float:
    """Return the end of the part processed by a step, in seconds of the video; 0.0 before the start."""
    row = library.row("SELECT until FROM checkpoints WHERE video_id = ? AND step = ?", video_id, step)
    return 0.0 if row is None else float(row["until"])


def put(library: Library, video_id: int, step: str, until: float) -> None:
    """Store the position of a step. Call in the transaction with the results up to `until`."""
    with library.writing() as connection:
        connection.execute(
            """INSERT INTO checkpoints (video_id, step, until) VALUES (?, ?, ?)
            ON CONFLICT (video_id, step) DO UPDATE SET until = excluded.until""",
            (video_id, step, until),
        )


def clear(library: Library, video_id: int, step: str) -> None:
    """Delete the position of a step."""
    with library.writing() as connection:
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step = ?", (video_id, step))
