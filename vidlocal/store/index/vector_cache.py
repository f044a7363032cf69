"""A memory-mapped copy of the vectors of a model for fast scans: float32 rows, sign bits, ids.

    vectors/lock                    held while a cache is extended or rebuilt
    vectors/<key>/head.json         manifest: number of valid rows and their files; replaced atomically, last
    vectors/<key>/<generation>.rows .bits .ids       append only

A row is valid if the manifest counts it, and the manifest is written after the rows are on the disk: after a crash at
any moment, readers see complete rows. All files can be deleted at any time and are rebuilt from the table. Rows of
deleted vectors stay until they are many. Vector ids are never reused (AUTOINCREMENT), so vectors with a
larger id are new. Without a cache (few vectors, disk full, folder not writable) the table is read.
"""

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.store.database import Library
from vidlocal.store.index import calibration, sign_bits, vector_table
from vidlocal.store.index.calibration import SimilarityScale
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter
from vidlocal.store.index.vector_table import ID_COLUMNS, PASSAGE_VECTORS, VectorRows, VectorTable
from vidlocal.store.library_files import LibraryFolder, open_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.values import Bits, Distances, Ids, Positions, Vector, Vectors

try:
    import fcntl
except ImportError:  # Windows: no cache
    fcntl = None  # type: ignore[assignment]

FOLDER = "vectors"

# The table yields this many new vectors in a few milliseconds: faster than extending the cache (three fsyncs).
MAX_UNCACHED = 1_000

# Rows for the calibration and for the background of a query.
_SAMPLE_ROWS = 2_000

_VERSION = 2
_MANIFEST = "head.json"
_MAX_MANIFEST_BYTES = 4_096
_SUFFIXES = (".rows", ".bits", ".ids")
_GENERATION = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class _Manifest:
    """Describes the valid rows. `last` is the largest cached vector id."""

    version: int
    key: str
    generation: str
    dimensions: int
    count: int
    last: int


class VectorCache:
    """The cached vectors of a model as of opening. Read-only."""

    def __init__(self, folder: Path, manifest: _Manifest, table: VectorTable) -> None:
        import numpy as np

        self.key = manifest.key
        self.table = table
        self.dimensions = manifest.dimensions
        self._folder = folder
        self._last = manifest.last
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            ".rows": ("<f4", (manifest.count, manifest.dimensions)),
            ".bits": ("<u8", sign_bits.shape(manifest.count, manifest.dimensions)),
            ".ids": ("<i8", (manifest.count, ID_COLUMNS)),
        }
        if not manifest.count:
            maps = [np.empty(shape, dtype=kind) for kind, shape in shapes.values()]
        else:
            maps = []
            with open_folder(folder.parent.parent, FOLDER, folder.name) as files:
                for suffix, (kind, shape) in shapes.items():
                    with os.fdopen(files.open(manifest.generation + suffix), "rb") as file:
                        maps.append(np.memmap(file, dtype=kind, mode="r", shape=shape))
        self.vectors: Vectors = maps[0].view(np.ndarray)
        self._blocks: Bits = maps[1].view(np.ndarray)
        self._ids: Ids = maps[2].view(np.ndarray)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def ids(self) -> "Ids":
        """Ids of the vectors, ascending."""
        return self._ids[:, 0]

    @property
    def owners(self) -> "Ids":
        """Ids of the passages or frames, row by row."""
        return self._ids[:, 1]

    @property
    def videos(self) -> "Ids":
        """Ids of the videos, row by row."""
        return self._ids[:, 2]

    @cached_property
    def sample(self) -> "Vectors":
        """About 2,000 rows at equal distances."""
        import numpy as np

        return np.ascontiguousarray(self.vectors[:: max(1, len(self) // _SAMPLE_ROWS)])

    @property
    def sample_videos(self) -> "Ids":
        """Ids of the videos of the sample."""
        return self.videos[:: max(1, len(self) // _SAMPLE_ROWS)]

    @cached_property
    def scale(self) -> SimilarityScale | None:
        """Calibration of cosines, from the sample."""
        return calibration.fit(self.sample, self.sample_videos)

    def distances(self, vector: "Vector") -> "Distances":
        """Compute the Hamming distance between the sign bits of each row and of `vector`: n uint16."""
        return sign_bits.distances(self._blocks, vector)[: len(self)]

    def positions(self, library: Library, search_filter: SearchFilter) -> "Positions | None":
        """Return the positions of the rows matching a filter on passages; None for all rows."""
        import numpy as np

        if search_filter == NO_FILTER:
            return None
        allowed = np.ones(len(self), dtype=bool)
        if search_filter.videos is not None:
            allowed &= np.isin(self.videos, list(search_filter.videos))
        if search_filter.kinds is not None:
            allowed &= np.isin(self._ids[:, 3], [vector_table.kind_code(kind) for kind in search_filter.kinds])
        if search_filter.needs_rows:
            condition, values = search_filter.condition()
            rows = library.rows(f"SELECT id FROM passages WHERE visible{condition}", *values)
            allowed &= np.isin(self.owners, np.fromiter((row["id"] for row in rows), dtype=np.int64))
        return np.flatnonzero(allowed)

    def newer(self, library: Library) -> VectorRows:
        """Read the vectors of the table newer than the cache."""
        rows = vector_table.read(library, self.table, self.key, self._last, self.dimensions)
        return vector_table.concatenate(list(rows), self.dimensions)

    def invalidate(self) -> None:
        """Mark the cache as stale: the next `prepare` will rebuild."""
        with suppress(OSError), open_folder(self._folder.parent.parent, FOLDER, self._folder.name) as files:
            files.delete(_MANIFEST)

    def agrees_with(self, rows: VectorRows) -> bool:
        """Return True if the cache has equal values for these rows, where covered."""
        import numpy as np

        covered = rows.ids[:, 0] <= self._last
        if not len(self):
            return not covered.any()
        positions = np.searchsorted(self.ids, rows.ids[covered, 0]).clip(max=len(self) - 1)
        return bool(
            np.array_equal(self._ids[positions], rows.ids[covered])
            and np.array_equal(self.vectors[positions].view("<u4"), rows.vectors[covered].view("<u4"))
            and np.array_equal(sign_bits.rows_at(self._blocks, positions), sign_bits.pack(rows.vectors[covered]))
        )


def prepare(library: Library, key: str, table: VectorTable = PASSAGE_VECTORS) -> VectorCache:
    """Open the cache of a model, updated if enough vectors are new. Raises StoreError like any read."""
    folder = folder_of(library, key, table)
    newest = vector_table.newest_id(library, table, key)
    try:
        opened = _open(library, folder, table, key)
        if opened is not None and not _is_behind(library, table, key, opened[1].last, newest):
            return opened[0]
        if opened is None and not _is_behind(library, table, key, 0, newest):
            return _empty(library, folder, table, key)
        with open_folder(library.folder, FOLDER, create=True) as caches, _try_lock(caches) as is_locked:
            if is_locked:
                with open_folder(library.folder, FOLDER, folder.name, create=True) as files:
                    return _extend(library, files, table, key)
    except OSError:
        return _empty(library, folder, table, key)
    return opened[0] if opened is not None else _empty(library, folder, table, key)


def folder_of(library: Library, key: str, table: VectorTable = PASSAGE_VECTORS) -> Path:
    """Return the folder of the cache of a model."""
    name = key if table == PASSAGE_VECTORS else f"{table.name} {key}"
    return library.folder / FOLDER / hashlib.blake2s(name.encode(), digest_size=8).hexdigest()


def is_damaged(library: Library, key: str, table: VectorTable = PASSAGE_VECTORS) -> bool:
    """Compare every row of the cache with the table. Returns True for any difference, False without a cache."""
    import numpy as np

    folder = folder_of(library, key, table)
    if not _has_manifest(folder):
        return False
    opened = _open(library, folder, table, key)
    if opened is None:
        return True
    cache = opened[0]
    if (np.diff(cache.ids) <= 0).any():
        return True
    return not all(cache.agrees_with(rows) for rows in vector_table.read(library, table, key, 0, cache.dimensions))


def delete_all(library: Library) -> None:
    """Delete all caches: a purge leaves nothing of a deleted text."""
    with suppress(OSError), open_folder(library.folder) as home:
        home.delete(FOLDER)


@lru_cache(maxsize=3)
def _mapped(folder: Path, manifest: _Manifest, table: VectorTable) -> VectorCache:
    """Map the files of a manifest, once per process: valid rows never change."""
    return VectorCache(folder, manifest, table)


def _is_behind(library: Library, table: VectorTable, key: str, last: int, newest: int) -> bool:
    return newest > last and vector_table.has_more_than(library, table, key, last, MAX_UNCACHED)


def _empty(library: Library, folder: Path, table: VectorTable, key: str) -> VectorCache:
    return VectorCache(folder, _empty_manifest(library, table, key), table)


def _empty_manifest(library: Library, table: VectorTable, key: str) -> _Manifest:
    return _Manifest(_VERSION, key, secrets.token_hex(4), vector_table.dimensions(library, table, key), 0, 0)


def _open(library: Library, folder: Path, table: VectorTable, key: str) -> tuple[VectorCache, _Manifest] | None:
    """Open the cache in `folder`. None for a missing, damaged or foreign cache."""
    for _ in range(2):  # it may be rebuilt between reading the manifest and opening the files
        try:
            with open_folder(library.folder, FOLDER, folder.name) as files:
                manifest = _Manifest(**json.loads(files.read(_MANIFEST, max_bytes=_MAX_MANIFEST_BYTES)))
            if not _GENERATION.fullmatch(manifest.generation):
                return None
            cache = _mapped(folder, manifest, table)
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, RecursionError):
            return None
        is_trusted = manifest.version == _VERSION and manifest.key == key and _matches_table(library, cache, manifest)
        return (cache, manifest) if is_trusted else None
    return None


def _has_manifest(folder: Path) -> bool:
    try:
        with open_folder(folder.parent.parent, FOLDER, folder.name) as files:
            return files.is_file(_MANIFEST)
    except OSError:
        return False


def _matches_table(library: Library, cache: VectorCache, manifest: _Manifest) -> bool:
    """Spot-check first, middle and last row against the table; rows deleted from the table are skipped.

    Detects a restored backup of the library, or another library in its place.
    """
    table = cache.table
    largest_ever = library.number("SELECT seq FROM sqlite_sequence WHERE name = ?", table.name)
    if manifest.last > largest_ever:
        return False
    for position in {0, len(cache) // 2, len(cache) - 1} if len(cache) else ():
        vector_id, owner = int(cache.ids[position]), int(cache.owners[position])
        row = library.row(
            f"SELECT {table.owner_column} AS owner, model, vector FROM {table.name} WHERE id = ?", vector_id
        )
        if row is not None and (row["owner"], row["model"], row["vector"]) != (
            owner,
            manifest.key,
            bytes(cache.vectors[position].data),
        ):
            return False
    return True


@contextmanager
def _try_lock(caches: LibraryFolder) -> Iterator[bool]:
    """Hold the write lock if free. Yields True if held: another process may hold the lock for minutes."""
    if fcntl is None:
        yield False
        return
    lock = caches.open("lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)


def _extend(library: Library, files: LibraryFolder, table: VectorTable, key: str) -> VectorCache:
    """Append all new vectors of the table to the cache. The caller holds the lock."""
    opened = _open(library, files.path, table, key)
    manifest = opened[1] if opened is not None else _empty_manifest(library, table, key)
    for rows in vector_table.read(library, table, key, manifest.last, manifest.dimensions):
        extended = replace(manifest, count=manifest.count + len(rows.ids), last=int(rows.ids[-1, 0]))
        parts: dict[str, Iterable[tuple[int, NDArray[np.generic]]]] = {
            ".rows": [(4 * manifest.dimensions * manifest.count, rows.vectors)],
            ".bits": sign_bits.block_runs(sign_bits.pack(rows.vectors), manifest.count),
            ".ids": [(8 * ID_COLUMNS * manifest.count, rows.ids)],
        }
        for suffix, size in _file_sizes(extended).items():
            _write(files, manifest.generation + suffix, parts[suffix], size)
        files.write(_MANIFEST, json.dumps(asdict(extended)).encode())
        manifest = extended
    for name in files.names():
        if name != _MANIFEST and not name.startswith(f"{manifest.generation}."):
            files.delete(name)
    return _mapped(files.path, manifest, table)


def _file_sizes(manifest: _Manifest) -> dict[str, int]:
    """Return the sizes of the files in bytes. Sign bits fill whole blocks."""
    return {
        ".rows": 4 * manifest.dimensions * manifest.count,
        ".bits": 8 * math.prod(sign_bits.shape(manifest.count, manifest.dimensions)),
        ".ids": 8 * ID_COLUMNS * manifest.count,
    }


def _write(files: LibraryFolder, name: str, parts: "Iterable[tuple[int, NDArray[np.generic]]]", size: int) -> None:
    """Write parts at their offsets, truncate leftovers of a killed writer, and fsync."""
    with os.fdopen(files.open(name, os.O_CREAT | os.O_RDWR), "r+b") as file:
        for offset, part in parts:
            file.seek(offset)
            file.write(part.tobytes())
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
