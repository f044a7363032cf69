import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from vidlocal.errors import MediaError
from vidlocal.media import files


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
