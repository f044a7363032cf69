"""Read XMP (ISO 16684-1), the metadata format of digiKam, Lightroom, darktable, Immich and ExifTool. Pure.

Read are title, description and keywords of Dublin Core, the keyword trees of digiKam and Lightroom, people of IPTC and
of the face regions of the Metadata Working Group and of Windows, and date, coordinates and camera of EXIF.
"""

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.media.probe.stream_info import camera_name, parse_date
from vidlocal.video_metadata import VideoMetadata

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_DIGIKAM = "{http://www.digikam.org/ns/1.0/}"
_LIGHTROOM = "{http://ns.adobe.com/lightroom/1.0/}"
_IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_REGION = "{http://www.metadataworkinggroup.com/schemas/regions/}"
_WINDOWS_REGION = "{http://ns.microsoft.com/photo/1.2/t/Region#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

_DATES = (f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated", f"{_XMP}CreateDate")
# Degrees, then minutes with decimals, or minutes and seconds; and the half of the globe.
_COORDINATE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])")
# Top of the keyword tree in digiKam and Lightroom, above the names of people; and of digiKam's own bookkeeping.
_PEOPLE_ROOT = "people"
_INTERNAL_ROOT = "_digikam_internal_tags_"
_TREE_SEPARATOR = re.compile(r"[/|]")


def parse_xmp(text: str) -> VideoMetadata:
    """Return the metadata of an XMP packet. Raises MediaError for other text."""
    properties = _Properties(text)
    tags, people = split_keywords(properties.all(f"{_DIGIKAM}TagsList", f"{_LIGHTROOM}hierarchicalSubject"))
    return VideoMetadata.cleaned(
        title=properties.first(f"{_DC}title"),
        description=properties.first(f"{_DC}description"),
        tags=[*properties.all(f"{_DC}subject"), *tags],
        people=[*properties.all(f"{_IPTC}PersonInImage"), *properties.faces(), *people],
        recorded_at=next((date for name in _DATES if (date := parse_date(properties.first(name)))), None),
        location=_location(properties.first(f"{_EXIF}GPSLatitude"), properties.first(f"{_EXIF}GPSLongitude")),
        camera=camera_name(properties.first(f"{_TIFF}Make"), properties.first(f"{_TIFF}Model")),
    )


def split_keywords(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the tags and the people of paths in a keyword tree, such as `Places/Portugal` and `People|Anna`.

    >>> split_keywords(["Places/Portugal", "People|Anna", "_Digikam_Internal_Tags_/Scanned for Faces"])
    (['Places', 'Portugal'], ['Anna'])
    """
    tags: list[str] = []
    people: list[str] = []
    for path in paths:
        root, *rest = _TREE_SEPARATOR.split(path)
        if root.casefold() == _PEOPLE_ROOT:
            people += rest[-1:]
        elif root.casefold() != _INTERNAL_ROOT:
            tags += [root, *rest]
    return tags, people


class _Properties:
    """The properties of an XMP packet: elements or attributes of its descriptions."""

    def __init__(self, text: str) -> None:
        root = parse_xml(text)
        rdf = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
        if rdf is None:
            raise MediaError("not XMP.")
        self._descriptions = rdf.findall(f"{_RDF}Description")

    def first(self, name: str) -> str:
        """Return the value of a property, in the default language of several; empty without a value."""
        return next(self._values(name), "")

    def all(self, *names: str) -> list[str]:
        """Return all values of properties."""
        return [value for name in names for value in self._values(name)]

    def faces(self) -> Iterator[str]:
        """Yield the names at the faces in a picture or film."""
        for description in self._descriptions:
            for region in description.iter():
                if _field(region, f"{_REGION}Type") in ("", "Face"):
                    yield _field(region, f"{_REGION}Name")
                yield _field(region, f"{_WINDOWS_REGION}PersonDisplayName")

    def _values(self, name: str) -> Iterator[str]:
        for description in self._descriptions:
            yield from filter(None, [description.get(name, "").strip()])
            for element in description.findall(name):
                items = element.findall(f"./*/{_RDF}li")
                items.sort(key=lambda item: item.get(_LANGUAGE) not in (None, "x-default"))
                texts = [item.text for item in items] if items else [element.text]
                yield from filter(None, ((text or "").strip() for text in texts))


def parse_xml(text: str) -> ElementTree.Element:
    """Parse untrusted XML. Raises MediaError, also for declarations of types and entities: possible bombs."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise MediaError("XML with declarations is not read.")
    try:
        return ElementTree.fromstring(text.strip("\0\ufeff \t\r\n"))
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise MediaError("not valid XML.") from error


def _field(region: ElementTree.Element, name: str) -> str:
    child = region.find(name)
    return (region.get(name) or (child.text if child is not None else "") or "").strip()


def _location(latitude: str, longitude: str) -> GeoPoint | None:
    north, east = _degrees(latitude), _degrees(longitude)
    return None if north is None or east is None else GeoPoint.checked(north, east)


def _degrees(text: str) -> float | None:
    """Convert `38,42.834N` or `38,42,50N` to degrees."""
    match = _COORDINATE.fullmatch(text.strip())
    if match is None:
        return None
    degrees = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return -degrees if match[4] in "SW" else degrees
