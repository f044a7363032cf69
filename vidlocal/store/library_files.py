"""Files below the library folder, opened without following links.

A library may come from someone else, with links to other folders, and pipes that block. The library folder itself may
be a link, chosen by the user. Below, each step is opened relative to the one before, so that a link put in place
meanwhile leads nowhere either. On systems without such calls (Windows), each step is checked first.
"""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_IS_RELATIVE = {os.open, os.stat, os.unlink, os.rename, os.mkdir, os.rmdir} <= os.supports_dir_fd
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0) | _NO_LINKS


class LibraryFolder:
    """An open folder of a library. All methods take plain names, and raise OSError for a link (ELOOP)."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor

    def names(self) -> list[str]:
        """List the names of all entries."""
        return sorted(os.listdir(self.path if self._descriptor is None else self._descriptor))

    def is_folder(self, name: str) -> bool:
        """Return True for a folder, False for a link or anything else."""
        status = self._status(name)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def is_file(self, name: str) -> bool:
        """Return True for a regular file, False for a link or anything else."""
        status = self._status(name)
        return status is not None and stat.S_ISREG(status.st_mode)

    def size_bytes(self, name: str) -> int:
        """Return the size of an entry, 0 for a missing entry."""
        status = self._status(name)
        return 0 if status is None else status.st_size

    def modified_ns(self, name: str) -> int:
        """Return the modification time of an entry in nanoseconds, 0 for a missing entry."""
        status = self._status(name)
        return 0 if status is None else status.st_mtime_ns

    def is_same_file(self, name: str, file: int) -> bool:
        """Return True if an entry is the file opened as descriptor `file`."""
        status = self._status(name)
        return status is not None and os.path.samestat(status, os.fstat(file))

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Open a regular file, and return the descriptor. New files get the mode 0600."""
        if self._descriptor is None and self._is_link(name):
            raise _link_error(self.path / name)
        file = os.open(self._at(name), flags | _NO_LINKS, 0o600, dir_fd=self._descriptor)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.EINVAL, "not a regular file", str(self.path / name))
        return file

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Read a regular file. Raises OSError (EFBIG) for a larger file."""
        with os.fdopen(self.open(name), "rb") as file:
            if os.fstat(file.fileno()).st_size > max_bytes:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(self.path / name))
            return file.read(max_bytes)

    def write(self, name: str, data: bytes) -> None:
        """Write a new file, fsync, and rename to `name`: readers see either the old or the whole new file."""
        draft = f".{name}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(self.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self.rename(draft, self, name)
        except BaseException:
            self.delete(draft)
            raise

    def make_folder(self, name: str) -> None:
        """Create a folder with mode 0700, unless present."""
        with suppress(FileExistsError):
            os.mkdir(self._at(name), 0o700, dir_fd=self._descriptor)

    def rename(self, name: str, target: "LibraryFolder", new_name: str) -> None:
        """Move an entry to another open folder, in place of a file of this name."""
        os.replace(self._at(name), target._at(new_name), src_dir_fd=self._descriptor, dst_dir_fd=target._descriptor)

    def delete(self, name: str) -> None:
        """Delete an entry with everything below; of a link, the link. Ignores errors and missing entries."""
        if self.is_folder(name):
            shutil.rmtree(self._at(name), ignore_errors=True, dir_fd=self._descriptor)
            return
        with suppress(OSError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def _at(self, name: str) -> str | Path:
        if name in ("", ".", "..") or set(name) & {"/", os.sep, "\0"}:
            raise OSError(errno.EINVAL, "not a file name", str(self.path))
        return name if self._descriptor is not None else self.path / name

    def _status(self, name: str) -> os.stat_result | None:
        """Return the status of an entry, not of the target of a link; None for a missing entry."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return None

    def _is_link(self, name: str) -> bool:
        status = self._status(name)
        return status is not None and stat.S_ISLNK(status.st_mode)


@contextmanager
def open_folder(library_folder: Path, *names: str, create: bool = False) -> Iterator[LibraryFolder]:
    """Open a folder below a library folder, made if missing with `create`. Raises OSError, ELOOP for a link."""
    folder = LibraryFolder(library_folder, os.open(library_folder, os.O_RDONLY) if _IS_RELATIVE else None)
    try:
        for name in names:
            if create:
                folder.make_folder(name)
            folder = _enter(folder, name)
        yield folder
    finally:
        _close(folder)


def _enter(parent: LibraryFolder, name: str) -> LibraryFolder:
    """Open a folder in place of its parent."""
    path = parent.path / name
    if parent._is_link(name):
        raise _link_error(path)
    if parent._descriptor is None:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return LibraryFolder(path, None)
    descriptor = os.open(parent._at(name), os.O_RDONLY | _FOLDER, dir_fd=parent._descriptor)
    _close(parent)
    return LibraryFolder(path, descriptor)


def _close(folder: LibraryFolder) -> None:
    if folder._descriptor is not None:
        os.close(folder._descriptor)
        folder._descriptor = None


def _link_error(path: Path) -> OSError:
    return OSError(errno.ELOOP, "a link, and links in a library are not followed", str(path))
