"""Vectors that can be compared with nothing, and mirrors that say other things than the table."""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from vidlocal.records import JobKind
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache, vector_index, vector_table
from vidlocal.store.queue import jobs

_CHUNK = 4096
# Engines give unit vectors; float32 keeps their length to seven digits.
_LENGTH_TOLERANCE = 0.01


def unusable(library: Library) -> Iterator[Finding]:
    """Vectors of the wrong size, and such as are not finite or not of length 1."""
    for key, table in _models(library):
        bad = list(_unusable_rows(library, key, table))
        if bad:
            sentence = f"Vectors of {key} that cannot be compared with others: {len(bad):,}."
            yield Finding(Category.VECTORS, sentence, repair=partial(_regenerate, library, table, bad))


def caches(library: Library) -> Iterator[Finding]:
    """Copies of the vectors in files that differ from the vectors, or are of no model any more."""
    folder = library.folder / vector_cache.FOLDER
    used = {vector_cache.folder_of(library, *one): one for one in _models(library)}
    places = sorted(place for place in folder.iterdir() if place.is_dir()) if folder.is_dir() else []
    for place in places:
        one = used.get(place)
        mend = partial(shutil.rmtree, place, ignore_errors=True)
        if one is None:
            yield Finding(Category.LEFTOVERS, f"The copy of vectors {place.name} is of no model.", repair=mend)
        elif vector_cache.is_damaged(library, *one):
            yield Finding(Category.VECTORS, f"The copy of the vectors of {one[0]} is damaged.", repair=mend)


def _models(library: Library) -> list[tuple[str, vector_table.VectorTable]]:
    """Every model there are vectors of, and of what sort of thing."""
    kept = [(key, vector_table.PASSAGE_VECTORS) for key in vector_index.keys(library)]
    return kept + [(key, vector_table.FRAME_VECTORS) for key in frame_vectors.keys(library)]


def _unusable_rows(library: Library, key: str, table: vector_table.VectorTable) -> Iterator[tuple[int, int]]:
    """Id and video of the bad vectors of a model. The usual size is the right one."""
    name, owner, owners = table.name, table.owner_column, table.owner_table
    usual = library.number(
        f"SELECT length(vector) FROM {name} WHERE model = ? GROUP BY 1 ORDER BY count(*) DESC LIMIT 1", key
    )
    after = 0
    while rows := library.rows(
        f"""SELECT {name}.id, video_id, vector FROM {name} JOIN {owners} ON {owners}.id = {owner}
        WHERE {name}.model = ? AND {name}.id > ? ORDER BY {name}.id LIMIT ?""",
        key,
        after,
        _CHUNK,
    ):
        after = rows[-1]["id"]
        right = [row for row in rows if isinstance(row["vector"], bytes) and len(row["vector"]) == usual]
        good = {
            row["id"]
            for row, is_unit in zip(right, _are_unit([row["vector"] for row in right]), strict=True)
            if is_unit
        }
        yield from ((row["id"], row["video_id"]) for row in rows if row["id"] not in good)


def _are_unit(vectors: Sequence[bytes]) -> Sequence[bool]:
    if not vectors or not len(vectors[0]) or len(vectors[0]) % 4:
        return [False] * len(vectors)
    matrix = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        return [bool(good) for good in np.abs(lengths - 1) <= _LENGTH_TOLERANCE]


def _regenerate(library: Library, table: vector_table.VectorTable, bad: Sequence[tuple[int, int]]) -> None:
    work = JobKind.EMBED if table is vector_table.PASSAGE_VECTORS else JobKind.PICTURES
    with library.writing() as connection:
        connection.executemany(f"DELETE FROM {table.name} WHERE id = ?", [(vector_id,) for vector_id, _ in bad])
        for video_id in {video_id for _, video_id in bad}:
            jobs.add(library, work, video_id, video_id)
