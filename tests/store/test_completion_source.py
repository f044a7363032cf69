"""Candidates for completion are read at once or not at all, and leave no trace."""

import sqlite3
from pathlib import Path

import pytest

from tests.support.commands import add_video
from vidlocal.store import completion_source
from vidlocal.store.database import FILE_NAME, SCHEMA_VERSION, Library


def everything(home: Path) -> list[object]:
    return [
        *completion_source.videos(home),
        *completion_source.tags(home, "", limit=10),
        *completion_source.languages(home),
    ]


def test_videos_tags_and_languages_are_offered(library: Library) -> None:
    video_id = add_video(library, "wedding", "hello")
    with library.writing() as connection:
        connection.execute("UPDATE videos SET language = 'es'")
        connection.execute("INSERT INTO tags (frame_id, tag) VALUES (1, 'dance'), (1, 'dog'), (1, 'cake')")
        connection.execute(
            "INSERT INTO video_tags (video_id, kind, tag, passage_id) VALUES (?, 'tag', 'dress', 1)", (video_id,)
        )
    assert completion_source.videos(library.folder) == [
        completion_source.VideoName(video_id, "wedding", "wedding.mp4", 20.0)
    ]
    assert completion_source.tags(library.folder, "d", limit=10) == ["dance", "dog", "dress"]
    assert completion_source.tags(library.folder, "d", limit=2) == ["dance", "dog"]
    assert completion_source.languages(library.folder) == ["es"]


def test_a_missing_library_offers_nothing_and_is_not_created(tmp_path: Path) -> None:
    assert everything(tmp_path / "nowhere") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100], ids=["empty", "garbage"])
def test_a_broken_library_offers_nothing_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert everything(tmp_path) == []
    assert (tmp_path / FILE_NAME).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
def test_a_library_of_another_version_offers_nothing(library: Library, version: int) -> None:
    add_video(library, "wedding", "hello")
    library.connection.execute(f"PRAGMA user_version = {version}")
    assert everything(library.folder) == []


def test_a_library_being_written_is_read_in_its_old_state(library: Library) -> None:
    add_video(library, "wedding", "hello")
    with library.writing() as connection:
        connection.execute("UPDATE videos SET title = 'party'")
        assert [video.title for video in completion_source.videos(library.folder)] == ["wedding"]
    assert [video.title for video in completion_source.videos(library.folder)] == ["party"]


def test_a_locked_library_offers_nothing_at_once(library: Library) -> None:
    add_video(library, "wedding", "hello")
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    library.connection.execute("PRAGMA journal_mode = DELETE")
    other = sqlite3.connect(library.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        before = sorted(library.folder.rglob("*"))
        completion_source.videos(library.folder)
        assert sorted(library.folder.rglob("*")) == before
    finally:
        other.close()


def test_reading_leaves_no_file_behind(tmp_path: Path) -> None:
    with Library.open(tmp_path, create=True) as library:
        add_video(library, "wedding", "hello")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert len(everything(tmp_path)) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_endless_query_is_aborted(library: Library) -> None:
    add_video(library, "wedding", "hello")
    library.connection.execute("DROP TABLE tags")
    library.connection.execute(
        """CREATE VIEW tags AS WITH RECURSIVE n(tag) AS (SELECT 'a' UNION ALL SELECT tag || 'a' FROM n)
        SELECT tag FROM n WHERE tag = 'b'"""
    )
    assert completion_source.tags(library.folder, "", limit=10) == []
