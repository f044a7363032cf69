"""Rules for the files to index: patterns to exclude and include, and kinds of media."""

import os
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from vidlocal.media.extensions import AUDIO_EXTENSIONS, PHOTO_EXTENSIONS, VIDEO_EXTENSIONS
from vidlocal.records import MediaKind

# Photo formats that also hold animations, which are indexed as videos.
_ANIMATED_EXTENSIONS = frozenset({".avif", ".gif", ".png", ".webp"})
# Audio formats that also hold a video.
_OGG_EXTENSIONS = frozenset({".ogg", ".oga", ".mka"})
_ALL_KINDS = frozenset(MediaKind)

EXCLUDED = "excluded"
OTHER_KIND = "other kind of media"
NOT_MEDIA = "not media"
OWN_FILE = "file of the library itself"


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Rules for the files to index. `only`: kinds of media, empty for all.

    A pattern has the wildcards of the shell, and upper and lower case are equal. Without a slash it is compared with
    the name of the file and of every folder above, up to the folder to index; with a slash, with the path in that
    folder and with the whole path. A pattern of a folder holds for everything in it. `include` takes precedence over
    `exclude` and over the names that are skipped by default.

    >>> rules = FileFilter(exclude=("raw", "*.gif"), include=("best*",))
    >>> [rules.is_excluded(Path("/v") / name, Path("/v")) for name in ("raw/a.mp4", "raw/best.mp4", "b.GIF", "c.mp4")]
    [True, False, True, False]
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    only: frozenset[MediaKind] = frozenset()

    def is_excluded(self, path: Path, root: Path) -> bool:
        """True for an excluded file or folder. `root`: folder to index, or the file itself."""
        return _matches(self.exclude, path, root) and not self.is_included(path, root)

    def is_included(self, path: Path, root: Path) -> bool:
        """True for a file or folder never to be skipped."""
        return _matches(self.include, path, root)

    def allows(self, kind: MediaKind) -> bool:
        """True for a kind of media to index."""
        return not self.only or kind in self.only

    def may_allow(self, path: Path) -> bool:
        """True if a file may be of a kind to index, by its extension."""
        return not self.only or not self.only.isdisjoint(possible_kinds(path))

    def is_decided_by_name(self, path: Path) -> bool:
        """True for an extension with a definite kind of media."""
        return not self.only or self.only.issuperset(possible_kinds(path))


NO_FILTER = FileFilter()


def possible_kinds(path: Path) -> Collection[MediaKind]:
    """Possible kinds of media for a file extension; all for an unknown extension."""
    extension = path.suffix.lower()
    if extension in PHOTO_EXTENSIONS:
        return {MediaKind.PHOTO, MediaKind.VIDEO} if extension in _ANIMATED_EXTENSIONS else {MediaKind.PHOTO}
    if extension in VIDEO_EXTENSIONS or extension in _OGG_EXTENSIONS:
        return {MediaKind.VIDEO, MediaKind.AUDIO}
    return {MediaKind.AUDIO} if extension in AUDIO_EXTENSIONS else _ALL_KINDS


def _matches(patterns: Sequence[str], path: Path, root: Path) -> bool:
    if not patterns:
        return False
    names = [_folded(name) for name in ((path.name,) if path == root else path.relative_to(root).parts)]
    relative = ["/".join(names[:length]) for length in range(1, len(names) + 1)]
    absolute = [_folded(str(part)) for part in (path, *path.parents)]
    return any(
        any(fnmatchcase(text, pattern) for text in (absolute if pattern[:1] == "/" else relative))
        if "/" in pattern
        else any(fnmatchcase(name, pattern) for name in names)
        for pattern in map(_pattern, patterns)
    )


@cache
def _pattern(text: str) -> str:
    return _folded(os.path.expanduser(text)).removeprefix("./").rstrip("/")


def _folded(text: str) -> str:
    """Fold case and compose accents: names on disk may have either form."""
    return unicodedata.normalize("NFC", text).casefold()
