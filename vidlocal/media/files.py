"""Find, stamp and hash files. Never blocks on pipes and devices."""

import errno
import hashlib
import io
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.media.extensions import MEDIA_EXTENSIONS, PHOTO_EXTENSIONS
from vidlocal.media.file_filter import EXCLUDED, NO_FILTER, OTHER_KIND, FileFilter
from vidlocal.records import FileStamp

# Unfinished downloads of yt-dlp and wget, Chrome, Safari, Firefox, Opera, qBittorrent, and backups of editors.
_PARTIAL_ENDINGS = (
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".opdownload",
    ".ytdl",
    ".!qb",
    ".!ut",
    ".tmp",
    "~",
)

# Low-resolution copies and thumbnails of GoPro, DJI and Canon cameras.
_COMPANION_EXTENSIONS = frozenset({".lrv", ".lrf", ".thm"})

# Thumbnails and deleted files of Synology, QNAP and Windows.
_SKIPPED_FOLDERS = frozenset({"@eadir", "#recycle", "@recycle", "@recently-snapshot", "$recycle.bin", "lost+found"})

# Pictures that Kodi, Jellyfin, Plex and music players keep beside films and albums.
_ARTWORK = "albumart albumartsmall backdrop banner clearart cover disc fanart folder landscape logo movie poster thumb"
_ARTWORK_STEMS = frozenset(_ARTWORK.split())
_ARTWORK_ENDINGS = ("-backdrop", "-banner", "-clearart", "-clearlogo", "-fanart", "-landscape", "-poster", "-thumb")

_BLOCK_BYTES = 4 << 20

# Three seconds at 4K take 8 MB.
_MAX_LIVE_PHOTO_BYTES = 64 << 20
_LIVE_PHOTO_TAIL_BYTES = 1 << 18
_LIVE_PHOTO_KEY = b"com.apple.quicktime.content.identifier"

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


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to process. `explicit` if named by the user, false if found in a folder.

    `skip_reason`: why a file or folder is left out, such as an unfinished download.
    """

    path: Path
    explicit: bool
    skip_reason: str | None = None

    @property
    def is_expected(self) -> bool:
        """True for a presumable media file: failures are reported, other files are skipped."""
        return self.explicit or has_media_extension(self.path)


def find_files(paths: Sequence[Path], rules: FileFilter = NO_FILTER) -> Iterator[InputFile]:
    """Yield all files of `paths` and of folders in `paths`, each once, absolute, sorted within a folder.

    Folders are searched recursively; hidden files and recycle bins are left out, and links are followed, but into no
    folder twice. Skipped files have a reason; of an excluded folder only the folder is yielded.
    Missing paths are yielded too: opening them gives the error.
    """
    seen: set[Path] = set()
    visited: set[tuple[int, int]] = set()
    for path in paths:
        absolute = _existing_spelling(Path(os.path.abspath(path)))
        is_folder = os.path.isdir(absolute)
        files = _Walk(absolute, visited, rules).search(absolute) if is_folder else iter([_named_file(absolute, rules)])
        for file in files:
            if file.path not in seen:
                seen.add(file.path)
                yield file


def _existing_spelling(path: Path) -> Path:
    """Return the path with accents as in the existing file name: composed, or decomposed as on macOS."""
    spellings = (Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))
    return next((spelling for spelling in (path, *spellings) if os.path.lexists(spelling)), path)


def is_partial_download(path: Path) -> bool:
    """True for the names of unfinished downloads and backups."""
    return path.name.lower().endswith(_PARTIAL_ENDINGS)


def has_media_extension(path: Path) -> bool:
    """True for the extensions of video, audio and photos."""
    return path.suffix.lower() in MEDIA_EXTENSIONS


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
        with _open(path) as file:
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
        with _open(path) as file:
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
        with _open(path) as file:
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


def _open(path: Path) -> io.FileIO:
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


def _named_file(path: Path, rules: FileFilter) -> InputFile:
    reason = EXCLUDED if rules.is_excluded(path, path) else None if rules.may_allow(path) else OTHER_KIND
    return InputFile(path, explicit=True, skip_reason=reason)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Search of a folder. `visited`: device and inode of the folders searched so far."""

    root: Path
    visited: set[tuple[int, int]]
    rules: FileFilter

    def search(self, folder: Path) -> Iterator[InputFile]:
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in self.visited:
                return
            self.visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                names = sorted(entry.name for entry in listing)
        except OSError:
            yield InputFile(folder, explicit=True)  # opening it gives the error; its files must not be skipped silently
            return
        skip_reasons = _FolderRules(names)
        for name in names:
            path = folder / name
            if (name.startswith(".") or name.lower() in _SKIPPED_FOLDERS) and not self.rules.is_included(
                path, self.root
            ):
                continue
            yield from self._entry(path, skip_reasons)

    def _entry(self, path: Path, skip_reasons: "_FolderRules") -> Iterator[InputFile]:
        is_excluded = self.rules.is_excluded(path, self.root)
        if os.path.isdir(path):
            if is_excluded and not self.rules.include:
                yield InputFile(path, explicit=False, skip_reason=EXCLUDED)
            else:
                yield from self.search(path)
            return
        reason = EXCLUDED if is_excluded else None if self.rules.may_allow(path) else OTHER_KIND
        if reason is None and not self.rules.is_included(path, self.root):
            reason = skip_reasons.skip_reason(path)
        yield InputFile(path, explicit=False, skip_reason=reason)


class _FolderRules:
    """Reasons to skip files because of other names in their folder."""

    def __init__(self, names: Sequence[str]) -> None:
        self._has_film = any(_has_film_extension(name) for name in names)
        self._photo_stems = {Path(name).stem for name in names if Path(name).suffix.lower() in PHOTO_EXTENSIONS}

    def skip_reason(self, path: Path) -> str | None:
        reason = _skip_reason(path, beside_film=self._has_film)
        if reason is None and path.stem in self._photo_stems and _is_live_photo_film(path):
            return "film of a Live Photo"
        return reason


def _is_live_photo_film(path: Path) -> bool:
    """True for the short film of a Live Photo, with the identifier of the photo."""
    if path.suffix.lower() != ".mov":
        return False
    try:
        read_stamp(path)  # not a pipe
        with _open(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _LIVE_PHOTO_TAIL_BYTES))  # the index is at the end
            return size <= _MAX_LIVE_PHOTO_BYTES and _LIVE_PHOTO_KEY in file.read(_LIVE_PHOTO_TAIL_BYTES)
    except (OSError, MediaError):
        return False  # opening it gives the error


def _has_film_extension(name: str) -> bool:
    extension = os.path.splitext(name)[1].lower()
    return extension in MEDIA_EXTENSIONS and extension not in PHOTO_EXTENSIONS


def _skip_reason(path: Path, *, beside_film: bool) -> str | None:
    if is_partial_download(path):
        return "unfinished download"
    if path.suffix.lower() in _COMPANION_EXTENSIONS:
        return "preview file of a camera"
    stem = path.stem.lower()
    is_artwork = path.suffix.lower() in PHOTO_EXTENSIONS and (stem in _ARTWORK_STEMS or stem.endswith(_ARTWORK_ENDINGS))
    return "artwork of a film or album" if beside_film and is_artwork else None
