"""New files in watched folders."""

import shutil
from pathlib import Path

import pytest

from tests.support.clocks import Wall
from vidlocal.ingest.folder_watcher import MIN_UNCHANGED_S, FolderWatcher
from vidlocal.media.file_filter import FileFilter
from vidlocal.records import MediaKind


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def ready(watcher: FolderWatcher, wall: Wall, *, after: float) -> list[str]:
    """Files ready after these seconds of watching."""
    for _ in range(round(after)):
        wall.pass_time(1)
        watcher.ready()
    return [path.name for path in watcher.ready()]


def test_a_file_arrives_when_it_has_stopped_growing(inbox: Path, wall: Wall) -> None:
    watcher = FolderWatcher([inbox], wall.now)
    film = inbox / "film.mp4"
    for size in range(1, 6):
        film.write_bytes(b"x" * size)
        assert ready(watcher, wall, after=MIN_UNCHANGED_S / 2) == []
    assert ready(watcher, wall, after=MIN_UNCHANGED_S + 10) == ["film.mp4"]


def test_a_file_is_handed_out_once_and_again_when_it_changed(inbox: Path, wall: Wall) -> None:
    watcher = FolderWatcher([inbox], wall.now)
    film = inbox / "film.mp4"
    film.write_bytes(b"first")
    assert ready(watcher, wall, after=80) == ["film.mp4"]
    watcher.hand_out(film)
    assert ready(watcher, wall, after=80) == []
    film.write_bytes(b"second one")
    assert ready(watcher, wall, after=80) == ["film.mp4"]


@pytest.mark.parametrize("name", ["film.srt", "film.mp4.xmp", "film.nfo"])
def test_a_film_is_handed_out_again_when_a_file_beside_it_changed(inbox: Path, wall: Wall, name: str) -> None:
    watcher = FolderWatcher([inbox], wall.now)
    film, beside = inbox / "film.mp4", inbox / name
    film.write_bytes(b"film")
    assert ready(watcher, wall, after=80) == ["film.mp4"]
    watcher.hand_out(film)
    beside.write_text("first")
    assert ready(watcher, wall, after=80) == ["film.mp4"]
    watcher.hand_out(film)
    beside.write_text("second one")
    assert ready(watcher, wall, after=80) == ["film.mp4"]
    watcher.hand_out(film)
    assert ready(watcher, wall, after=80) == []


def test_existing_files_arrive_first_sorted_by_name(inbox: Path, wall: Wall) -> None:
    (inbox / "below").mkdir()
    for name in ("b.mkv", "a.MOV", "below/c.jpg"):
        (inbox / name).write_bytes(b"x")
    assert ready(FolderWatcher([inbox], wall.now), wall, after=80) == ["a.MOV", "b.mkv", "c.jpg"]


def test_hidden_empty_and_half_downloaded_files_do_not_arrive(inbox: Path, wall: Wall) -> None:
    for name in (".film.mp4", "film.mp4.part", "film.crdownload", "notes.txt"):
        (inbox / name).write_bytes(b"x")
    (inbox / "empty.mp4").touch()
    assert ready(FolderWatcher([inbox], wall.now), wall, after=200) == []


def test_unplugged_folder_loses_nothing(inbox: Path, wall: Wall) -> None:
    watcher = FolderWatcher([inbox], wall.now)
    (inbox / "film.mp4").write_bytes(b"x")
    assert ready(watcher, wall, after=30) == []
    shutil.move(inbox, inbox.with_name("away"))
    assert ready(watcher, wall, after=80) == []
    shutil.move(inbox.with_name("away"), inbox)
    assert ready(watcher, wall, after=80) == ["film.mp4"]


def test_without_folders_nothing_is_looked_at(wall: Wall) -> None:
    assert FolderWatcher([], wall.now).ready() == []


def test_skipped_files_do_not_arrive(inbox: Path, wall: Wall) -> None:
    (inbox / "raw").mkdir()
    for name in ("a.mp4", "poster.jpg", "raw/b.mp4", "c.mp3"):
        (inbox / name).write_bytes(b"x")
    rules = FileFilter(exclude=("raw",), only=frozenset({MediaKind.VIDEO}))
    assert ready(FolderWatcher([inbox], wall.now, rules), wall, after=80) == ["a.mp4"]
