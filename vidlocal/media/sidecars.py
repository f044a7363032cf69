"""Find the files of a video by their names: subtitles (`movie.pt-BR.forced.ass`) and metadata (`movie.mp4.xmp`)."""

import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from vidlocal.media.extensions import PHOTO_EXTENSIONS, SUBTITLE_EXTENSIONS, has_media_extension
from vidlocal.media.languages import language_code

# Bitmap subtitles of DVD (with a .sub file) and Blu-ray.
_BITMAP_EXTENSIONS = (".idx", ".sup")
_METADATA_EXTENSIONS = (".xmp", ".nfo")
_FOLDER_NFO = "movie.nfo"  # of the only film in a folder

# Words allowed between the name of the video and the extension, besides a language and a number.
_FLAG_WORDS = (
    "alt asr auto captions cc commentary default descriptions dubtitle foreign forced full hi hoh lyrics orig sdh sign"
    " signs song songs sub subs"
)
_FLAGS = frozenset(_FLAG_WORDS.split())
# Subtitles of what is foreign or written in the picture: the dialogue is not in them.
_PARTIAL_FLAGS = frozenset({"forced", "foreign", "sign", "signs", "song", "songs"})
_MAX_WORDS = 4

# Word before the extension of subtitles written by vidlocal: `movie.vidlocal.srt`. Players find these files;
# `find_sidecars` does not, because the word is none of a language or flag.
OWN_SUBTITLES = "vidlocal"

# Downloaded twice: `movie.en (1).srt`.
_COPY_NUMBER = re.compile(r" \(\d{1,2}\)$")


def find_sidecars(path: Path) -> tuple[Path, ...]:
    """Find the subtitle files of the video at `path`. Files named after a longer video name belong to that video."""
    return _find(path, SUBTITLE_EXTENSIONS)


def find_bitmap_sidecars(path: Path) -> tuple[Path, ...]:
    """Find the files of unreadable bitmap subtitles of the video at `path`."""
    return _find(path, _BITMAP_EXTENSIONS)


def find_metadata_files(path: Path) -> tuple[Path, ...]:
    """Find the XMP and NFO files of the video at `path`, in this order; `movie.mp4.xmp` before `movie.xmp`."""
    return tuple(sorted(_find(path, _METADATA_EXTENSIONS), key=lambda file: (_is_nfo(file), -len(file.name))))


def is_partial(path: Path) -> bool:
    """Return True for subtitles of foreign dialogue, signs or songs only, by the words of the name."""
    return not _PARTIAL_FLAGS.isdisjoint(_suffix_words(path.stem))


def sidecar_language(path: Path) -> str | None:
    """Return the language in the name of a subtitle file."""
    words = _suffix_words(path.stem)
    # "hi" alone is Hindi; next to a language it marks captions for the hearing impaired.
    candidates = [word for word in words if word not in _FLAGS] or words
    return next((code for word in candidates if (code := language_code(word))), None)


def find_watched_files(path: Path) -> tuple[Path, ...]:
    """Find the sidecar files to read again after a change: subtitles and metadata."""
    return (*find_sidecars(path), *find_metadata_files(path))


def _is_nfo(path: Path) -> bool:
    return path.suffix.lower() == ".nfo"


def _is_photo(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in PHOTO_EXTENSIONS


def _find(path: Path, extensions: tuple[str, ...]) -> tuple[Path, ...]:
    try:
        changed_ns = os.stat(path.parent).st_mtime_ns
        by_stem = _sidecars_by_stem(path.parent, changed_ns)
    except OSError:
        return ()
    names = {name for stem in (path.stem, path.name) for name in by_stem.get(_normalize(stem), ())}
    return tuple(path.parent / name for name in sorted(names) if _normalize(name).endswith(extensions))


@lru_cache(maxsize=4)
def _sidecars_by_stem(folder: Path, changed_ns: int) -> dict[str, list[str]]:
    """Map the names of videos in a folder, with and without extension, to the names of their files.

    `changed_ns`: time of the last change of the folder, part of the cache key.
    """
    with os.scandir(folder) as entries:
        # Not DirEntry.is_file, which raises OSError for a loop of links.
        names = [entry.name for entry in entries if os.path.isfile(entry.path)]
    videos = {_normalize(stem) for name in names if has_media_extension(Path(name)) for stem in (Path(name).stem, name)}
    by_stem: dict[str, list[str]] = {}
    films = [name for name in names if has_media_extension(Path(name)) and not _is_photo(name)]
    if len(films) == 1:
        by_stem[_normalize(films[0])] = [name for name in names if _normalize(name) == _FOLDER_NFO]
    for name in names:
        stem, extension = os.path.splitext(_normalize(name))
        if extension in (*SUBTITLE_EXTENSIONS, *_BITMAP_EXTENSIONS, *_METADATA_EXTENSIONS):
            owners = _possible_owners(stem)
            listed = [owner for owner in owners if owner in videos]
            for owner in listed[:1] or owners:
                by_stem.setdefault(owner, []).append(name)
    return by_stem


def _possible_owners(stem: str) -> list[str]:
    """Return possible names for the video of this subtitle file, longest first."""
    words = _COPY_NUMBER.sub("", stem).split(".")
    count = 1 + len(_suffix_words(stem))
    return list(dict.fromkeys([stem, *(".".join(words[: len(words) - number]) for number in range(count))]))


def _suffix_words(stem: str) -> list[str]:
    """Return the language, flags and number at the end of a name, last word first."""
    suffix: list[str] = []
    for word in reversed(_COPY_NUMBER.sub("", _normalize(stem)).split(".")[1:]):
        is_number = word.isdecimal() and len(word) <= 2
        if len(suffix) == _MAX_WORDS or not (is_number or word in _FLAGS or language_code(word)):
            break
        suffix.append(word)
    return suffix


def _normalize(name: str) -> str:
    """Normalize a file name for comparison: macOS stores accents as separate characters."""
    return unicodedata.normalize("NFC", name).casefold()
