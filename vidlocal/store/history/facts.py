"""Small facts the program learns and keeps: seconds per frame of a model, models that cannot do JSON."""

from vidlocal.store.database import Library

# The mean of the last frames described, in seconds: what an estimate is made of.
SECONDS_PER_FRAME = "seconds_per_frame"

# Since when `vidlocal pause` holds the deep pass (UTC, ISO 8601); not there while it may work.
PAUSED = "paused"

# The key of the model that pictures were last turned into vectors with.
PICTURES_MODEL = "pictures_model"

YES, NO = "yes", "no"


def several_pictures(digest: str) -> str:
    """The name under which is kept whether the model of a digest takes several pictures in order: YES or NO."""
    return f"several pictures at once: {digest}"


def get(library: Library, name: str) -> str | None:
    row = library.row("SELECT value FROM measures WHERE name = ?", name)
    return None if row is None else str(row["value"])


def put(library: Library, name: str, value: str) -> None:
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO measures (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


def forget(library: Library, name: str) -> None:
    with library.writing() as connection:
        connection.execute("DELETE FROM measures WHERE name = ?", (name,))
