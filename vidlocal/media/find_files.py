"""Find the files to index in folders, with reasons to skip others."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.media.extensions import (
    MEDIA_EXTENSIONS,
    PHOTO_EXTENSIONS,
    SUBTITLE_EXTENSIONS,
    has_media_extension,
    is_partial_download,
)
from vidlocal.media.file_filter import EXCLUDED, NO_FILTER, OTHER_KIND, FileFilter
from vidlocal.media.files import open_nonblocking, read_stamp

# Low-resolution copies and thumbnails of GoPro, DJI and Canon cameras.
_COMPANION_EXTENSIONS = frozenset({".lrv", ".lrf", ".thm"})

# Thumbnails, previews and deleted files of Synology, QNAP, Windows, macOS, Kodi, Sony cameras, Final Cut and Resolve.
_SKIPPED_FOLDERS = frozenset(
    {
        *("@eadir", "#recycle", "@recycle", "@recently-snapshot", "@transcode", "$recycle.bin", "lost+found"),
        *("system volume information", "__macosx", "extrafanart", "extrathumbs", "thmbnl"),
        *("render files", "transcoded media", "cacheclip", "proxymedia", "optimizedmedia"),
    }
)
# Sprites of Jellyfin, and previews of Lightroom and Premiere.
_SKIPPED_FOLDER_ENDINGS = (".trickplay", ".lrdata", "video previews")
# Previews by the names beside them: of Sony cameras, another library of vidlocal, and Immich.
_PREVIEW_FOLDERS = (
    ({"clip", "thmbnl"}, {"sub"}),
    ({"library.db"}, {"frames"}),
    ({"upload", "thumbs", "encoded-video"}, {"thumbs", "encoded-video"}),
)
# Apple Photos keeps originals and previews in a folder.
_PHOTOS_LIBRARY = ".photoslibrary"
_PHOTOS_ORIGINALS = frozenset({"originals", "masters"})

# Pictures that Kodi, Jellyfin, Plex and music players keep beside films and albums.
_ARTWORK = "albumart albumartsmall backdrop banner clearart cover disc fanart folder landscape logo movie poster thumb"
_ARTWORK_STEMS = frozenset(_ARTWORK.split())
_ARTWORK_ENDINGS = ("-backdrop", "-banner", "-clearart", "-clearlogo", "-fanart", "-landscape", "-poster", "-thumb")

# Three seconds at 4K take 8 MB.
_MAX_LIVE_PHOTO_BYTES = 64 << 20
_LIVE_PHOTO_TAIL_BYTES = 1 << 18
_LIVE_PHOTO_KEY = b"com.apple.quicktime.content.identifier"


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
        caches = _cache_names(folder, names)
        for name in names:
            path = folder / name
            if (name.startswith(".") or name in caches) and not self.rules.is_included(path, self.root):
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


def _cache_names(folder: Path, names: Sequence[str]) -> frozenset[str]:
    """Return the names in a folder that stand for previews, caches and deleted files of other programs."""
    lower = {name: name.lower() for name in names}
    existing = set(lower.values())
    previews = set().union(*(folders for beside, folders in _PREVIEW_FOLDERS if beside <= existing))
    if folder.name.lower().endswith(_PHOTOS_LIBRARY) and existing & _PHOTOS_ORIGINALS:
        previews |= existing - _PHOTOS_ORIGINALS
    return frozenset(
        name
        for name, text in lower.items()
        if text in _SKIPPED_FOLDERS or text in previews or text.endswith(_SKIPPED_FOLDER_ENDINGS)
    )


class _FolderRules:
    """Reasons to skip files because of other names in their folder."""

    def __init__(self, names: Sequence[str]) -> None:
        self._has_film = any(_has_film_extension(name) for name in names)
        self._photo_stems = {Path(name).stem for name in names if Path(name).suffix.lower() in PHOTO_EXTENSIONS}
        self._film_stems = {os.path.splitext(name)[0] for name in names if _has_film_extension(name)}

    def skip_reason(self, path: Path) -> str | None:
        reason = _skip_reason(path, beside_film=self._has_film)
        if reason is None and path.stem in self._photo_stems and _is_live_photo_film(path):
            return "film of a Live Photo"
        if reason is None and path.suffix.lower() in SUBTITLE_EXTENSIONS and self._is_beside_its_film(path):
            return "subtitles of a video"
        return reason

    def _is_beside_its_film(self, path: Path) -> bool:
        """True for `film.srt` and `film.de.srt` beside `film.mp4`."""
        words = path.stem.split(".")
        return any(".".join(words[:count]) in self._film_stems for count in range(1, len(words) + 1))


def _is_live_photo_film(path: Path) -> bool:
    """True for the short film of a Live Photo, with the identifier of the photo."""
    if path.suffix.lower() != ".mov":
        return False
    try:
        read_stamp(path)  # not a pipe
        with open_nonblocking(path) as file:
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
