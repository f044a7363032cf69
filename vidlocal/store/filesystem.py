"""Filesystem type, free space and permissions of the library folder."""

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vidlocal.errors import ToolError
from vidlocal.process import run
from vidlocal.store.database import FILE_NAME

# SQLite's write-ahead log needs shared memory between processes, which network filesystems lack
# (https://sqlite.org/wal.html, "does not work over a network filesystem").
_NETWORK_TYPES = frozenset(
    ["nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p", "ncpfs", "afs", "ceph"]
)
_NETWORK_FUSE = re.compile(r"fuse\.(sshfs|rclone|s3fs|gcsfuse|davfs2?|glusterfs|ceph|google-drive-ocamlfuse)")
# Folders of programs that copy files to other machines while we write.
_SYNCHRONISED = ("Dropbox", "OneDrive", "Google Drive", "GoogleDrive", "Mobile Documents", "Nextcloud", "CloudStorage")


def network_filesystem(folder: Path) -> str | None:
    """Return the reason why `folder` is unfit for SQLite (network filesystem, synchronised folder), or None."""
    folder = existing_ancestor(folder)
    kind = filesystem_type(folder, list(_mounts()))
    if kind in _NETWORK_TYPES or _NETWORK_FUSE.match(kind):
        return f"a network filesystem ({kind})"
    return next((f"a folder that {part} synchronises" for part in folder.parts if part.startswith(_SYNCHRONISED)), None)


def filesystem_type(folder: Path, mounts: Sequence[tuple[str, str]]) -> str:
    """Return the filesystem type of `folder` from (mount point, type) pairs, "" if no mount point matches."""
    parents = [(point, kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(parents, key=lambda mount: len(mount[0]), default=("", ""))[1]


def free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of an existing or future folder."""
    return shutil.disk_usage(existing_ancestor(folder)).free


def existing_ancestor(folder: Path) -> Path:
    """Return `folder` or the nearest existing parent."""
    resolved = folder.resolve()
    return next(path for path in (resolved, *resolved.parents) if os.path.isdir(path))


def readable_by_others(home: Path) -> list[Path]:
    """List the home folder and library files with permissions for other users."""
    private = [home, home / "settings.toml", *home.glob(f"{FILE_NAME}*")]
    return [path for path in private if os.path.exists(path) and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]


def _mounts() -> Iterator[tuple[str, str]]:
    """Yield mount point and type of every mounted filesystem."""
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
        # The kernel escapes spaces as \040.
        yield re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), point), kind
