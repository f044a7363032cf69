"""How far a long step has come with a video, in seconds of it: where the next run goes on."""

from vidlocal.store.database import Library


def get(library: Library, video_id: int, step: str) -> float:
    """Seconds of the video that the step has finished, 0.0 when it has not begun."""
    row = library.row("SELECT until FROM checkpoints WHERE video_id = ? AND step = ?", video_id, step)
    return 0.0 if row is None else float(row["until"])


def put(library: Library, video_id: int, step: str, until: float) -> None:
    """Belongs in the transaction that stores what was found up to `until`."""
    with library.writing() as connection:
        connection.execute(
            """INSERT INTO checkpoints (video_id, step, until) VALUES (?, ?, ?)
            ON CONFLICT (video_id, step) DO UPDATE SET until = excluded.until""",
            (video_id, step, until),
        )


def clear(library: Library, video_id: int, step: str) -> None:
    with library.writing() as connection:
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step = ?", (video_id, step))
