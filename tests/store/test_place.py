"""Where a library lies."""

from pathlib import Path

import pytest

from vidlocal.store import place
from vidlocal.store.database import Library

MOUNTS = [("/", "ext4"), ("/home", "ext4"), ("/home/me/nas", "nfs4"), ("/mnt/ssh", "fuse.sshfs")]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/home/me", "ext4"), ("/home/me/nas/videos", "nfs4"), ("/home/me/nasty", "ext4"), ("/mnt/ssh", "fuse.sshfs")],
)
def test_the_innermost_mount_tells_the_filesystem(folder: str, kind: str) -> None:
    assert place.filesystem_type(Path(folder), MOUNTS) == kind


def test_a_folder_that_is_synchronised_is_told(tmp_path: Path) -> None:
    (tmp_path / "Dropbox").mkdir()
    assert "Dropbox" in str(place.network_filesystem(tmp_path / "Dropbox" / "vidlocal"))
    assert place.network_filesystem(tmp_path / "home") is None


def test_what_others_may_read_is_found(library: Library) -> None:
    assert place.readable_by_others(library.folder) == []
    library.folder.chmod(0o755)
    library.path.chmod(0o644)
    assert place.readable_by_others(library.folder) == [library.folder, library.path]


def test_free_space_of_a_folder_that_is_not_there_yet_is_that_of_its_disk(tmp_path: Path) -> None:
    assert place.existing(tmp_path / "not" / "yet") == tmp_path.resolve()
    assert place.free_bytes(tmp_path / "not" / "yet") > 0
