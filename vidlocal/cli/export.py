"""`vidlocal export`."""

import json as json_reader
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, TypeGuard

import typer

from vidlocal.app import frame_rate
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, new_file, options
from vidlocal.errors import StoreError, UsageError
from vidlocal.records import PassageKind, Video
from vidlocal.render.clips import Clip
from vidlocal.render.sanitize import to_json
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.exchange import export_rows

_TRANSCRIPT = (PassageKind.SPEECH, PassageKind.SUBTITLE)
_MOST_BYTES = 64 << 20
_MOST_SECONDS = 1e9


class Format(StrEnum):
    """How an export is written. The values are what a person types."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"
    MARKDOWN = "markdown"
    EDL = "edl"
    FCPXML = "fcpxml"
    OTIO = "otio"


def command(
    video: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO...",
            help="Only these videos: id, path or part of the name. - takes the --json of search, similar or ask.",
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", metavar="FORMAT", help=f"One of {', '.join(Format)}.")
    ] = Format.JSONL,
    kind: options.Kinds = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this new file. One that is there is never touched."
        ),
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option(
            "--fps",
            metavar="RATE",
            help="Frames a second of edl, fcpxml and otio: 25, 29.97, 24000/1001. Default: as in the first video.",
        ),
    ] = None,
    finetune: Annotated[
        Path | None,
        typer.Option(
            "--finetune",
            metavar="FOLDER",
            help="Write your corrections and their pictures to a new folder, to fine-tune a vision model with.",
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Write out what the library knows, or moments that were found, for other programs.

    As jsonl, and as json, it is everything but pictures and vectors, and `vidlocal import` reads jsonl back without
    loss. The other formats hold what is spoken, unless --kind names other passages; csv holds all of them.

    --finetune takes the descriptions (scene, action) that you corrected with `vidlocal note --edit` and your notes,
    each with its picture and the question the vision model gets, in the conversation format of LLaVA.
    """
    if finetune is not None:
        _finetune(video, kind, finetune, alone=form is Format.JSONL and out is None, quiet=quiet)
        return
    rate = None if fps is None else frame_rate.named(fps)
    if video == ["-"]:
        clips = [clip for clip in piped() if not kind or set(clip.kinds) & set(kind)]
        new_file.write(_written(clips, form, "moments", rate, quiet=quiet), out)
    else:
        _of_library(video, form, kind, out, rate, quiet=quiet)


def _of_library(
    names: Sequence[str] | None,
    form: Format,
    kind: Sequence[PassageKind] | None,
    out: Path | None,
    rate: Fraction | None,
    *,
    quiet: bool,
) -> None:
    with open_library() as library:
        chosen = _chosen(library, names)
        if form in (Format.JSONL, Format.JSON):
            lines = _lines(library, chosen, kind, whole=not names)
            new_file.write(_document(lines) if form is Format.JSON else (to_json(line) + "\n" for line in lines), out)
            return
        default = None if form is Format.CSV else _TRANSCRIPT
        clips = [clip for one in chosen for clip in _clips(library, one, kind or default)]
    if not clips:
        console.notice("There is no such text in these videos.", quiet=quiet)
    title = chosen[0].title if len(chosen) == 1 else "vidlocal"
    new_file.write(_written(clips, form, title, rate, quiet=quiet), out)


def _finetune(
    names: Sequence[str] | None, kinds: Sequence[PassageKind] | None, folder: Path, *, alone: bool, quiet: bool
) -> None:
    if not alone or names == ["-"]:
        raise UsageError("--finetune writes a folder of its own from the library. Leave out -, -o and --format.")
    from vidlocal.cli import export_finetune

    with open_library() as library:
        export_finetune.write(library, _chosen(library, names), kinds, folder, quiet=quiet)


def _written(clips: Sequence[Clip], form: Format, title: str, rate: Fraction | None, *, quiet: bool) -> Iterator[str]:
    """The export as text, made when it is asked for: a film is not read for a file that cannot be written."""
    if form in (Format.EDL, Format.FCPXML, Format.OTIO):
        yield _timeline(clips, form, title, rate or frame_rate.of_first(clips, quiet=quiet))
        return
    from vidlocal.render import captions, data_formats, text_formats

    if form in (Format.SRT, Format.VTT) and len({clip.path for clip in clips}) > 1:
        raise UsageError("Subtitles are of one video, and these are several. Name one.")
    if form in (Format.SRT, Format.VTT):
        clips = sorted(clips, key=lambda clip: clip.start)
    writers: dict[Format, Callable[[Sequence[Clip]], str]] = {
        Format.JSONL: data_formats.jsonl,
        Format.JSON: data_formats.json,
        Format.CSV: data_formats.csv_table,
        Format.SRT: captions.srt,
        Format.VTT: captions.vtt,
        Format.TXT: text_formats.txt,
        Format.MARKDOWN: text_formats.markdown,
    }
    yield writers[form](clips)


def _timeline(clips: Sequence[Clip], form: Format, title: str, rate: Fraction) -> str:
    from vidlocal.render import edl, fcpxml, otio

    writers = {Format.EDL: edl.edl, Format.FCPXML: fcpxml.fcpxml, Format.OTIO: otio.otio}
    return writers[form](clips, title=title, rate=rate)


# ------------------------------------------------------------ from the library


def _chosen(library: Library, names: Sequence[str] | None) -> list[Video]:
    if not names:
        return videos.every(library)
    return list({video.id: video for video in (videos.resolve(library, name) for name in names)}.values())


def _lines(
    library: Library, chosen: Sequence[Video], kinds: Sequence[PassageKind] | None, *, whole: bool
) -> Iterator[export_rows.Line]:
    for line in export_rows.lines(library, chosen, whole=whole):
        if not kinds or line["type"] == "video" or line.get("kind") in kinds:
            yield line


def _document(lines: Iterator[export_rows.Line]) -> Iterator[str]:
    """All lines as one JSON document, a list for each type."""
    sorts: dict[str, list[export_rows.Line]] = {
        f"{sort}s": [] for sort in ("video", "passage", "frame", "section", "word")
    }
    for line in lines:
        sorts[f"{line['type']}s"].append({name: value for name, value in line.items() if name != "type"})
    yield to_json(sorts, indent=2) + "\n"


def _clips(library: Library, video: Video, kinds: Sequence[PassageKind] | None) -> Iterator[Clip]:
    for passage in passages.of_video(library, video.id, kinds):
        yield Clip(
            title=video.title,
            path=video.path,
            start=passage.start,
            end=passage.end,
            text=passage.text,
            kinds=(passage.kind,),
            video_id=video.id,
            duration=video.duration,
        )


# ------------------------------------------------------------ from standard input


def piped() -> list[Clip]:
    """The moments on standard input: documents of `search`, `similar` or `ask --json`, lists of moments, or moments."""
    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UsageError("There is more than 64 MB on standard input. Export fewer moments.")
    text = data.decode("utf-8-sig", "replace")
    lengths = _lengths()
    return [_clip(moment, lengths) for value in _values(text) for moment in _moments(value)]


def _values(text: str) -> Iterator[object]:
    """JSON values one behind the other, as `jq` writes them."""
    decoder = json_reader.JSONDecoder()
    at = _begins(text, 0)
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _no_moments() from error
        yield value
        at = _begins(text, at)


def _begins(text: str, at: int) -> int:
    """Where the next value begins."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _moments(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    found = [value.get(name) for name in ("moments", "citations")] if isinstance(value, dict) else []
    return next((many for many in found if isinstance(many, list)), [value])


def _clip(moment: object, lengths: dict[str, float]) -> Clip:
    facts = moment if isinstance(moment, dict) else {}
    video = facts.get("video")
    if not isinstance(video, dict):
        raise _no_moments()
    path, title, said = video.get("path"), video.get("title"), facts.get("text")
    start, end, score = (facts.get(name) for name in ("start", "end", "score"))
    kinds = facts.get("kinds", [])
    if not (isinstance(path, str) and isinstance(said, str) and _is_time(start) and _is_time(end) and start <= end):
        raise _no_moments()
    return Clip(
        title=title if isinstance(title, str) else Path(path).stem,
        path=path,
        start=float(start),
        end=float(end),
        text=said,
        kinds=tuple(str(kind) for kind in kinds) if isinstance(kinds, list) else (),
        score=float(score) if _is_time(score) else None,
        video_id=video.get("id") if isinstance(video.get("id"), int) else None,
        duration=lengths.get(path, 0.0),
    )


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST_SECONDS


def _no_moments() -> UsageError:
    return UsageError("Standard input holds no moments. Fill it with: vidlocal search QUERY --json")


def _lengths() -> dict[str, float]:
    """How long the videos of the library are, by path; nothing where there is no library."""
    with suppress(StoreError), open_library() as library:
        return {video.path: video.duration for video in videos.every(library)}
    return {}
