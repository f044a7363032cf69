"""The rules for the files to index, from settings and options."""

from collections.abc import Sequence

from vidlocal.media.file_filter import FileFilter
from vidlocal.records import MediaKind
from vidlocal.settings import Settings


def file_filter(settings: Settings, *, exclude: Sequence[str] = (), include: Sequence[str] = ()) -> FileFilter:
    """Return the rules of the settings, with further patterns to exclude and include."""
    kinds = frozenset(MediaKind(kind) for kind in settings.media.split(",") if kind)
    return FileFilter(
        exclude=(*_patterns(settings.exclude), *exclude), include=(*_patterns(settings.include), *include), only=kinds
    )


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(", ")))
