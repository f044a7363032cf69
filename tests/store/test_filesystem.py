"""Filesystem, free space and permissions."""

from pathlib import Path

import pytest

from vidlocal.store import filesystem
from vidlocal.store.database import Library

MOUNTS = [("/", "ext4"), ("/home", "ext4"), ("/home/me/nas", "nfs4"), ("/mnt/ssh", "fuse.sshfs")]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/home/me", "ext4"), ("/home/me/nas/videos", "nfs4"), ("/home/me/nasty", "ext4"), ("/mnt/ssh", "fuse.sshfs")],
)
def test_the_innermost_mount_decides(folder: str, kind: str) -> None:
    assert filesystem.filesystem_type(Path(folder), MOUNTS) == kind


def test_a_synchronised_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "Dropbox").mkdir()
    assert "Dropbox" in str(filesystem.network_filesystem(tmp_path / "Dropbox" / "vidlocal"))
    assert filesystem.network_filesystem(tmp_path / "home") is None


def test_files_readable_by_others_are_listed(library: Library) -> None:
    assert filesystem.readable_by_others(library.folder) == []
    library.folder.chmod(0o755)
    library.path.chmod(0o644)
    assert filesystem.readable_by_others(library.folder) == [library.folder, library.path]


def test_free_space_of_a_future_folder_is_read_from_its_disk(tmp_path: Path) -> None:
    assert filesystem.existing_ancestor(tmp_path / "not" / "yet") == tmp_path.resolve()
    assert filesystem.free_bytes(tmp_path / "not" / "yet") > 0
