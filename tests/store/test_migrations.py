"""Libraries of older versions are migrated."""

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from vidlocal.store.database import SCHEMA_VERSION, Library
from vidlocal.store.index import text_index
from vidlocal.store.migrations import migrations

# The first migration after each older version.
NEXT = {
    1: "understanding",
    2: "second_looks",
    3: "picture_vectors",
    4: "remembered_queries",
    5: "unique_ids",
    6: "folded_texts",
    7: "sidecar_stamps",
    8: "replaced_videos",
    9: "windows",
    10: "word_times",
    11: "speech_drafts",
    12: "job_ends",
    13: "simplified_chinese",
    14: "speakers",
    15: "job_ends_by_index",
    16: "places",
    17: "telemetry",
    18: "judgements",
    19: "people",
    20: "speakers_are_people",
    21: "times_of_people",
}

CONTENT = """
INSERT INTO videos (id, content_hash, path, title, kind, duration, width_px, height_px, codecs, rotation, added_at,
  size_bytes) VALUES (7, 'abc', '/films/wedding.mp4', 'wedding', 'video', 60.0, 640, 360, 'h264', 0, '2026-01-01', 9);
INSERT INTO frames (id, video_id, time, shot, image, dhash, rank) VALUES (11, 7, 0.0, 0, 'frames/abc/0.jpg', -1, 0);
INSERT INTO frames (id, video_id, time, shot, dhash, same_as) VALUES (12, 7, 2.0, 0, 1, 11);
INSERT INTO passages (id, video_id, frame_id, start, "end", kind, text, created_at)
  VALUES (13, 7, 11, 0.0, 2.0, 'scene', 'the bride laughs', '2026-01-01');
INSERT INTO vectors (passage_id, model, vector) VALUES (13, 'm@1', x'0000803f');
INSERT INTO jobs (kind, target, video_id, state, updated_at) VALUES ('describe', 11, 7, 'done', '2026-01-01');
"""


def old_library(folder: Path, version: int, text: str = "the bride laughs") -> Library:
    """Create a library of an older version, and migrate by opening."""
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / "library.db", isolation_level=None)
    migrations.apply(Database(connection, execute_plugins=False), stop_before=NEXT[version])
    assert connection.execute("PRAGMA user_version").fetchone()[0] == version
    connection.executescript(CONTENT)
    connection.execute("UPDATE passages SET text = ?", (text,))
    connection.close()
    return Library.open(folder)


def schema(library: Library) -> dict[str, str]:
    rows = library.rows("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {row["name"]: row["sql"] for row in rows}


@pytest.mark.parametrize("version", NEXT)
def test_a_library_of_every_older_version_gets_the_current_schema(tmp_path: Path, version: int) -> None:
    with old_library(tmp_path / "old", version) as old, Library.open(tmp_path / "new", create=True) as new:
        assert old.number("PRAGMA user_version") == SCHEMA_VERSION == len(NEXT) + 1
        assert schema(old) == schema(new)


@pytest.mark.parametrize("version", NEXT)
def test_a_migration_loses_nothing(tmp_path: Path, version: int) -> None:
    with old_library(tmp_path / "old", version) as old:
        assert old.number("SELECT count(*) FROM frames") == 2
        assert old.number("SELECT count(*) FROM vectors") == 1
        assert [
            tuple(row) for row in old.rows("SELECT rowid FROM passage_words WHERE passage_words MATCH 'bride'")
        ] == [(13,)]
        assert old.number("SELECT count(*) FROM jobs WHERE kind = 'describe' AND state = 'done'") == 1
        assert old.rows("PRAGMA foreign_key_check") == []


@pytest.mark.parametrize("version", NEXT)
def test_a_migrated_library_never_uses_an_id_again(tmp_path: Path, version: int) -> None:
    with old_library(tmp_path / "old", version) as old:
        with old.writing() as connection:
            connection.execute("DELETE FROM videos")
        with old.writing() as connection:
            video_id = connection.execute(
                """INSERT INTO videos (content_hash, path, title, kind, duration, width_px, height_px, codecs, rotation,
                  added_at, size_bytes) VALUES ('new', '/new', 'new', 'video', 1, 1, 1, '', 0, '2026-01-01', 1)
                RETURNING id"""
            ).fetchone()[0]
            frame_id = connection.execute(
                "INSERT INTO frames (video_id, time, shot, dhash) VALUES (?, 0, 0, 0) RETURNING id", (video_id,)
            ).fetchone()[0]
        assert video_id > 7
        assert frame_id > 12


@pytest.mark.parametrize("version", [version for version in NEXT if version < 7])
def test_texts_of_older_libraries_are_found_in_any_spelling(tmp_path: Path, version: int) -> None:
    with old_library(tmp_path / "old", version, "Невеста идёт в Łódź") as old:
        assert list(text_index.search(old, "идет", limit=5)) == list(text_index.search(old, "lodz", limit=5)) == [13]
        assert old.number("SELECT count(*) FROM passages WHERE text = 'Невеста идёт в Łódź'") == 1


def test_traditional_chinese_of_older_libraries_is_found_in_simplified_characters(tmp_path: Path) -> None:
    with old_library(tmp_path / "old", 13, "婚禮 José") as old:
        assert list(text_index.search(old, "婚礼", limit=5)) == [13]
        assert old.number("SELECT count(*) FROM passages WHERE text = '婚禮 José'") == 1
