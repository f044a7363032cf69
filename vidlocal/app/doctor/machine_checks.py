"""Checks of programs, packages, the library and the settings."""

import os
import sqlite3
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from vidlocal.app.doctor.check import REINSTALL, Check, CheckState
from vidlocal.errors import StoreError, ToolError
from vidlocal.settings import Settings, unknown_variables
from vidlocal.store import filesystem
from vidlocal.store.content import videos
from vidlocal.store.database import FILE_NAME, SCHEMA_VERSION, Library
from vidlocal.text import format_size, pluralize

_MIN_SPACE_BYTES = 2 << 30
_FULL_DISK_BYTES = 64 << 20


def ffmpeg(loaded: Settings) -> Check:
    """Check the version of ffmpeg."""
    from vidlocal.media.ffmpeg import find_ffmpeg, is_bundled

    try:
        result = find_ffmpeg(loaded.ffmpeg)
    except ToolError as error:
        return Check("ffmpeg", CheckState.MISSING, str(error), REINSTALL, error.exit_code)
    origin = "bundled" if is_bundled(result.path) else result.path
    return Check("ffmpeg", CheckState.OK, f"{result.version}, {origin}")


def package(part: str, name: str, exit_code: int) -> Check:
    """Check the installation of a Python package."""
    try:
        return Check(part, CheckState.OK, f"{name} {metadata.version(name)}")
    except metadata.PackageNotFoundError:
        return Check(part, CheckState.MISSING, f"{name} is not installed", REINSTALL, exit_code)


def sqlite() -> Check:
    """Check the full-text search of SQLite."""
    result = f"SQLite {sqlite3.sqlite_version}"
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram')")
    except sqlite3.Error as error:
        fix = "Use a Python whose SQLite is 3.35 or newer and has FTS5, such as the one of python.org."
        return Check(
            "database", CheckState.MISSING, f"{result} cannot search text ({error})", fix, StoreError.exit_code
        )
    finally:
        connection.close()
    return Check("database", CheckState.OK, result)


def home(home: Path) -> Iterator[Check]:
    """Check library, permissions, disk space and file system."""
    yield _library(home)
    base = filesystem.existing_ancestor(home)
    if not os.access(base, os.W_OK | os.X_OK):
        fix = f"chmod u+rwx {base}, or name another folder with VIDLOCAL_HOME"
        yield Check("permissions", CheckState.MISSING, f"{base} cannot be written to", fix, StoreError.exit_code)
    else:
        yield _privacy(home)
    yield _space(home)
    network = filesystem.network_filesystem(home)
    if network:
        fix = "Set VIDLOCAL_HOME to a folder on a disk of this machine."
        yield Check("filesystem", CheckState.WARNING, f"{home} is on {network}; a library can be damaged there", fix)


def _library(home: Path) -> Check:
    if not (home / FILE_NAME).exists():
        return Check("library", CheckState.OK, f"none yet in {home}", "vidlocal ingest PATH")
    try:
        with Library.open(home) as library:
            count = len(videos.every(library))
    except StoreError as error:
        return Check("library", CheckState.MISSING, str(error), "", error.exit_code)
    return Check("library", CheckState.OK, f"{pluralize(count, 'video')}, schema {SCHEMA_VERSION}, {home / FILE_NAME}")


def _privacy(home: Path) -> Check:
    readable = filesystem.readable_by_others(home)
    if readable:
        fix = f"chmod -R go= {home}"
        return Check("permissions", CheckState.WARNING, f"others can read {', '.join(map(str, readable))}", fix)
    return Check(
        "permissions", CheckState.OK, "only you can read the library" if home.exists() else "the folder will be yours"
    )


def _space(home: Path) -> Check:
    free = filesystem.free_bytes(home)
    result = f"{format_size(free)} free"
    fix = "Free some space, or move the library with VIDLOCAL_HOME."
    if free < _FULL_DISK_BYTES:
        return Check("disk space", CheckState.MISSING, result, fix, StoreError.exit_code)
    if free < _MIN_SPACE_BYTES:
        return Check("disk space", CheckState.WARNING, result, fix)
    return Check("disk space", CheckState.OK, result)


def variables(loaded: Settings) -> Check:
    """Check the environment for unknown settings."""
    unknown = unknown_variables()
    if unknown:
        return Check("settings", CheckState.WARNING, f"{', '.join(unknown)} : unknown setting", "vidlocal config")
    return Check(
        "settings", CheckState.OK, str(loaded.file) if loaded.file.exists() else "defaults and environment variables"
    )
