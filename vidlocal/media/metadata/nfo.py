"""Read the NFO files of Kodi and Jellyfin beside films (https://kodi.wiki/view/NFO_files). Pure."""

from xml.etree import ElementTree

from vidlocal.errors import MediaError
from vidlocal.media.metadata.xmp import parse_xml
from vidlocal.media.probe.stream_info import parse_date
from vidlocal.video_metadata import VideoMetadata

_ROOTS = frozenset({"movie", "episodedetails", "musicvideo", "video"})


def parse_nfo(text: str) -> VideoMetadata:
    """Return the metadata of an NFO file. Raises MediaError for other text.

    A web address after the XML, for the search of Kodi, is left out.
    """
    root = parse_xml(text[: text.rfind(">") + 1])
    if root.tag not in _ROOTS:
        raise MediaError("not an NFO file of a film.")
    return VideoMetadata.cleaned(
        title=_text(root, "title"),
        description=_text(root, "plot") or _text(root, "outline"),
        tags=[*_texts(root, "tag"), *_texts(root, "genre")],
        people=[*_texts(root, "actor/name"), *_texts(root, "director"), *_texts(root, "artist")],
        albums=[*_texts(root, "set/name"), *_texts(root, "set"), *_texts(root, "showtitle")],
        recorded_at=parse_date(_text(root, "premiered")) or parse_date(_text(root, "aired")),
    )


def _texts(root: ElementTree.Element, path: str) -> list[str]:
    return [element.text.strip() for element in root.findall(path) if element.text]


def _text(root: ElementTree.Element, path: str) -> str:
    return next(iter(_texts(root, path)), "")
