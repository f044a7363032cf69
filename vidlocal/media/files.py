"""Finding files, and telling what can be told of one without understanding it. Nothing here ever blocks."""

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.records import FileStamp

_VIDEO = (
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m2t .m2ts .m4v .mj2 .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ogm .ogv"
    " .qt .ts .vob .webm .wmv"
)
_AUDIO = ".aac .aif .aiff .amr .caf .flac .m4a .m4b .mka .mp2 .mp3 .oga .ogg .opus .wav .wma"
_PHOTO = ".avif .bmp .gif .heic .heif .hif .jpe .jpeg .jpg .png .tif .tiff .webp"

PHOTO_EXTENSIONS = frozenset(_PHOTO.split())
MEDIA_EXTENSIONS = frozenset(_VIDEO.split()) | frozenset(_AUDIO.split()) | PHOTO_EXTENSIONS

_BLOCK = 4 << 20

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_REASONS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EACCES: "may not be read: check its permissions and those of its folder",
    errno.EPERM: "may not be read: check its permissions and those of its folder",
    errno.ELOOP: "is a symbolic link that leads in a circle",
    errno.ENAMETOOLONG: "has a name that is too long",
}


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to look at. `named` when the user typed it, false when it was found in a folder."""

    path: Path
    explicit: bool


def find_files(paths: Sequence[Path]) -> Iterator[InputFile]:
    """The files among `paths` and in the folders among them, each once, absolute, in the order given and sorted
    within a folder.

    Folders are searched with everything below them; what is hidden is skipped, links are followed, but into no
    folder a second time. A path that does not exist is found too: whoever opens it learns why it cannot be read.
    """
    seen: set[Path] = set()
    visited: set[tuple[int, int]] = set()
    for path in paths:
        whole = Path(os.path.abspath(path))
        inside = _below(whole, visited) if whole.is_dir() else iter([InputFile(whole, explicit=True)])
        for found in inside:
            if found.path not in seen:
                seen.add(found.path)
                yield found


def has_media_extension(path: Path) -> bool:
    """Whether the extension promises video, sound or a photo."""
    return path.suffix.lower() in MEDIA_EXTENSIONS


def read_stamp(path: Path) -> FileStamp:
    """Size, time of change and inode of a regular file that may be read.

    Raises MediaError for everything else, without opening it: a named pipe would wait for a writer for ever.
    """
    try:
        _require_regular(path, os.stat(path))
        with _open(path) as file:
            status = os.fstat(file.fileno())
            _require_regular(path, status)
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error
    return _stamp(status)


def is_unchanged(path: Path, before: FileStamp) -> bool:
    """Whether the file is still the one that was stamped, as far as can be told without reading it."""
    try:
        return _stamp(os.stat(path)) == before
    except OSError:
        return False


def content_hash(path: Path, *, progress: Callable[[float], None] | None = None) -> str:
    """BLAKE2b-256 of the file's bytes as 64 hexadecimal digits. `progress` is told the share done, 0 to 1.

    Raises MediaError when it cannot be read to the end or changed while it was read.
    """
    before = read_stamp(path)
    digest = hashlib.blake2b(digest_size=32)
    done = 0
    try:
        with _open(path) as file:
            # A recording that grows as fast as it is read would never end.
            while done <= before.size_bytes and (block := file.read(_BLOCK)):
                digest.update(block)
                done += len(block)
                if progress is not None:
                    progress(min(1.0, done / max(1, before.size_bytes)))
    except OSError as error:
        raise read_error(path, error) from error
    if done != before.size_bytes or not is_unchanged(path, before):
        raise MediaError(f"{path.name} changed while it was read. Ingest it again when it is complete.")
    return digest.hexdigest()


def read_error(path: Path, error: OSError | ValueError) -> MediaError:
    """The sentence for what the system said about this file."""
    if isinstance(error, ValueError):  # a zero byte in the name
        return MediaError(f"{path.name!r} is no file name.")
    reason = _REASONS.get(error.errno or 0, f"cannot be read: {error.strerror or error}")
    return MediaError(f"{path.name} {reason}.")


def _open(path: Path) -> io.FileIO:
    """The file, opened for reading; never waiting, should it have become a pipe since we looked."""
    return open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for test, name in _KINDS if test(status.st_mode)), "something else")
    if kind == "a folder" and not os.access(path, os.R_OK | os.X_OK):
        raise MediaError(f"The folder {path.name} may not be read: check its permissions.")
    raise MediaError(f"{path.name} is {kind}, not a file.")


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _below(folder: Path, visited: set[tuple[int, int]]) -> Iterator[InputFile]:
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            return
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield InputFile(folder, explicit=True)  # whoever opens it learns why; its files must not vanish in silence
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        if path.is_dir():
            yield from _below(path, visited)
        else:
            yield InputFile(path, explicit=False)
