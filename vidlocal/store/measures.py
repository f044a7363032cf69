"""Small facts the program learns and keeps: seconds per frame of a model, models that cannot do JSON."""

from vidlocal.store.database import Library


def get(library: Library, name: str) -> str | None:
    row = library.row("SELECT value FROM measures WHERE name = ?", name)
    return None if row is None else str(row["value"])


def put(library: Library, name: str, value: str) -> None:
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO measures (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
