"""A library from someone else: nothing in it is executed, and nothing outside its folder is read or changed."""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlite_utils import Database
from typer.testing import CliRunner

from tests.support.fake_ollama import FakeOllama
from tests.support.wedding_film import add_film, deep
from vidlocal.cli import app
from vidlocal.errors import MediaError, StoreError
from vidlocal.maintenance.check import is_complete_jpeg
from vidlocal.store import schema, staging
from vidlocal.store.check import database, images, invalid_values, vectors
from vidlocal.store.content import frame_images, frames, videos
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.migrations import migrations
from vidlocal.store.queue import jobs

# What would run when we read or write, each in the words of who made it.
RUNS = {
    "a trigger": "CREATE TRIGGER x AFTER INSERT ON searches BEGIN DELETE FROM passages; END",
    "a trigger instead of one of ours": """DROP TRIGGER passages_added;
        CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN DELETE FROM videos; END""",
    "a view without an end": """CREATE VIEW x AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT i FROM n""",
    "another view of ours": "DROP VIEW enriched_frames; CREATE VIEW enriched_frames AS SELECT 1 AS frame_id",
    "a view in the place of a table": "DROP TABLE runs; CREATE VIEW runs AS SELECT 1 AS id, 2 AS report",
    "a virtual table": "CREATE VIRTUAL TABLE x USING fts5(t)",
    "another module": "CREATE VIRTUAL TABLE x USING rtree(id, low, high)",
    "a generated column": """DROP TABLE runs; CREATE TABLE runs (id INTEGER PRIMARY KEY, started_at TEXT NOT NULL,
        ended_at TEXT NOT NULL, report TEXT AS (hex(zeroblob(1000000))) STORED)""",
    "a table of ours in other letters": """DROP TABLE runs; CREATE TABLE RUNS (id INTEGER PRIMARY KEY,
        started_at TEXT, ended_at TEXT, report TEXT CHECK (hex(zeroblob(1000000))))""",
    "a trigger that is said to be a table": """PRAGMA writable_schema = ON;
        INSERT INTO sqlite_master VALUES ('table', 'x', 'passages', 0,
          'CREATE TRIGGER x AFTER INSERT ON passages BEGIN DELETE FROM videos; END')""",
    "a trigger by the name of SQLite's own": """PRAGMA writable_schema = ON;
        INSERT INTO sqlite_master VALUES ('trigger', 'sqlite_x', 'passages', 0,
          'CREATE TRIGGER sqlite_x AFTER INSERT ON passages BEGIN DELETE FROM videos; END')""",
    "a table of ours under another name": """PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET name = 'x', tbl_name = 'x' WHERE name = 'runs'""",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Library.open(tmp_path / "home", create=True) as library:
        add_film(library, pictures=3)
    return tmp_path / "home"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder with an image outside the library."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "0.jpg").write_bytes(b"\xff\xd8 private \xff\xd9")
    return folder


def change(home: Path, script: str) -> None:
    with closing(sqlite3.connect(home / "library.db", isolation_level=None)) as connection:
        connection.executescript(script)


def test_fingerprint_equals_that_of_a_new_library(library: Library) -> None:
    assert schema.fingerprint(schema.read(library.connection)) == schema.CURRENT_FINGERPRINT
    assert schema.foreign(schema.read(library.connection)) == []


@pytest.mark.parametrize("what", RUNS)
def test_a_library_with_an_executable_object_is_refused(home: Path, what: str) -> None:
    change(home, RUNS[what])
    with pytest.raises(StoreError) as refused:
        Library.open(home)
    assert refused.value.exit_code == 6
    assert str(home) in str(refused.value)


def test_an_old_library_is_refused_before_its_migration_is_committed(home: Path) -> None:
    (home / "library.db").unlink()
    with closing(sqlite3.connect(home / "library.db", isolation_level=None)) as connection:
        migrations.apply(Database(connection, execute_plugins=False), stop_before="second_looks")
    change(home, "CREATE TRIGGER x AFTER INSERT ON searches BEGIN DELETE FROM passages; END")
    with pytest.raises(StoreError, match="was not created by vidlocal"):
        Library.open(home)
    with closing(sqlite3.connect(home / "library.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_tables_and_indexes_of_the_user_are_accepted(home: Path) -> None:
    change(home, "CREATE TABLE mine (video INTEGER, stars INTEGER); CREATE INDEX mine_too ON videos(title); ANALYZE")
    with Library.open(home) as library:
        assert schema.fingerprint(schema.read(library.connection)) != schema.CURRENT_FINGERPRINT
        assert len(videos.every(library)) == 1


@pytest.mark.parametrize("what", ["a trigger", "a trigger instead of one of ours", "a view without an end"])
def test_check_removes_executable_objects(home: Path, what: str) -> None:
    change(home, RUNS[what])
    with Library.open(home, for_repair=True) as library:
        (finding,) = database.schema(library)
        assert finding.repair is not None
        finding.repair()
    with Library.open(home) as library:
        assert list(database.schema(library)) == []
        assert len(videos.every(library)) == 1


def test_a_value_too_large_is_an_error_message(home: Path) -> None:
    change(home, "UPDATE videos SET title = zeroblob(100000000)")
    with Library.open(home) as library, pytest.raises(StoreError, match="too large"):
        videos.every(library)


ELSEWHERE = [
    "{secret}/0.jpg",
    "../private/0.jpg",
    "frames/../../private/0.jpg",
    "frames/wedding/../../../private/0.jpg",
    "frames/folder/0.jpg",
    "frames/wedding/link.jpg",
    "frames/wedding/pipe.jpg",
    "frames/wedding/huge.jpg",
    "frames/wedding/device.jpg",
    "frames/",
    "frames",
    "",
    "library.db",
    "/dev/zero",
    "frames/wedding/\0.jpg",
]


@pytest.fixture
def traps(home: Path, secret: Path) -> None:
    wedding = home / "frames" / "wedding"
    (home / "frames" / "folder").symlink_to(secret)
    (wedding / "link.jpg").symlink_to(secret / "0.jpg")
    (wedding / "device.jpg").symlink_to("/dev/zero")
    os.mkfifo(wedding / "pipe.jpg")
    (wedding / "huge.jpg").touch()
    os.truncate(wedding / "huge.jpg", 1 << 40)


@pytest.mark.parametrize("image", ELSEWHERE)
@pytest.mark.usefixtures("traps")
def test_images_are_read_and_written_in_the_frames_folder_only(home: Path, secret: Path, image: str) -> None:
    with Library.open(home) as library:
        with library.writing() as connection:
            connection.execute("UPDATE frames SET image = ? WHERE time = 0", (image.format(secret=secret),))
        frame = frames.of_video(library, 1)[0]
        with pytest.raises(MediaError, match="cannot read the image"):
            frame_images.read(library, frame)
        lost = images.damaged(library, 1, is_whole=is_complete_jpeg)
        assert [missing.frame.id for missing in lost if missing.is_missing] == [frame.id]
        with suppress(StoreError, OSError):
            images.restore(library, frame, b"\xff\xd8 ours \xff\xd9")
    assert {path.name: path.read_bytes() for path in secret.iterdir()} == {"0.jpg": b"\xff\xd8 private \xff\xd9"}


@pytest.mark.parametrize("name", ["..", ".", "", "../private", "{secret}", "wedding/../../private"])
def test_removing_a_video_deletes_nothing_outside_its_folder(home: Path, secret: Path, name: str) -> None:
    with Library.open(home) as library:
        other = add_film(library, name="other", pictures=2)
        with library.writing() as connection:
            connection.execute("UPDATE videos SET content_hash = ? WHERE id = 1", (name.format(secret=secret),))
        list(images.unnamed(library))
        videos.remove(library, 1, purge=True)
        assert all(frame_images.read(library, frame) for frame in frames.of_video(library, other))
    assert (secret / "0.jpg").is_file()


@pytest.mark.parametrize("token", ["../../private/0.jpg", "{secret}/0.jpg", "../library.db", "", ".."])
def test_the_token_of_a_worker_leads_to_no_other_file(home: Path, secret: Path, token: str) -> None:
    with Library.open(home) as library:
        with library.writing() as connection:
            connection.execute("UPDATE jobs SET state = 'running', worker = ?", (token.format(secret=secret),))
        jobs.requeue_orphans(library)
        jobs.running(library)
    assert (secret / "0.jpg").is_file()
    assert (home / "library.db").is_file()


def test_nothing_behind_a_linked_frames_folder_is_deleted(home: Path, secret: Path) -> None:
    (home / "frames").rename(home / "old frames")
    (home / "frames").symlink_to(secret)
    with Library.open(home) as library:
        assert staging.remove_orphans(library) == 0
        assert list(images.leftovers(library)) == []
    assert (secret / "0.jpg").is_file()


def test_a_linked_folder_of_images_is_neither_repaired_nor_deleted(home: Path, secret: Path) -> None:
    (home / "frames" / "wedding").rename(home / "old frames")
    (home / "frames" / "wedding").symlink_to(secret)
    with Library.open(home) as library:
        frame = frames.of_video(library, 1)[0]
        with pytest.raises(MediaError, match="link"):
            frame_images.read(library, frame)
        for finding in images.leftovers(library):
            assert finding.repair is not None
            finding.repair()
        with pytest.raises(StoreError, match="a link"):
            images.restore(library, frame, b"\xff\xd8 ours \xff\xd9")
        videos.remove(library, 1)
    assert {path.name: path.read_bytes() for path in secret.iterdir()} == {"0.jpg": b"\xff\xd8 private \xff\xd9"}


def test_no_vector_cache_behind_a_link_is_listed_or_deleted(home: Path, secret: Path) -> None:
    (secret / "0123456789abcdef").mkdir()
    (home / "vectors").symlink_to(secret)
    with Library.open(home) as library:
        assert list(vectors.caches(library)) == []
        videos.remove(library, 1, purge=True)
    assert sorted(path.name for path in secret.iterdir()) == ["0.jpg", "0123456789abcdef"]


def test_a_content_hash_that_is_none_names_no_folder(home: Path) -> None:
    (home / "frames" / "Documents").mkdir()
    with Library.open(home) as library:
        with library.writing() as connection:
            connection.execute("UPDATE videos SET content_hash = 'Documents'")
        videos.remove(library, 1)
    assert (home / "frames" / "Documents").is_dir()


@pytest.mark.parametrize("name", ["library.db", "library.db-wal"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_library_file_must_be_a_regular_file(home: Path, secret: Path, name: str, kind: str) -> None:
    if (home / name).exists():
        (home / name).rename(secret / name)
    if kind == "pipe":
        os.mkfifo(home / name)
    else:
        (home / name).symlink_to(secret / name)
    with pytest.raises(StoreError, match=r"not a regular file|No library"):
        Library.open(home)


def test_other_files_among_the_locks_stay(home: Path, secret: Path) -> None:
    (home / "owners").symlink_to(secret)
    with Library.open(home) as library:
        staging.remove_orphans(library)
    assert (secret / "0.jpg").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("value", ["x'00ff'", "9e999", "'{'"])
def test_invalid_values_are_an_error_message_and_no_traceback(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("VIDLOCAL_HOME", str(tmp_path / "copy"))
    with closing(sqlite3.connect(home / "library.db")) as connection:
        columns = [
            (table, column)
            for table in ("videos", "frames", "passages", "jobs", "measures", "searches", "copies")
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")
            if column != "id"
        ]
    for table, column in columns:
        shutil.copytree(home, tmp_path / "copy")
        with suppress(sqlite3.Error):
            change(tmp_path / "copy", f'UPDATE {table} SET "{column}" = {value}')
        for words in (["list"], ["show", "1"], ["search", "bride", "--private"], ["status"], ["export"]):
            result = CliRunner().invoke(app, words, prog_name="vidlocal")
            assert result.exit_code in {0, 2, 6}, (table, column, words, result.stderr)
        shutil.rmtree(tmp_path / "copy")


def test_a_valid_library_has_no_invalid_values(home: Path) -> None:
    with Library.open(home) as library, FakeOllama() as server:
        deep(library, server)
        searches.add(library, "bride", 1, [searches.Span(1, 0.0, 2.0)])
        assert invalid_values.first_invalid(library.connection) is None


@pytest.mark.parametrize(
    "where", ["/etc/passwd", "/dev/zero", "/dev/tty", "{home}/pipe", "{home}", "pipe:0", "http://x/y.mp4"]
)
def test_a_path_to_anything_else_blocks_no_command(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    os.mkfifo(home / "pipe")
    (tmp_path / "player").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "player").chmod(0o700)
    path = where.format(home=home)
    change(home, f"UPDATE videos SET path = '{path}'; UPDATE copies SET path = '{path}', size_bytes = 0")
    monkeypatch.setenv("VIDLOCAL_HOME", str(home))
    monkeypatch.setenv("VIDLOCAL_PLAYER", str(tmp_path / "player"))
    monkeypatch.chdir(tmp_path)
    lines = [
        ["clip", "bride", "-d", "clips"],
        ["clip", "bride", "--join", "all.mp4"],
        ["ask", "1@2", "what?"],
        ["search", "bride", "--open", "1"],
        ["organize", "/", "--by-date"],
        ["check", "--repair"],
        ["export", "1", "-f", "otio"],
    ]
    with FakeOllama() as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        for words in lines:
            result = CliRunner().invoke(app, words, prog_name="vidlocal")
            assert result.exit_code != 1, (words, result.stderr)
    assert not (tmp_path / "all.mp4").exists()
    assert list((tmp_path / "clips").iterdir()) == []
