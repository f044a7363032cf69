"""Stamp and hash files. Never blocks on pipes and devices."""

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.media.extensions import is_partial_download
from vidlocal.records import FileStamp

_BLOCK_BYTES = 4 << 20

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)

_REASONS = {
    errno.ENOENT: "not found",
    errno.ENOTDIR: "not found",
    errno.EACCES: "permission denied. Check the permissions of the file and its folder",
    errno.EPERM: "permission denied. Check the permissions of the file and its folder",
    errno.ELOOP: "loop of symbolic links",
    errno.ENAMETOOLONG: "file name too long",
}


def is_within(path: Path, folder: Path) -> bool:
    """Return True for a path below a folder, by real paths."""
    # Not Path.resolve, which raises RuntimeError for a loop of symbolic links.
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents


def read_stamp(path: Path) -> FileStamp:
    """Size, modification time and inode of a readable regular file.

    Raises MediaError for everything else, without opening it: a named pipe would block until a writer appears.
    """
    try:
        _require_regular(path, os.stat(path))
        with open_nonblocking(path) as file:
            status = os.fstat(file.fileno())
            _require_regular(path, status)
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error
    return _stamp(status)


def read_start(path: Path, max_bytes: int) -> bytes:
    """Return the first `max_bytes` of a file, or all of a smaller one.

    Raises MediaError if it cannot be read or is no regular file, without opening it.
    """
    read_stamp(path)
    try:
        with open_nonblocking(path) as file:
            # A single read may return less.
            return b"".join(iter(lambda: file.read(max(0, max_bytes - file.tell())), b""))
    except OSError as error:
        raise read_error(path, error) from error


def is_unchanged(path: Path, before: FileStamp) -> bool:
    """True if the file still has the stamp `before`."""
    try:
        return _stamp(os.stat(path)) == before
    except OSError:
        return False


def find_source(stamps: Mapping[Path, FileStamp], original_hash: str) -> Path | None:
    """Return the first path with a file of unchanged content, None if there is none.

    `stamps`: paths of a video with the stamps of their last reading.
    """
    for path, before in stamps.items():
        with suppress(MediaError):
            if has_same_content(path, before, original_hash):
                return path
    return None


def preferred_path(stamps: Mapping[Path, FileStamp]) -> Path | None:
    """Return the first path with an existing file of the same size, None if there is none.

    Names of unfinished downloads come last. Reads no file. `stamps`: paths of a video with the stamps of their last
    reading, in order of preference.
    """
    for path in sorted(stamps, key=is_partial_download):
        with suppress(OSError, ValueError):
            if os.stat(path).st_size == stamps[path].size_bytes:
                return path
    return None


def has_same_content(path: Path, before: FileStamp, original_hash: str) -> bool:
    """True for the same size and modification time, else for the same size and content hash. Raises MediaError.

    The inode does not count: some drives number their files anew with each mount.
    """
    now = read_stamp(path)
    if now.size_bytes != before.size_bytes:
        return False
    return now.mtime_ns == before.mtime_ns or content_hash(path) == original_hash


def content_hash(path: Path, *, on_progress: Callable[[float], None] | None = None) -> str:
    """BLAKE2b-256 of the file's bytes as 64 hexadecimal digits. Calls `progress` with the share done, 0 to 1.

    Raises MediaError if the file cannot be read to the end or changes during reading.
    """
    before = read_stamp(path)
    digest = hashlib.blake2b(digest_size=32)
    done = 0
    try:
        with open_nonblocking(path) as file:
            # Bounded by the size at the start: a growing recording would never end.
            while done <= before.size_bytes and (block := file.read(_BLOCK_BYTES)):
                digest.update(block)
                done += len(block)
                if on_progress is not None:
                    on_progress(min(1.0, done / max(1, before.size_bytes)))
    except OSError as error:
        raise read_error(path, error) from error
    if done != before.size_bytes or not is_unchanged(path, before):
        raise MediaError(f"{path.name}: changed during reading. Ingest it again when it is complete.")
    return digest.hexdigest()


def read_error(path: Path, error: OSError | ValueError) -> MediaError:
    """Convert an error of the operating system to a MediaError."""
    if isinstance(error, ValueError):  # a zero byte in the name
        return MediaError(f"{path.name!r}: invalid file name.")
    reason = _REASONS.get(error.errno or 0, f"cannot be read: {error.strerror or error}")
    if error.errno == errno.ENOENT and path.is_symlink():
        reason = f"link to {os.readlink(path)}, which does not exist"
    return MediaError(f"{path.name}: {reason}.")


def open_nonblocking(path: Path) -> io.FileIO:
    """Open a file for reading. Does not block if the file became a pipe since the check."""
    return open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for test, name in _KINDS if test(status.st_mode)), "special file")
    if kind == "folder" and not os.access(path, os.R_OK | os.X_OK):
        raise MediaError(f"{path.name}: permission denied. Check the permissions of the folder.")
    raise MediaError(f"{path.name}: not a regular file, but a {kind}.")


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)
