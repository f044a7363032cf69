"""Import the metadata of a catalog of another program: Immich, digiKam."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vidlocal.ingest.read_metadata import store_catalog_entry
from vidlocal.records import Video
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.video_metadata import CatalogEntry


@dataclass(frozen=True, slots=True)
class CatalogImport:
    """Number of videos with new metadata and without, and of catalog files outside of the library."""

    changed: int
    unchanged: int
    missing: int


def import_catalog(library: Library, entries: Iterable[CatalogEntry]) -> CatalogImport:
    """Store the catalog's metadata of files in the library, in a transaction."""
    finder = _VideoFinder(library)
    changed: set[int] = set()
    matched: set[int] = set()
    missing: set[tuple[str, ...]] = set()
    with library.writing():
        for entry in entries:
            video = finder.find(entry)
            if video is None:
                missing.add((entry.path, *entry.names))
                continue
            matched.add(video.id)
            if store_catalog_entry(library, video, entry):
                changed.add(video.id)
    return CatalogImport(len(changed), len(matched - changed), len(missing))


class _VideoFinder:
    """Videos of the library by path, and by file name and size: paths differ between machines and containers."""

    def __init__(self, library: Library) -> None:
        self._by_path: dict[str, Video] = {}
        self._by_name: defaultdict[str, dict[int, Video]] = defaultdict(dict)
        for video in videos.every(library):
            for path in videos.paths(library, video.id):
                self._by_path[str(path)] = video
                self._by_name[path.name.casefold()][video.id] = video

    def find(self, entry: CatalogEntry) -> Video | None:
        """Return the only possible video for an entry."""
        if entry.path in self._by_path:
            return self._by_path[entry.path]
        named = {
            video.id: video
            for name in entry.names
            for video in self._by_name.get(Path(name).name.casefold(), {}).values()
        }
        if entry.size_bytes is not None:
            named = {key: video for key, video in named.items() if video.size_bytes == entry.size_bytes}
        return next(iter(named.values())) if len(named) == 1 else None
