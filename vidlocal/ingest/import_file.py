"""What was made elsewhere, taken into the library: exports as JSON lines, transcripts, captions, subtitles."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vidlocal.errors import MediaError, UsageError
from vidlocal.media import subtitles, transcripts
from vidlocal.media.encodings import decode
from vidlocal.media.languages import language_code
from vidlocal.records import Passage, PassageKind, Video
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.import_rows import Importer

# Lines stored in one transaction: each costs a wait for the disk.
BATCH = 4_000

_SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
# The longest line and the largest document that are read: a day of talk with a time for every word is 60 MB.
_LONGEST_LINE = 16 << 20
_MOST_BYTES = 256 << 20


@dataclass(slots=True)
class Taken:
    """What is new, what was known already, and the lines (0: the whole file) that were left out, with reasons."""

    videos: int = 0
    passages: int = 0
    known: int = 0
    bad: int = 0


def take_file(
    library: Library, path: Path, *, video: str | None = None, refuse: Callable[[str], None] = lambda reason: None
) -> Taken:
    """Take a file in. `video` names the one that a transcript or subtitle file is about, else the file's name does.

    `refuse` is told each line that is left out. Raises MediaError when the file as a whole cannot be read.
    """
    name = path.name
    if path.suffix.lower() in _SUBTITLES:
        cues = subtitles.read_sidecar(path)
        found = [Passage(cue.start, cue.end, PassageKind.SUBTITLE, cue.text, cue.language) for cue in cues]
        return _take(library, name, _of_video(library, path, video, lambda _: found), refuse)
    document = _document(path) if path.suffix.lower() == ".json" else None
    if transcripts.is_transcript(document):
        about = _of_video(library, path, video, lambda length: transcripts.parse(document, duration=length))
        return _take(library, name, about, refuse)
    if isinstance(document, dict) and "type" not in document:
        raise MediaError(f"{name} is neither JSON lines nor a transcript of WhisperX, videogrep or video-analyzer.")
    with _opened(path) as lines:
        return take_lines(library, lines, name=name, refuse=refuse)


def take_lines(library: Library, lines: BinaryIO, *, name: str, refuse: Callable[[str], None]) -> Taken:
    """Take in JSON lines. `name` stands before the reasons."""
    return _take(library, name, _parsed(lines), refuse)


def _take(library: Library, name: str, lines: Iterator[tuple[int, object]], refuse: Callable[[str], None]) -> Taken:
    importer = Importer(library)
    taken = Taken()
    batch: list[tuple[int, object]] = []

    def store() -> None:
        for number, reason in importer.import_lines(batch):
            taken.bad += 1
            refuse(f"{name}, line {number}: {reason}.")
        batch.clear()

    for number, line in lines:
        batch.append((number, line))
        if len(batch) >= BATCH:
            store()
    store()
    importer.finish()
    taken.videos, taken.passages, taken.known = importer.videos, importer.passages, importer.existing
    return taken


class _Unreadable:
    """Stands for a line that is no JSON."""


def _parsed(lines: BinaryIO) -> Iterator[tuple[int, object]]:
    number = 0
    while raw := lines.readline(_LONGEST_LINE):
        number += 1
        if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
            while (rest := lines.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, _Unreadable()
            continue
        if not raw.strip(b" \t\r\n\xef\xbb\xbf"):
            continue
        try:
            yield number, json.loads(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            yield number, _Unreadable()


def _of_video(
    library: Library,
    path: Path,
    wanted: str | None,
    read: Callable[[float | None], list[Passage] | tuple[Passage, ...]],
) -> Iterator[tuple[int, object]]:
    """The passages of one file as lines, the line of their video first."""
    video = _known(library, path, wanted)
    try:
        found = read(video.duration if video is not None else None)
    except MediaError as error:
        raise MediaError(f"{path.name} cannot be taken in. {error}") from error
    if video is None:
        name = wanted or _stem(path)
        duration = max((passage.end for passage in found), default=0.0)
        yield 0, {"type": "video", "name": name, "duration": duration}
    else:
        name = "the video"
        known = {"content_hash": video.content_hash, "duration": video.duration}
        yield 0, {"type": "video", "name": name, **known}
    for number, passage in enumerate(found, 1):
        yield number, {"type": "passage", "video": name, **_values(passage)}


def _known(library: Library, path: Path, wanted: str | None) -> Video | None:
    """The video of the library that a file is about: the one named, else the one of the same name."""
    known = videos.every(library)
    names = [wanted] if wanted else list(dict.fromkeys([path.stem, _stem(path)]))
    for name in names:
        folded = name.casefold()
        alike = [video for video in known if folded in (video.title.casefold(), Path(video.path).name.casefold())]
        if len(alike) == 1:
            return alike[0]
        if alike:
            listed = ", ".join(str(video.id) for video in alike[:8])
            raise UsageError(f"{path.name} may be about {len(alike)} videos ({listed}). Name one with: --video ID")
    if wanted and (wanted.isdecimal() or "/" in wanted):
        return videos.resolve(library, wanted)
    return None


def _stem(path: Path) -> str:
    """`wedding` of `wedding.en.srt`; of an analysis.json the name of its folder."""
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
    }


def _document(path: Path) -> object:
    """The file as one JSON document, None when it is not one: then it is JSON lines."""
    with _opened(path) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        return None
    try:
        document: object = json.loads(decode(data))
    except (ValueError, RecursionError):
        return None
    return document


def _opened(path: Path) -> BinaryIO:
    from vidlocal.media.files import read_error, read_stamp

    read_stamp(path)  # no FIFO, no folder
    try:
        return path.open("rb")
    except OSError as error:
        raise read_error(path, error) from error
