"""A library without write permission is read as usual; commands that write report an error."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.wedding_film import add_film
from vidlocal.store.database import Library

# Commands for a library on a write-protected memory stick.
READS = (
    ["list"],
    ["show", "1"],
    ["search", "bride"],
    ["search", "bride", "--json"],
    ["status"],
    ["plan"],
    ["failed"],
    ["report"],
    ["export"],
    ["similar", "1@2"],
    ["note", "1@5"],
    ["clip", "bride", "--dry-run"],
    ["rm", "1", "--dry-run"],
)
WRITES = (["rm", "1", "--yes"], ["note", "1@5", "Anna"], ["enrich"], ["failed", "--retry"])
NOBODY = 65534


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Library.open(tmp_path / "home", create=True) as library:
        add_film(library, pictures=3)
    return tmp_path / "home"


# Root without the right to ignore permissions: what everybody else is.
AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"]


def vidlocal(home: Path, *words: str, by: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": "http://127.0.0.1:9"}
    return subprocess.run(
        [*by, sys.executable, "-m", "vidlocal", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd="/",
    )


@contextmanager
def write_protected(home: Path) -> Iterator[Path]:
    """The folder mounted read-only."""
    where = home.with_name("stick")
    where.mkdir()
    mount = ["mount", "--bind", "-o", "ro", str(home), str(where)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this system lets us mount nothing")
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


def stamps(home: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in home.rglob("*")}


@pytest.mark.slow
def test_a_library_on_a_write_protected_disk_is_read_and_nothing_is_written(home: Path) -> None:
    before = stamps(home)
    with write_protected(home) as stick:
        for words in READS:
            done = vidlocal(stick, *words)
            assert done.returncode == 0, (words, done.stderr)
        assert "bride" in vidlocal(stick, "search", "bride").stdout
        for words in WRITES:
            done = vidlocal(stick, *words)
            assert (done.returncode, done.stderr.count("\n")) == (6, 1), (words, done.stderr)
            assert "Copy the folder" in done.stderr
    assert stamps(home) == before


def test_a_library_in_a_folder_of_another_user_is_read(home: Path) -> None:
    by: Sequence[str] = ()
    for path in (home, *home.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
            by = AS_ANYBODY
    if by and shutil.which(by[0]) is None:
        pytest.skip("root ignores permissions, and this system cannot take that from it")
    before = stamps(home)
    for words in READS[:6]:
        done = vidlocal(home, *words, by=by)
        assert done.returncode == 0, (words, done.stderr)
    for words in WRITES:
        done = vidlocal(home, *words, by=by)
        assert (done.returncode, done.stderr.count("\n")) == (6, 1), (words, done.stderr)
    assert stamps(home) == before
    for path in (home, *home.rglob("*")):  # so that it can be removed
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_the_latest_changes_of_a_running_writer_are_read(home: Path) -> None:
    with Library.open(home) as writer:
        add_film(writer, name="picnic", pictures=0)
        assert (home / "library.db-wal").stat().st_size
        with write_protected(home) as stick:
            assert "picnic" in vidlocal(stick, "list").stdout


def test_a_log_that_needs_recovery_is_reported(home: Path, tmp_path: Path) -> None:
    """The library is copied while in use, without its -shm file."""
    with Library.open(home) as writer:
        add_film(writer, name="picnic", pictures=0)
        shutil.copytree(home, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
    with write_protected(tmp_path / "copy") as stick:
        done = vidlocal(stick, "list")
        assert (done.returncode, done.stderr.count("\n")) == (6, 1)
        assert "not closed properly" in done.stderr
    assert "picnic" in vidlocal(tmp_path / "copy", "list").stdout


def test_an_empty_log_is_ignored(home: Path) -> None:
    (home / "library.db-wal").touch()
    with write_protected(home) as stick:
        assert "wedding" in vidlocal(stick, "list").stdout


def test_an_old_library_without_write_permission_is_not_migrated(home: Path) -> None:
    with Library.open(home) as library:
        library.connection.execute("PRAGMA user_version = 2")
    with write_protected(home) as stick:
        done = vidlocal(stick, "list")
        assert (done.returncode, done.stderr.count("\n")) == (6, 1)
        assert "older version" in done.stderr
