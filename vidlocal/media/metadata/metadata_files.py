"""Read metadata files beside a video: XMP, NFO, and the JSON of Google Takeout."""

from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.media.encodings import decode
from vidlocal.media.files import read_start
from vidlocal.media.metadata.nfo import parse_nfo
from vidlocal.media.metadata.takeout import read_takeout
from vidlocal.media.metadata.xmp import parse_xmp
from vidlocal.media.sidecars import find_metadata_files
from vidlocal.seal import Seal, read_seal
from vidlocal.video_metadata import NO_METADATA, VideoMetadata

_MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class MetadataFiles:
    """Metadata of all files beside a video, and a sentence for each unreadable file."""

    metadata: VideoMetadata
    notes: tuple[str, ...] = ()


def read_metadata_files(path: Path) -> MetadataFiles:
    """Read the files beside the video at `path`, without files written by vidlocal, recognized by their seal.

    The first file with a title, description, date or place decides: XMP before NFO before Takeout.
    """
    metadata, notes = NO_METADATA, []
    for file in find_metadata_files(path):
        try:
            metadata = metadata.merged(_read(file))
        except MediaError as error:
            notes.append(f"{file.name}: {error}")
    return MetadataFiles(metadata.merged(read_takeout(path)), tuple(notes))


def _read(file: Path) -> VideoMetadata:
    data = read_start(file, _MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise MediaError("too large for metadata.")
    text = decode(data)
    is_nfo = file.suffix.lower() == ".nfo"
    if read_seal(text) is Seal.VALID or (is_nfo and "<" not in text):  # or nothing but a web address
        return NO_METADATA
    return parse_nfo(text) if is_nfo else parse_xmp(text)
