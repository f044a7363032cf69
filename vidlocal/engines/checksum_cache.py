"""Checksums of model files, which are read to the end only when they have changed since the last time."""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import EngineError

_RECORD = "verified.json"
_BLOCK = 4 << 20


def cached_checksums(path: Path, folder: Path) -> Mapping[str, str]:
    """`sha1` and `sha256` of a file, from the record in the models folder when the file is unchanged.

    Raises EngineError when it cannot be read.
    """
    try:
        status = path.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
        record = _read_record(folder)
        known = record.get(str(path), {})
        if known.get("stamp") == stamp and "sha1" in known and "sha256" in known:
            return known
        found = {"stamp": stamp, **_hashed(path)}
    except OSError as error:
        raise EngineError(f"The model file {path} cannot be read: {error.strerror}.") from error
    _write_record(folder, {**record, str(path): found})
    return found


def _hashed(path: Path) -> dict[str, str]:
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            sha1.update(block)
            sha256.update(block)
    return {"sha1": sha1.hexdigest(), "sha256": sha256.hexdigest()}


def _read_record(folder: Path) -> dict[str, dict[str, str]]:
    try:
        record = json.loads((folder / _RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    entries = record.items() if isinstance(record, dict) else ()
    return {
        str(path): {str(key): str(value) for key, value in found.items()}
        for path, found in entries
        if isinstance(found, dict)
    }


def _write_record(folder: Path, record: Mapping[str, Mapping[str, str]]) -> None:
    """Kept when it can be: without it the next start reads the model once more."""
    draft = folder / f".{_RECORD}.{os.getpid()}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            draft.write_text(json.dumps(record, indent=1), "utf-8")
            os.replace(draft, folder / _RECORD)
        finally:
            draft.unlink(missing_ok=True)
