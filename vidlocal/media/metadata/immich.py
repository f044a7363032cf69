"""Read the JSON of the Immich API (https://immich.app): albums, and assets of a search. Pure.

An album is `{"albumName", "assets": [asset]}`, a search `{"assets": {"items": [asset]}}`. Of an asset are read
`originalPath`, `originalFileName`, `people`, `tags` and `exifInfo`.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from vidlocal.geography import GeoPoint
from vidlocal.media.metadata.xmp import split_keywords
from vidlocal.media.probe.stream_info import camera_name, parse_date
from vidlocal.video_metadata import CatalogEntry, VideoMetadata

SOURCE = "immich"
_MAX_DEPTH = 6


def read_assets(document: object, album: str = "", depth: int = 0) -> Iterator[CatalogEntry]:
    """Yield the assets of a parsed document, assets of an album with its name; none for other documents."""
    if isinstance(document, list) and depth < _MAX_DEPTH:
        for item in document:
            yield from read_assets(item, album, depth + 1)
    elif isinstance(document, dict) and isinstance(document.get("originalFileName"), str):
        yield from _entries(document, album)
    elif isinstance(document, dict) and depth < _MAX_DEPTH:
        name = document.get("albumName")
        for key in ("assets", "items"):
            yield from read_assets(document.get(key), name if isinstance(name, str) else album, depth + 1)


def _entries(asset: Mapping[str, object], album: str) -> Iterator[CatalogEntry]:
    """Yield an asset, and again for its album: exports contain single albums, and add up."""
    path, name = str(asset.get("originalPath") or ""), str(asset["originalFileName"])
    size = _mapping(asset.get("exifInfo")).get("fileSizeInByte")
    names = tuple(dict.fromkeys(filter(None, (name, PurePosixPath(path).name))))
    size_bytes = size if isinstance(size, int) else None
    yield CatalogEntry(path, names, size_bytes, SOURCE, _metadata(asset))
    in_album = VideoMetadata.cleaned(albums=[album])
    for name in in_album.albums:
        yield CatalogEntry(path, names, size_bytes, f"{SOURCE} album {name}", in_album)


def _metadata(asset: Mapping[str, object]) -> VideoMetadata:
    exif = _mapping(asset.get("exifInfo"))
    tags, people = split_keywords(_texts(asset.get("tags"), "value", "name"))
    return VideoMetadata.cleaned(
        description=_text(exif, "description"),
        tags=tags,
        people=[*_texts(asset.get("people"), "name"), *people],
        recorded_at=parse_date(_text(exif, "dateTimeOriginal")),
        location=_location(exif),
        camera=camera_name(_text(exif, "make"), _text(exif, "model")),
    )


def _texts(items: object, *keys: str) -> list[str]:
    """Return the first text of `keys` in each item of a list."""
    entries = (_mapping(item) for item in items) if isinstance(items, list) else ()
    return [text for item in entries if (text := next((_text(item, key) for key in keys if _text(item, key)), ""))]


def _location(exif: Mapping[str, object]) -> GeoPoint | None:
    latitude, longitude = exif.get("latitude"), exif.get("longitude")
    if not (isinstance(latitude, int | float) and isinstance(longitude, int | float)):
        return None
    return GeoPoint.checked(latitude, longitude)


def _text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
