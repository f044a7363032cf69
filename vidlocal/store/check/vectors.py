"""Checks the vectors and their caches."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import numpy as np

from vidlocal.records import JobKind
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache, vector_index, vector_table
from vidlocal.store.library_files import open_folder
from vidlocal.store.queue import jobs

_CHUNK = 4096
# Engines return unit vectors; float32 keeps seven digits of their length.
_LENGTH_TOLERANCE = 0.01


def unusable(library: Library) -> Iterator[Finding]:
    """Find vectors of a wrong size, not finite, or not of length 1."""
    windows = [(key, vector_table.WINDOW_VECTORS) for key in vector_table.keys(library, vector_table.WINDOW_VECTORS)]
    for key, table in [*_models(library), *windows]:
        joined = f"JOIN {table.owner_table} ON {table.owner_table}.id = {table.owner_column}"
        rows = list(unusable_rows(library, key, table.name, joined))
        if rows:
            message = f"Invalid vectors of {key}: {len(rows):,}."
            yield Finding(Category.VECTORS, message, repair=partial(_regenerate, library, table, rows))


def caches(library: Library) -> Iterator[Finding]:
    """Find vector caches with other values than the table, or without a model."""
    models = {vector_cache.folder_of(library, key, table).name: (key, table) for key, table in _models(library)}
    for name in _cache_names(library):
        repair = partial(_delete_cache, library, name)
        if name not in models:
            yield Finding(Category.LEFTOVERS, f"Unused vector cache: {name}.", repair=repair)
        elif vector_cache.is_damaged(library, *models[name]):
            yield Finding(Category.VECTORS, f"Vector cache of {models[name][0]}: damaged.", repair=repair)


def _cache_names(library: Library) -> list[str]:
    try:
        with open_folder(library.folder, vector_cache.FOLDER) as caches:
            return [name for name in caches.names() if caches.is_folder(name)]
    except OSError:  # missing, or a link to files of other programs
        return []


def _delete_cache(library: Library, name: str) -> None:
    with suppress(OSError), open_folder(library.folder, vector_cache.FOLDER) as caches:
        caches.delete(name)


def _models(library: Library) -> list[tuple[str, vector_table.VectorTable]]:
    """List the model keys with vectors, and their tables."""
    models = [(key, vector_table.PASSAGE_VECTORS) for key in vector_index.keys(library)]
    return models + [(key, vector_table.FRAME_VECTORS) for key in frame_vectors.keys(library)]


def unusable_rows(library: Library, key: str, table: str, joined: str = "") -> Iterator[tuple[int, int]]:
    """Yield row id and video id of the invalid vectors of a model. The most frequent size is valid.

    `joined`: JOIN with the table of the video ids, if these are elsewhere.
    """
    size = library.number(
        f"SELECT length(vector) FROM {table} WHERE model = ? GROUP BY 1 ORDER BY count(*) DESC LIMIT 1", key
    )
    after = 0
    while rows := library.rows(
        f"""SELECT {table}.id, video_id, vector FROM {table} {joined}
        WHERE {table}.model = ? AND {table}.id > ? ORDER BY {table}.id LIMIT ?""",
        key,
        after,
        _CHUNK,
    ):
        after = rows[-1]["id"]
        sized = [row for row in rows if isinstance(row["vector"], bytes) and len(row["vector"]) == size]
        is_unit = _are_unit([row["vector"] for row in sized])
        valid = {row["id"] for row, unit in zip(sized, is_unit, strict=True) if unit}
        yield from ((row["id"], row["video_id"]) for row in rows if row["id"] not in valid)


def _are_unit(vectors: Sequence[bytes]) -> Sequence[bool]:
    if not vectors or not len(vectors[0]) or len(vectors[0]) % 4:
        return [False] * len(vectors)
    matrix = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        return [bool(is_unit) for is_unit in np.abs(lengths - 1) <= _LENGTH_TOLERANCE]


def _regenerate(library: Library, table: vector_table.VectorTable, rows: Sequence[tuple[int, int]]) -> None:
    """Delete vectors and queue the jobs to generate them again."""
    job = JobKind.PICTURES if table is vector_table.FRAME_VECTORS else JobKind.EMBED
    with library.writing() as connection:
        connection.executemany(f"DELETE FROM {table.name} WHERE id = ?", [(vector_id,) for vector_id, _ in rows])
        for video_id in {video_id for _, video_id in rows}:
            jobs.add(library, job, video_id, video_id)
