"""Files replaced under the same name: no moment of the old file plays or cuts the new file."""

import json
import os
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run
from vidlocal.store.content import videos
from vidlocal.store.database import Library

ZEBRA = "1\n00:00:01,000 --> 00:00:02,000\nA zebra runs.\n"


@pytest.fixture
def holiday(run: Run, tmp_path: Path) -> Path:
    """A film with a subtitle, ingested."""
    film = clips.scenes(tmp_path / "holiday.mp4", seconds=6)
    film.with_suffix(".srt").write_text(ZEBRA)
    run("ingest", str(film), "--later")
    film.with_suffix(".srt").unlink()
    return film


def replace(film: Path) -> None:
    os.replace(clips.scenes(film.with_name("edited.mp4"), seconds=4, seed=7), film)


def test_a_replaced_video_lets_go_of_its_path_and_is_no_longer_found(run: Run, holiday: Path, tmp_path: Path) -> None:
    assert "zebra" in run("search", "zebra", "--private").stdout
    replace(holiday)
    result = run("ingest", str(holiday), "--later")
    assert "holiday: another file has replaced video 1, which search no longer finds." in result.stderr
    assert "zebra" not in run("search", "zebra", "--private").stdout
    with Library.open(tmp_path / "home") as library:
        old, new = videos.every(library)
        assert (old.path, new.path) == (f"{holiday} (replaced)", str(holiday))
        assert old.replaced_at is not None
        assert new.replaced_at is None
        assert library.number("SELECT count(*) FROM passages WHERE video_id = 1") == 1
    assert json.loads(run("show", "1", "--json").stdout)["video"]["path"] == f"{holiday} (replaced)"


def test_a_replaced_video_is_found_again_where_its_file_is(run: Run, holiday: Path, tmp_path: Path) -> None:
    backup = holiday.with_name("backup.mp4")
    backup.write_bytes(holiday.read_bytes())
    replace(holiday)
    run("ingest", str(holiday), "--later")
    run("ingest", str(backup), "--later")
    with Library.open(tmp_path / "home") as library:
        old, _ = videos.every(library)
        assert (old.path, old.replaced_at) == (str(backup), None)
    assert "zebra" in run("search", "zebra", "--private").stdout


def test_of_two_files_the_other_one_stays(run: Run, holiday: Path, tmp_path: Path) -> None:
    copy = holiday.with_name("copy.mp4")
    copy.write_bytes(holiday.read_bytes())
    run("ingest", str(copy), "--later")
    replace(holiday)
    run("ingest", str(holiday), "--later")
    with Library.open(tmp_path / "home") as library:
        assert [video.path for video in videos.every(library)] == [str(copy), str(holiday)]
    assert "zebra" in run("search", "zebra", "--private").stdout


def test_a_changed_file_is_neither_cut_nor_played(run: Run, holiday: Path, tmp_path: Path) -> None:
    replace(holiday)
    sentence = f"holiday.mp4: changed since it was indexed. Run: vidlocal ingest {holiday}"
    assert sentence in run("clip", "zebra", "-d", str(tmp_path / "clips")).stderr
    assert sentence in run("play", "holiday@0:01").stderr
    assert sentence in run("search", "zebra", "--private", "--open", "1").stderr
    assert list((tmp_path / "clips").glob("*")) == []


def test_an_old_moment_is_not_cut_out_of_the_new_file(run: Run, holiday: Path, tmp_path: Path) -> None:
    moments = run("search", "zebra", "--private", "--json").stdout
    assert json.loads(moments)["moments"][0]["video"]["path"] == str(holiday)
    replace(holiday)
    run("ingest", str(holiday), "--later")
    result = run("clip", "-", "-d", str(tmp_path / "clips"), input=moments)
    assert "the file was replaced by another one" in result.stderr
    assert list((tmp_path / "clips").glob("*")) == []


def test_a_file_with_new_times_but_the_same_content_is_cut(run: Run, holiday: Path, tmp_path: Path) -> None:
    os.utime(holiday, (1, 1))
    assert run("clip", "zebra", "-d", str(tmp_path / "clips")).exit_code == 0
    assert len(list((tmp_path / "clips").iterdir())) == 1
