"""Files of a library are opened inside its folder, never through a link."""

import os
from pathlib import Path

import pytest

from vidlocal.store.library_files import open_folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"precious")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "frames" / "a").mkdir(parents=True)
    (folder / "frames" / "a" / "1.jpg").write_bytes(b"image")
    return folder


def test_a_file_below_is_read_and_replaced_as_a_whole(home: Path) -> None:
    with open_folder(home, "frames", "a") as folder:
        assert folder.read("1.jpg", max_bytes=10) == b"image"
        folder.write("1.jpg", b"new")
        assert folder.read("1.jpg", max_bytes=10) == b"new"
        assert folder.names() == ["1.jpg"]
        assert (home / "frames" / "a" / "1.jpg").stat().st_mode & 0o777 == 0o600


def test_the_library_folder_itself_may_be_a_link(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home)
    with open_folder(tmp_path / "link", "frames", "a") as folder:
        assert folder.read("1.jpg", max_bytes=10) == b"image"


@pytest.mark.parametrize("create", [False, True])
def test_a_linked_folder_is_not_entered(home: Path, outside: Path, create: bool) -> None:
    (home / "vectors").symlink_to(outside)
    with pytest.raises(OSError, match="a link"), open_folder(home, "vectors", create=create):
        pass


def test_a_linked_file_is_neither_read_nor_written(home: Path, outside: Path) -> None:
    (home / "frames" / "a" / "2.jpg").symlink_to(outside / "secret")
    with open_folder(home, "frames", "a") as folder:
        assert not folder.is_file("2.jpg")
        with pytest.raises(OSError, match="symbolic links"):
            folder.read("2.jpg", max_bytes=10)
        with pytest.raises(OSError, match="symbolic links"):
            folder.open("2.jpg", os.O_WRONLY | os.O_CREAT)
    assert (outside / "secret").read_bytes() == b"precious"


def test_a_pipe_is_refused_without_waiting(home: Path) -> None:
    os.mkfifo(home / "pipe")
    with open_folder(home) as folder, pytest.raises(OSError, match="not a regular file"):
        folder.read("pipe", max_bytes=10)


def test_a_file_larger_than_allowed_is_not_read(home: Path) -> None:
    with open_folder(home, "frames", "a") as folder, pytest.raises(OSError, match="too large"):
        folder.read("1.jpg", max_bytes=4)


def test_deleting_a_link_keeps_the_folder_behind(home: Path, outside: Path) -> None:
    (home / "frames" / "b").symlink_to(outside)
    (home / "frames" / "a" / "inner").symlink_to(outside)
    with open_folder(home, "frames") as folder:
        folder.delete("b")
        folder.delete("a")
        folder.delete("missing")
        assert folder.names() == []
    assert (outside / "secret").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["", ".", "..", "../outside/secret", "a/1.jpg", "a\0"])
def test_only_plain_names_are_opened(home: Path, outside: Path, name: str) -> None:
    with open_folder(home, "frames") as folder:
        with pytest.raises(OSError, match="not a file name"):
            folder.open(name)
        folder_names = folder.names()
    assert folder_names == ["a"]
