"""Import files made elsewhere: exports as JSON lines, transcripts, captions, subtitles, and catalogs of videos."""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from vidlocal.errors import MediaError, UsageError
from vidlocal.ingest.import_catalog import import_catalog
from vidlocal.media.encodings import decode
from vidlocal.media.extensions import SUBTITLE_EXTENSIONS, has_media_extension
from vidlocal.media.files import read_error, read_stamp
from vidlocal.media.languages import language_code
from vidlocal.media.metadata import immich
from vidlocal.media.subtitles import subtitle_sources, transcripts
from vidlocal.records import Passage, PassageKind, TimedPassage, Video
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.exchange import digikam
from vidlocal.store.exchange.import_rows import Importer
from vidlocal.video_metadata import CatalogEntry

# Lines per transaction: each transaction waits for the disk.
_BATCH_LINES = 4_000

_MAX_LINE_BYTES = 16 << 20
# A day of speech with a time for every word is 60 MB.
_MAX_DOCUMENT_BYTES = 256 << 20
_MAX_CANDIDATES = 8

# Returns the lines of a file; None for a file of another program.
FileReader = Callable[[Path], Sequence[Mapping[str, Any]] | None]

_TRANSCRIPT_PROGRAMS = "WhisperX, whisper.cpp, videogrep or video-analyzer"


@dataclass(slots=True)
class ImportResult:
    """Counts of new videos and passages, of existing passages, and of rejected lines.

    Of a catalog of another program: `described` videos with new metadata, and `missing` files that are not in the
    library.
    """

    videos: int = 0
    passages: int = 0
    existing: int = 0
    rejected: int = 0
    described: int = 0
    missing: int = 0

    def add(self, other: "ImportResult") -> None:
        """Add the counts of another file."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


def import_file(
    library: Library,
    path: Path,
    *,
    video: str | None = None,
    new: bool = False,
    readers: Sequence[FileReader] = (),
    reject: Callable[[str], None] = lambda reason: None,
) -> ImportResult:
    """Import a file. `video` names the video of a transcript or subtitle file; default: from the file name.

    With `new`, `video` is the title of a video to add. Else it must be in the library; raises UsageError. `readers` of
    plugins are asked first.

    Calls `reject` with a sentence for each invalid line. Raises MediaError if the whole file is unreadable or empty.
    """
    name = path.name
    if has_media_extension(path):
        raise MediaError(f"{name}: a video, photo or audio file. Run: vidlocal ingest {shlex.quote(str(path))}")
    read_stamp(path)  # rejects pipes, which block, and folders
    for reader in readers:
        read = reader(path)
        if read is not None:
            return _import(library, name, _plugin_lines(library, path, video, new, read), reject)
    if path.suffix.lower() in SUBTITLE_EXTENSIONS:
        cues = subtitle_sources.read_sidecar(path)
        subs = [
            TimedPassage(Passage(cue.start, cue.end, PassageKind.SUBTITLE, cue.text, cue.language, speaker=cue.speaker))
            for cue in cues
        ]
        return _import(library, name, _passage_lines(library, path, video, new, lambda _: subs), reject)
    if digikam.is_digikam(path):
        return _import_catalog(library, name, digikam.read_catalog(path))
    document = _read_document(path) if path.suffix.lower() == ".json" else None
    assets = list(immich.read_assets(document))
    if assets:
        return _import_catalog(library, name, assets)
    if transcripts.is_transcript(document):
        lines = _passage_lines(
            library, path, video, new, lambda duration: transcripts.parse(document, duration=duration)
        )
        return _import(library, name, lines, reject)
    if isinstance(document, dict) and "type" not in document:
        raise MediaError(f"{name}: neither JSON lines nor a transcript of {_TRANSCRIPT_PROGRAMS}.")
    with _open(path) as file:
        return import_lines(library, file, name=name, reject=reject)


def _import_catalog(library: Library, name: str, entries: Iterable[CatalogEntry]) -> ImportResult:
    """Import the metadata of a catalog. Raises MediaError if none of its files is in the library."""
    result = import_catalog(library, entries)
    if not result.changed and not result.unchanged:
        raise MediaError(f"{name}: none of its files is in the library, by name and size. Run: vidlocal ingest FOLDER")
    return ImportResult(existing=result.unchanged, described=result.changed, missing=result.missing)


def import_lines(library: Library, lines: BinaryIO, *, name: str, reject: Callable[[str], None]) -> ImportResult:
    """Import JSON lines. `name`: name of the file in messages."""
    return _import(library, name, _parse_lines(lines), reject)


def _import(
    library: Library, name: str, lines: Iterator[tuple[int, object]], reject: Callable[[str], None]
) -> ImportResult:
    importer = Importer(library)
    read = rejected = 0
    batch: list[tuple[int, object]] = []

    def store() -> None:
        nonlocal rejected
        for number, reason in importer.import_lines(batch):
            rejected += 1
            reject(f"{name}, line {number}: {reason}.")
        batch.clear()

    for number, line in lines:
        read += 1
        batch.append((number, line))
        if len(batch) >= _BATCH_LINES:
            store()
    if not read:
        raise MediaError(f"{name}: empty. Nothing was imported.")
    store()
    importer.finish()
    return ImportResult(importer.videos, importer.passages, importer.existing, rejected)


class _InvalidJson:
    """Placeholder for a line of invalid JSON, rejected by the importer."""


def _parse_lines(lines: BinaryIO) -> Iterator[tuple[int, object]]:
    """Yield number and parsed JSON of each non-blank line."""
    number = 0
    while raw := lines.readline(_MAX_LINE_BYTES):
        number += 1
        if len(raw) == _MAX_LINE_BYTES and not raw.endswith(b"\n"):
            while (rest := lines.readline(_MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, _InvalidJson()
            continue
        if not raw.strip(b" \t\r\n\xef\xbb\xbf"):
            continue
        try:
            yield number, json.loads(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            yield number, _InvalidJson()


def _passage_lines(
    library: Library,
    path: Path,
    video_name: str | None,
    new: bool,
    read: Callable[[float | None], Sequence[TimedPassage]],
) -> Iterator[tuple[int, object]]:
    """Yield the line of the video, then the passages of the file as lines."""
    video = None if new else _find_video(library, path, video_name)
    try:
        passages = read(video.duration if video is not None else None)
    except MediaError as error:
        raise MediaError(f"{path.name}: {error}") from error
    lines = [
        {**_values(item.passage), "words": [[word.text, word.start, word.end] for word in item.words]}
        for item in passages
    ]
    yield from _about(video, video_name or _video_name(path), path, lines)


def _about(
    video: Video | None, name: str, path: Path, passages: Sequence[Mapping[str, object]]
) -> Iterator[tuple[int, object]]:
    """Yield the line of a video, or of a new video with a name, then its passages."""
    if not passages:
        raise MediaError(f"{path.name}: no text with times. Nothing was imported.")
    if video is None:
        ends = [end for passage in passages if isinstance(end := passage.get("end"), int | float)]
        yield 0, {"type": "video", "name": name, "duration": max(ends, default=0.0)}
    else:
        name = "the video"
        yield 0, {"type": "video", "name": name, "content_hash": video.content_hash, "duration": video.duration}
    for number, passage in enumerate(passages, 1):
        yield number, {**passage, "type": "passage", "video": name}


def _plugin_lines(
    library: Library, path: Path, video_name: str | None, new: bool, lines: Sequence[object]
) -> Iterator[tuple[int, object]]:
    """Yield numbered lines in the form of an export. Passages without a video belong to the video of the file."""
    if all(
        isinstance(line, dict) and "video" not in line and line.get("type", "passage") == "passage" for line in lines
    ):
        passages = [line for line in lines if isinstance(line, dict)]
        video = None if new else _find_video(library, path, video_name)
        yield from _about(video, video_name or _video_name(path), path, passages)
    else:
        yield from enumerate(lines, 1)


def _find_video(library: Library, path: Path, video_name: str | None) -> Video | None:
    """Find the video of a transcript: by `video_name`, else by the file name.

    Raises UsageError for several candidates, and for a `video_name` without any.
    """
    if video_name is not None:
        return videos.resolve(library, video_name)
    existing = videos.every(library)
    for name in dict.fromkeys([path.stem, _video_name(path)]):
        key = name.casefold()
        candidates = [video for video in existing if key in (video.title.casefold(), Path(video.path).name.casefold())]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            listed = ", ".join(str(video.id) for video in candidates[:_MAX_CANDIDATES])
            raise UsageError(f"{path.name}: matches {len(candidates)} videos ({listed}). Name one with: --video ID")
    return None


def _video_name(path: Path) -> str:
    """Derive the video name from a file name: `wedding` from `wedding.en.srt`, the folder from `analysis.json`."""
    if path.stem.casefold() == "analysis" and path.absolute().parent.name:
        return path.absolute().parent.name
    stem, dot, language = path.stem.rpartition(".")
    return stem if dot and stem and language_code(language) else path.stem


def _values(passage: Passage) -> dict[str, object]:
    return {
        "kind": passage.kind,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "language": passage.language,
        "engine": passage.engine,
        "model": passage.model,
        "confidence": passage.confidence,
        "speaker": passage.speaker,
    }


def _read_document(path: Path) -> object:
    """Parse the file as a JSON document; None for JSON lines."""
    with _open(path) as file:
        data = file.read(_MAX_DOCUMENT_BYTES + 1)
    if len(data) > _MAX_DOCUMENT_BYTES:
        return None
    try:
        document: object = json.loads(decode(data))
    except (ValueError, RecursionError):
        return None
    return document


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise read_error(path, error) from error
