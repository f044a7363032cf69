"""A copy of the vectors of one model in files that can be scanned fast: float32 rows, their signs, their ids.

    vectors/lock                    held while a mirror is extended or rebuilt
    vectors/<key>/head.json         how many rows count, and in which files: replaced atomically, last
    vectors/<key>/<generation>.rows .bits .ids       append only

A row counts when the head says so, and the head is written after the rows are on the disk: whatever is killed at
whatever moment, readers see whole rows. Everything can be deleted at any time and is made again from the table.
Rows of removed vectors stay until they are many; vector ids are never used twice (AUTOINCREMENT), so that the largest
id tells what is new. Without a mirror (few vectors, a full disk, a folder that cannot be written) the table is read.
"""

import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import calibration, sign_bits
from vidlocal.store.index.calibration import SimilarityScale
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Bits = NDArray[np.uint64]
    Distances = NDArray[np.uint16]
    Numbers = NDArray[np.int64]
    Part = NDArray[np.generic]

try:
    import fcntl
except ImportError:  # Windows: the table is read
    fcntl = None  # type: ignore[assignment]

FOLDER = "vectors"

# So few new vectors are read from the table in a few milliseconds, which beats three flushes to the disk.
MAX_UNCACHED = 1_000

# What "far" means is learnt from that many vectors spread over the library.
_SAMPLED = 2_000

_VERSION = 2
_CHUNK = 8_192
_ENDINGS = (".rows", ".bits", ".ids")
_GENERATION = re.compile(r"[0-9a-f]{8}")
_ID_COLUMNS = 4  # vector, owner, video, kind


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Vectors of one sort of thing: the table, its column that names the owner, and the table of these owners."""

    name: str
    owner_column: str
    owner_table: str
    kind_sql: str


PASSAGE_VECTORS = VectorTable("vectors", "passage_id", "passages", "kind")
FRAME_VECTORS = VectorTable("frame_vectors", "frame_id", "frames", "''")


@dataclass(frozen=True, slots=True)
class _Manifest:
    """Which rows count. `last` is the id of the last mirrored vector."""

    version: int
    key: str
    generation: str
    dimensions: int
    count: int
    last_id: int


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Vectors with their ids: n x d float32, and n x 4 int64 (vector, owner, video, kind)."""

    vectors: "Vectors"
    ids: "Numbers"

    @property
    def owners(self) -> "Numbers":
        return self.ids[:, 1]

    @property
    def videos(self) -> "Numbers":
        return self.ids[:, 2]


class VectorCache:
    """The mirrored vectors of one model, as they were when it was opened. Reads only."""

    def __init__(self, folder: Path, head: _Manifest, table: VectorTable) -> None:
        import numpy as np

        self.key = head.key
        self.table = table
        self.dimensions = head.dimensions
        self._folder = folder
        self._last = head.last_id
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            ".rows": ("<f4", (head.count, head.dimensions)),
            ".bits": ("<u8", sign_bits.shape(head.count, head.dimensions)),
            ".ids": ("<i8", (head.count, _ID_COLUMNS)),
        }
        if not head.count:
            maps = [np.empty(shape, dtype=kind) for kind, shape in shapes.values()]
        else:
            maps = [
                np.memmap(folder / (head.generation + ending), dtype=kind, mode="r", shape=shape)
                for ending, (kind, shape) in shapes.items()
            ]
        self.vectors: Vectors = maps[0].view(np.ndarray)
        self._blocks: Bits = maps[1].view(np.ndarray)
        self._ids: Numbers = maps[2].view(np.ndarray)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def ids(self) -> "Numbers":
        """Ids of the vectors, row by row, ascending."""
        return self._ids[:, 0]

    @property
    def owners(self) -> "Numbers":
        """Ids of passages, or of frames, row by row."""
        return self._ids[:, 1]

    @property
    def videos(self) -> "Numbers":
        """Ids of videos, row by row."""
        return self._ids[:, 2]

    @cached_property
    def sample(self) -> "Vectors":
        """About 2,000 rows spread over all."""
        import numpy as np

        return np.ascontiguousarray(self.vectors[:: max(1, len(self) // _SAMPLED)])

    @cached_property
    def scale(self) -> SimilarityScale | None:
        """What cosines are worth here, as the sample has it."""
        return calibration.fit(self.sample, self.videos[:: max(1, len(self) // _SAMPLED)])

    def distances(self, vector: "Vectors") -> "Distances":
        """In how many dimensions the sign of each row is another one than that of `vector`: n uint16."""
        return sign_bits.distances(self._blocks, vector)[: len(self)]

    def positions(self, library: Library, search_filter: SearchFilter) -> "Numbers | None":
        """The rows of passages that `only` lets through; None for all."""
        import numpy as np

        if search_filter == NO_FILTER:
            return None
        allowed = np.ones(len(self), dtype=bool)
        if search_filter.videos is not None:
            allowed &= np.isin(self._ids[:, 2], list(search_filter.videos))
        if search_filter.kinds is not None:
            allowed &= np.isin(self._ids[:, 3], [_kind_code(kind) for kind in search_filter.kinds])
        if search_filter.needs_rows:
            condition, values = search_filter.condition()
            rows = library.rows(f"SELECT id FROM passages WHERE visible{condition}", *values)
            allowed &= np.isin(self.owners, np.fromiter((row["id"] for row in rows), dtype=np.int64))
        return np.flatnonzero(allowed)

    def newer(self, library: Library) -> VectorRows:
        """The vectors of the table that came after those mirrored."""
        return _concatenated(list(_stored(library, self.table, self.key, self._last, self.dimensions)), self.dimensions)

    def invalidate(self) -> None:
        """Have it rebuilt by the next `prepare`: too much of it is no longer there."""
        (self._folder / "head.json").unlink(missing_ok=True)


def keys(library: Library, table: VectorTable = PASSAGE_VECTORS) -> list[str]:
    """The model keys there are vectors of. Quick in a library of any size."""
    rows = library.rows(
        f"""WITH RECURSIVE found(model) AS (SELECT min(model) FROM {table.name} UNION ALL
          SELECT (SELECT min(model) FROM {table.name} WHERE model > found.model) FROM found
            WHERE found.model IS NOT NULL)
        SELECT model FROM found WHERE model IS NOT NULL"""
    )
    return [row["model"] for row in rows]


def prepare(library: Library, key: str, table: VectorTable = PASSAGE_VECTORS) -> VectorCache:
    """The mirror of a model's vectors, brought up to date as far as that pays. StoreError as for any reading."""
    folder = folder_of(library, key, table)
    newest = _newest(library, table, key)
    if folder.is_symlink() or folder.parent.is_symlink():  # a library that someone sent may lead elsewhere
        return VectorCache(folder, _empty_manifest(library, table, key), table)
    try:
        opened = _open(library, folder, table, key)
        if opened is not None and not _is_behind(library, table, key, opened[1], newest):
            return opened[0]
        if opened is None and not _is_behind(library, table, key, _empty_manifest(library, table, key), newest):
            return VectorCache(folder, _empty_manifest(library, table, key), table)
        with _try_lock(library.folder / FOLDER) as ours:
            if ours:
                return _extend(library, folder, table, key)
    except OSError:
        return VectorCache(folder, _empty_manifest(library, table, key), table)
    return opened[0] if opened is not None else VectorCache(folder, _empty_manifest(library, table, key), table)


def folder_of(library: Library, key: str, table: VectorTable = PASSAGE_VECTORS) -> Path:
    """Where the mirror of a model's vectors lies."""
    name = key if table == PASSAGE_VECTORS else f"{table.name} {key}"
    return library.folder / FOLDER / hashlib.blake2s(name.encode(), digest_size=8).hexdigest()


def is_damaged(library: Library, key: str, table: VectorTable = PASSAGE_VECTORS) -> bool:
    """Whether the mirror of a model says other things than the table, every row compared. No mirror is no damage."""
    import numpy as np

    folder = folder_of(library, key, table)
    if not (folder / "head.json").exists():
        return False
    opened = _open(library, folder, table, key)
    if opened is None:
        return True
    mirror = opened[0]
    mirrored = mirror._ids[:, 0]
    if (np.diff(mirrored) <= 0).any():
        return True
    for rows in _stored(library, table, key, 0, mirror.dimensions):
        known = rows.ids[:, 0] <= mirror._last
        at = np.searchsorted(mirrored, rows.ids[known, 0]).clip(max=max(0, len(mirrored) - 1))
        same = (
            np.array_equal(mirror._ids[at], rows.ids[known])
            and np.array_equal(mirror.vectors[at].view("<u4"), rows.vectors[known].view("<u4"))
            and np.array_equal(sign_bits.rows_at(mirror._blocks, at), sign_bits.pack(rows.vectors[known]))
            if len(mirrored)
            else not known.any()
        )
        if not same:
            return True
    return False


def delete_all(library: Library) -> None:
    """Delete the mirrors: for a purge, after which nothing of a removed text may be left."""
    shutil.rmtree(library.folder / FOLDER, ignore_errors=True)


@lru_cache(maxsize=3)
def _mapped(folder: Path, head: _Manifest, table: VectorTable) -> VectorCache:
    """The mirror with this head. Rows that count never change, so that searches in one process share it."""
    return VectorCache(folder, head, table)


def _kind_code(kind: str) -> int:
    return zlib.crc32(kind.encode())


def _newest(library: Library, table: VectorTable, key: str) -> int:
    return library.number(f"SELECT max(id) FROM {table.name} WHERE model = ?", key)


def _is_behind(library: Library, table: VectorTable, key: str, head: _Manifest, newest: int) -> bool:
    """Whether more than a handful of vectors came after those mirrored."""
    if newest <= head.last_id:
        return False
    sql = f"SELECT 1 FROM {table.name} WHERE model = ? AND id > ? LIMIT ?"
    return library.number(f"SELECT count(*) FROM ({sql})", key, head.last_id, MAX_UNCACHED + 1) > MAX_UNCACHED


def _empty_manifest(library: Library, table: VectorTable, key: str) -> _Manifest:
    """The head of an empty mirror: everything is read from the table."""
    row = library.row(f"SELECT length(vector) FROM {table.name} WHERE model = ? ORDER BY id LIMIT 1", key)
    return _Manifest(_VERSION, key, secrets.token_hex(4), int(row[0]) // 4 if row else 0, 0, 0)


def _open(library: Library, folder: Path, table: VectorTable, key: str) -> tuple[VectorCache, _Manifest] | None:
    """The mirror in `folder` with its head; None when there is none, or it is not of this library's vectors."""
    for _ in range(2):  # it may be rebuilt between the reading of the head and the opening of the files
        try:
            head = _Manifest(**json.loads(_regular_file(folder / "head.json").read_bytes()))
            if not _GENERATION.fullmatch(head.generation):
                return None
            for ending in _ENDINGS:
                _regular_file(folder / (head.generation + ending))
            mirror = _mapped(folder, head, table)
        except FileNotFoundError:
            continue
        except (ValueError, TypeError):
            return None
        trusted = head.version == _VERSION and head.key == key and _matches_table(library, mirror, head)
        return (mirror, head) if trusted else None
    return None


def _regular_file(path: Path) -> Path:
    """The path, which is that of a file or of nothing. FileNotFoundError for a link, a pipe or a device."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise FileNotFoundError(errno.ENOENT, "no file of ours", str(path))
    return path


def _matches_table(library: Library, mirror: VectorCache, head: _Manifest) -> bool:
    """Whether the first, middle and last rows are those of the table; removed ones prove nothing against it.

    A restored copy of the library, or another one in its place, is told by this.
    """
    table = mirror.table
    ever = library.number("SELECT seq FROM sqlite_sequence WHERE name = ?", table.name)
    if head.last_id > ever:
        return False
    for position in {0, len(mirror) // 2, len(mirror) - 1} if len(mirror) else ():
        vector_id, owner = mirror._ids[position, :2].tolist()
        row = library.row(
            f"SELECT {table.owner_column} AS owner, model, vector FROM {table.name} WHERE id = ?", vector_id
        )
        if row is not None and (row["owner"], row["model"], row["vector"]) != (
            owner,
            head.key,
            bytes(mirror.vectors[position].data),
        ):
            return False
    return True


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    """Whether we are the one who may write; another one at it is not waited for, it is minutes at most."""
    if fcntl is None:
        yield False
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)


def _extend(library: Library, folder: Path, table: VectorTable, key: str) -> VectorCache:
    """The mirror with all vectors of the table, its files written and named by a new head. We hold the lock."""
    folder.mkdir(mode=0o700, exist_ok=True)
    opened = _open(library, folder, table, key)
    head = opened[1] if opened is not None else _empty_manifest(library, table, key)
    for rows in _stored(library, table, key, head.last_id, head.dimensions):
        longer = replace(head, count=head.count + len(rows.ids), last_id=int(rows.ids[-1, 0]))
        parts: dict[str, Iterable[tuple[int, Part]]] = {
            ".rows": [(4 * head.dimensions * head.count, rows.vectors)],
            ".bits": sign_bits.block_runs(sign_bits.pack(rows.vectors), head.count),
            ".ids": [(8 * _ID_COLUMNS * head.count, rows.ids)],
        }
        for ending, size in _sizes(longer).items():
            _write(folder / (head.generation + ending), parts[ending], size)
        _write_manifest(folder, longer)
        head = longer
    for old in folder.iterdir():
        if old.name != "head.json" and old.stem != head.generation:
            old.unlink(missing_ok=True)
    return _mapped(folder, head, table)


def _sizes(head: _Manifest) -> dict[str, int]:
    """Bytes of the files; the signs are whole blocks."""
    return {
        ".rows": 4 * head.dimensions * head.count,
        ".bits": 8 * math.prod(sign_bits.shape(head.count, head.dimensions)),
        ".ids": 8 * _ID_COLUMNS * head.count,
    }


def _write(path: Path, parts: "Iterable[tuple[int, Part]]", size: int) -> None:
    """Each part to its place in the file and to the disk, and nothing that a killed writer left behind them."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600), "r+b") as file:
        for place, part in parts:
            file.seek(place)
            file.write(part.tobytes())
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())


def _write_manifest(folder: Path, head: _Manifest) -> None:
    draft = folder / f"{head.generation}.head"
    file = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w") as opened:
        opened.write(json.dumps(asdict(head)))
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(folder / "head.json")


def _stored(library: Library, table: VectorTable, key: str, after: int, dimensions: int) -> Iterator[VectorRows]:
    """The table's vectors of a model behind vector id `after`, in order of id, in chunks. Odd sizes are passed over."""
    import numpy as np

    while True:
        found = library.rows(
            f"""SELECT {table.name}.id AS id, {table.owner_column} AS owner, video_id, {table.kind_sql} AS kind, vector
            FROM {table.name} JOIN {table.owner_table} ON {table.owner_table}.id = {table.owner_column}
            WHERE {table.name}.model = ? AND {table.name}.id > ? ORDER BY {table.name}.id LIMIT ?""",
            key,
            after,
            _CHUNK,
        )
        if not found:
            return
        after = found[-1]["id"]
        rows = [row for row in found if isinstance(row["vector"], bytes) and len(row["vector"]) == 4 * dimensions]
        if rows:
            ids = [(row["id"], row["owner"], row["video_id"], _kind_code(row["kind"])) for row in rows]
            vectors = np.frombuffer(b"".join(row["vector"] for row in rows), dtype="<f4").reshape(len(rows), dimensions)
            yield VectorRows(vectors, np.array(ids, dtype="<i8"))


def _concatenated(parts: list[VectorRows], dimensions: int) -> VectorRows:
    import numpy as np

    empty = VectorRows(np.empty((0, dimensions), dtype="<f4"), np.empty((0, _ID_COLUMNS), dtype="<i8"))
    return VectorRows(
        np.concatenate([empty.vectors, *(part.vectors for part in parts)]),
        np.concatenate([empty.ids, *(part.ids for part in parts)]),
    )
