import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media import files


def test_folders_are_searched_in_order_and_hidden_things_skipped(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mp4", ".hidden.mp4", "sub/c.mkv", ".git/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    inputs = list(files.find_files([tmp_path]))
    assert [item.path.name for item in inputs] == ["a.mp4", "b.mp4", "c.mkv"]
    assert not any(item.explicit for item in inputs)


def test_an_explicit_file_is_found_even_if_hidden_or_missing(tmp_path: Path) -> None:
    (tmp_path / ".secret.mp4").touch()
    inputs = list(files.find_files([tmp_path / ".secret.mp4", tmp_path / "missing.mp4"]))
    assert [(item.path.name, item.explicit) for item in inputs] == [(".secret.mp4", True), ("missing.mp4", True)]


def test_a_live_photo_is_one(tmp_path: Path) -> None:
    key = ("-metadata", "com.apple.quicktime.content.identifier=1A2B", "-movflags", "use_metadata_tags")
    clips.numbered(tmp_path / "IMG_1.MOV", frames=9, after=key)
    clips.numbered(tmp_path / "IMG_2.MOV", frames=9)
    for name in ("IMG_1.HEIC", "IMG_2.HEIC"):
        (tmp_path / name).touch()
    skipped = {file.path.name: file.skip_reason for file in files.find_files([tmp_path])}
    assert skipped == {"IMG_1.HEIC": None, "IMG_1.MOV": "film of a Live Photo", "IMG_2.HEIC": None, "IMG_2.MOV": None}
    (tmp_path / "IMG_1.HEIC").unlink()
    assert [file.skip_reason for file in files.find_files([tmp_path])] == [None] * 3
    assert [file.skip_reason for file in files.find_files([tmp_path / "IMG_1.MOV"])] == [None]


def test_each_file_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert len(list(files.find_files([tmp_path / "a.mp4", tmp_path, tmp_path]))) == 1


def test_relative_names_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert next(files.find_files([Path("a:b.mp4")])).path == tmp_path / "a:b.mp4"


def test_loops_of_links_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.mp4").touch()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    assert [item.path.name for item in files.find_files([tmp_path])] == ["self.mp4", "a.mp4"]
    with pytest.raises(MediaError, match="loop"):
        files.read_stamp(tmp_path / "self.mp4")


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match=r"^link\.mp4: link to .*gone\.mp4, which does not exist\.$"):
        files.read_stamp(tmp_path / "link.mp4")


def test_pipes_sockets_devices_and_folders_are_rejected_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.mp4"))
        for path, reason in (
            (tmp_path / "pipe.mp4", "named pipe"),
            (tmp_path / "folder.mp4", "folder"),
            (tmp_path / "s.mp4", "socket"),
            (Path("/dev/null"), "device"),
            (tmp_path / "gone.mp4", "not found"),
            (tmp_path / "gone.mp4" / "deeper.mp4", "not found"),
            (tmp_path / ("x" * 300), "too long"),
            (Path("a\0b"), "invalid file name"),
        ):
            with pytest.raises(MediaError, match=reason):
                files.read_stamp(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch(mode=0)
    with pytest.raises(MediaError, match="permissions"):
        files.read_stamp(tmp_path / "a.mp4")


def test_a_stamp_changes_when_the_file_does(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"one")
    before = files.read_stamp(path)
    assert files.is_unchanged(path, before)
    path.write_bytes(b"longer")
    assert not files.is_unchanged(path, before)
    path.unlink()
    assert not files.is_unchanged(path, before)


def test_the_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    progress: list[float] = []
    for name, data in (("a", b"x" * 9_000_000), ("b", b"x" * 9_000_000), ("c", b"y")):
        (tmp_path / name).write_bytes(data)
    first = files.content_hash(tmp_path / "a", on_progress=progress.append)
    assert len(first) == 64
    assert first == files.content_hash(tmp_path / "b") != files.content_hash(tmp_path / "c")
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_a_file_growing_during_reading_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 9_000_000)

    def grow(done: float) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(MediaError, match="changed during reading"):
        files.content_hash(path, on_progress=grow)


@pytest.mark.parametrize(
    ("name", "is_media"), [("a.MP4", True), ("a.jpg", True), ("a.opus", True), ("a.txt", False), ("mp4", False)]
)
def test_media_is_recognized_by_extension(name: str, is_media: bool) -> None:
    assert files.has_media_extension(Path(name)) is is_media


def test_a_source_is_the_first_file_of_unchanged_size_and_time_or_content(tmp_path: Path) -> None:
    missing, changed, touched, same = (tmp_path / name for name in ("missing", "changed", "touched", "same"))
    for path in (changed, touched, same):
        path.write_bytes(b"video")
    stamps = {path: files.read_stamp(path) for path in (changed, touched, same)}
    digest = files.content_hash(same)
    changed.write_bytes(b"other")
    os.utime(changed, ns=(1, 1))
    os.utime(touched, ns=(1, 1))
    stamps = {missing: stamps[same], **stamps}
    assert files.find_source(stamps, digest) == touched
    del stamps[touched]
    assert files.find_source(stamps, digest) == same
    del stamps[same]
    assert files.find_source(stamps, digest) is None
    renumbered = {same: replace(files.read_stamp(same), inode=0)}
    assert files.find_source(renumbered, "0" * 64) == same
