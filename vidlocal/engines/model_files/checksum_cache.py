"""Checksums of model files, cached in the models folder until a file changes."""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import EngineError

_CACHE_FILE = "verified.json"
_BLOCK_BYTES = 4 << 20


def cached_checksums(path: Path, models_folder: Path) -> Mapping[str, str]:
    """Return `sha1` and `sha256` of a file, from the cache if size, mtime and inode are unchanged.

    Raises EngineError for an unreadable file.
    """
    try:
        status = path.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
        cache = _read_cache(models_folder)
        entry = cache.get(str(path), {})
        if entry.get("stamp") == stamp and "sha1" in entry and "sha256" in entry:
            return entry
        sha1, sha256 = hash_file(path)
    except OSError as error:
        raise EngineError(f"{path}: cannot read the model file ({error.strerror}).") from error
    entry = {"stamp": stamp, "sha1": sha1, "sha256": sha256}
    _write_cache(models_folder, {**cache, str(path): entry})
    return entry


def hash_file(path: Path) -> tuple[str, str]:
    """Compute SHA-1 and SHA-256 of a file, in hex. Raises OSError."""
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            sha1.update(block)
            sha256.update(block)
    return sha1.hexdigest(), sha256.hexdigest()


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, including the data directory, with mode 0700."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(exist_ok=True, mode=0o700)


def _read_cache(models_folder: Path) -> dict[str, dict[str, str]]:
    """Return the cached entries by path; empty if the cache is missing or damaged."""
    try:
        cache = json.loads((models_folder / _CACHE_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    entries = cache.items() if isinstance(cache, dict) else ()
    return {
        str(path): {str(key): str(value) for key, value in entry.items()}
        for path, entry in entries
        if isinstance(entry, dict)
    }


def _write_cache(models_folder: Path, cache: Mapping[str, Mapping[str, str]]) -> None:
    """Write the cache. Best effort: without a cache the next start hashes the files again."""
    draft = models_folder / f".{_CACHE_FILE}.{os.getpid()}"
    with suppress(OSError):
        make_private_folder(models_folder)
        try:
            draft.write_text(json.dumps(cache, indent=1), "utf-8")
            os.replace(draft, models_folder / _CACHE_FILE)
        finally:
            draft.unlink(missing_ok=True)
