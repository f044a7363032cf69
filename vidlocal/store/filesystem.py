"""Where a library lies: on what kind of disk, with how much room, open to whom."""

import re
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vidlocal.errors import ToolError
from vidlocal.process import run
from vidlocal.store.database import FILE_NAME

# SQLite's write-ahead log needs shared memory between processes, which these do not give
# (https://sqlite.org/wal.html, "does not work over a network filesystem").
_NETWORK_TYPES = frozenset(
    ["nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p", "ncpfs", "afs", "ceph"]
)
_NETWORK_FUSE = re.compile(r"fuse\.(sshfs|rclone|s3fs|gcsfuse|davfs2?|glusterfs|ceph|google-drive-ocamlfuse)")
# Folders that a program of that name copies to other machines while we write.
_SYNCHRONISED = ("Dropbox", "OneDrive", "Google Drive", "GoogleDrive", "Mobile Documents", "Nextcloud", "CloudStorage")


def network_filesystem(folder: Path) -> str | None:
    """What makes `folder` unfit for SQLite's log: a network filesystem or a synchronised folder. None: it is fit."""
    folder = existing(folder)
    kind = filesystem_type(folder, list(_mounts()))
    if kind in _NETWORK_TYPES or _NETWORK_FUSE.match(kind):
        return f"a network filesystem ({kind})"
    return next((f"a folder that {part} synchronises" for part in folder.parts if part.startswith(_SYNCHRONISED)), None)


def filesystem_type(folder: Path, mounts: Sequence[tuple[str, str]]) -> str:
    """The type of the filesystem that holds `folder`, of (mount point, type) pairs; "" when none does."""
    holding = [(point, kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]), default=("", ""))[1]


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk of `folder`, which need not exist yet."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that is there."""
    resolved = folder.resolve()
    return next(place for place in (resolved, *resolved.parents) if place.is_dir())


def readable_by_others(home: Path) -> list[Path]:
    """The home folder and the library's files, those of them that other users may read or write."""
    mine = [home, home / "settings.toml", *home.glob(f"{FILE_NAME}*")]
    return [path for path in mine if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]


def _mounts() -> Iterator[tuple[str, str]]:
    """Every mounted filesystem: where and of what type."""
    if sys.platform == "darwin":
        try:
            listing = run(["/sbin/mount"], timeout=5.0).stdout.decode("utf-8", "replace")
        except ToolError:
            return
        for match in re.finditer(r" on (.+) \((\w+)[,)]", listing):
            yield match[1], match[2]
        return
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        # The kernel writes blanks in a name as \040.
        yield re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), point), kind
