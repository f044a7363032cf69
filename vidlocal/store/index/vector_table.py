"""Reads vectors and their ids from the tables `vectors` (of passages), `windows` and `frame_vectors`."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.store.values import Ids, Vectors

ID_COLUMNS = 4  # vector, owner, video, kind

_CHUNK_ROWS = 8_192


@dataclass(frozen=True, slots=True)
class VectorTable:
    """A table of vectors, the foreign key column, the table of the owners, and SQL for the kind of an owner."""

    name: str
    owner_column: str
    owner_table: str
    kind_sql: str


PASSAGE_VECTORS = VectorTable("vectors", "passage_id", "passages", "kind")
WINDOW_VECTORS = VectorTable("windows", "passage_id", "passages", "kind")
FRAME_VECTORS = VectorTable("frame_vectors", "frame_id", "frames", "''")


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Vectors with their ids: n x d float32, and n x 4 int64 (vector, owner, video, kind code)."""

    vectors: "Vectors"
    ids: "Ids"

    @property
    def owners(self) -> "Ids":
        """Ids of passages or frames."""
        return self.ids[:, 1]

    @property
    def videos(self) -> "Ids":
        """Ids of videos."""
        return self.ids[:, 2]


def keys(library: Library, table: VectorTable) -> list[str]:
    """List the model keys with vectors. Fast in a library of any size: an index look-up per key."""
    rows = library.rows(
        f"""WITH RECURSIVE models(model) AS (SELECT min(model) FROM {table.name} UNION ALL
          SELECT (SELECT min(model) FROM {table.name} WHERE model > models.model) FROM models
            WHERE models.model IS NOT NULL)
        SELECT model FROM models WHERE model IS NOT NULL"""
    )
    return [row["model"] for row in rows]


def kind_code(kind: str) -> int:
    """Encode a passage kind as a number."""
    return zlib.crc32(kind.encode())


def newest_id(library: Library, table: VectorTable, key: str) -> int:
    """Return the largest vector id of a model, 0 without vectors."""
    return library.number(f"SELECT max(id) FROM {table.name} WHERE model = ?", key)


def has_more_than(library: Library, table: VectorTable, key: str, after: int, count: int) -> bool:
    """Return True if a model has more than `count` vectors with larger ids than `after`."""
    sql = f"SELECT 1 FROM {table.name} WHERE model = ? AND id > ? LIMIT ?"
    return library.number(f"SELECT count(*) FROM ({sql})", key, after, count + 1) > count


def dimensions(library: Library, table: VectorTable, key: str) -> int:
    """Return the dimensions of the oldest vector of a model, 0 without vectors."""
    row = library.row(f"SELECT length(vector) FROM {table.name} WHERE model = ? ORDER BY id LIMIT 1", key)
    return int(row[0]) // 4 if row else 0


def read(library: Library, table: VectorTable, key: str, after: int, dimensions: int) -> Iterator[VectorRows]:
    """Yield the vectors of a model with larger ids than `after` in chunks, by id. Skips vectors of other dimensions."""
    import numpy as np

    while True:
        chunk = library.rows(
            f"""SELECT {table.name}.id AS id, {table.owner_column} AS owner, video_id, {table.kind_sql} AS kind, vector
            FROM {table.name} JOIN {table.owner_table} ON {table.owner_table}.id = {table.owner_column}
            WHERE {table.name}.model = ? AND {table.name}.id > ? ORDER BY {table.name}.id LIMIT ?""",
            key,
            after,
            _CHUNK_ROWS,
        )
        if not chunk:
            return
        after = chunk[-1]["id"]
        rows = [row for row in chunk if isinstance(row["vector"], bytes) and len(row["vector"]) == 4 * dimensions]
        if rows:
            ids = [(row["id"], row["owner"], row["video_id"], kind_code(row["kind"])) for row in rows]
            vectors = np.frombuffer(b"".join(row["vector"] for row in rows), dtype="<f4").reshape(len(rows), dimensions)
            yield VectorRows(vectors, np.array(ids, dtype="<i8"))


def concatenate(parts: Sequence[VectorRows], dimensions: int) -> VectorRows:
    """Join chunks into a single array each; empty arrays without chunks."""
    import numpy as np

    empty = VectorRows(np.empty((0, dimensions), dtype="<f4"), np.empty((0, ID_COLUMNS), dtype="<i8"))
    return VectorRows(
        np.concatenate([empty.vectors, *(part.vectors for part in parts)]),
        np.concatenate([empty.ids, *(part.ids for part in parts)]),
    )
