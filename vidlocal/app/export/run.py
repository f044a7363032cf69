"""Exports: the library, or moments, in the formats of other programs."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from vidlocal.errors import UsageError
from vidlocal.records import Passage, PassageKind, SeenPerson, Video
from vidlocal.render.clips import Clip
from vidlocal.render.sanitize import to_json
from vidlocal.settings import Settings
from vidlocal.store.content import passages, people, videos, word_times
from vidlocal.store.database import Library
from vidlocal.store.exchange import export_rows

if TYPE_CHECKING:
    from vidlocal.app.plugins import PluginExporter

Notify = Callable[[str], None]

TRANSCRIPT_KINDS = (PassageKind.SPEECH, PassageKind.SUBTITLE, PassageKind.SOUND)


class Format(StrEnum):
    """Export format.

    The values are those of `--format`.
    """

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    SRT = "srt"
    VTT = "vtt"
    ASS = "ass"
    TXT = "txt"
    MARKDOWN = "markdown"
    EDL = "edl"
    FCPXML = "fcpxml"
    OTIO = "otio"


SUBTITLE_FORMATS = (Format.SRT, Format.VTT, Format.ASS)
WORD_FORMATS = (Format.VTT, Format.ASS)
TIMELINE_FORMATS = (Format.EDL, Format.FCPXML, Format.OTIO)
LIBRARY_FORMATS = (Format.JSONL, Format.JSON)
# Formats that can tell who is seen.
PEOPLE_FORMATS = (Format.CSV, Format.TXT, Format.MARKDOWN, *LIBRARY_FORMATS)


def resolve_videos(library: Library, names: Sequence[str] | None) -> list[Video]:
    """Return the named videos, each once, or all. Raises UsageError for an unknown or ambiguous name."""
    if not names:
        return videos.every(library)
    return list({video.id: video for video in (videos.resolve(library, name) for name in names)}.values())


def export_library(
    library: Library,
    selection: Sequence[Video],
    kinds: Sequence[PassageKind] | None,
    *,
    as_document: bool,
    with_vocabulary: bool,
    with_people: bool = False,
) -> Iterator[str]:
    """Yield everything stored about videos except images and vectors: JSON lines, or one JSON document.

    Named people are left out, except on request.
    """
    rows = (
        row
        for row in export_rows.lines(library, selection, with_vocabulary=with_vocabulary, with_people=with_people)
        if not kinds or row["type"] in ("video", "person") or row.get("kind") in kinds
    )
    if as_document:
        yield _document(rows, with_people=with_people)
    else:
        yield from (to_json(row) + "\n" for row in rows)


def passage_clips(
    library: Library,
    video: Video,
    kinds: Sequence[PassageKind] | None,
    *,
    with_words: bool = False,
    with_people: bool = False,
) -> Iterator[Clip]:
    """Yield the passages of a video as clips, on request with the times of words and the visible people."""
    seen = people.named_spans(library, video.id) if with_people else []
    for passage in passages.of_video(library, video.id, kinds):
        yield Clip(
            title=video.title,
            path=video.path,
            start=passage.start,
            end=passage.end,
            text=f"[{passage.text}]" if passage.kind is PassageKind.SOUND else passage.text,
            kinds=(passage.kind,),
            video_id=video.id,
            duration=video.duration,
            words=word_times.of_passage(library, passage) if with_words else (),
            speaker=passage.speaker,
            people=_seen_during(passage, seen),
        )


def _seen_during(passage: Passage, seen: Sequence[SeenPerson]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            person.name
            for person in seen
            if person.start == passage.start or (person.start < passage.end and passage.start < person.end)
        )
    )


def resolve_format(name: str, settings: Settings, *, notify: Notify) -> "Format | PluginExporter":
    """Return an export format by name. Raises UsageError with the names of all formats."""
    if name in list(Format):
        return Format(name)
    from vidlocal.app.plugins import exporters

    available = exporters(settings, notify)
    if name not in available:
        raise UsageError(f"{name!r} is no export format. Formats: {', '.join([*Format, *available])}.")
    return available[name]


def render_clips(
    clips: Sequence[Clip], form: "Format | PluginExporter", title: str, rate: Fraction | None, *, notify: Notify
) -> Iterator[str]:
    """Yield clips in a format.

    Lazy: no video is probed for a file that cannot be written. Raises UsageError.
    """
    if not isinstance(form, Format):
        yield form.render(clips, title)
        return
    if form in TIMELINE_FORMATS:
        from vidlocal.app.export.frame_rate import rate_of_first

        yield _timeline(clips, form, title, rate or rate_of_first(clips, notify=notify))
        return
    from vidlocal.render import ass, captions, data_formats, text_formats

    if form in SUBTITLE_FORMATS and len({clip.path for clip in clips}) > 1:
        raise UsageError("Subtitles are exported for one video at a time. Name one video.")
    if form in SUBTITLE_FORMATS:
        clips = sorted(clips, key=lambda clip: clip.start)
    renderers: dict[Format, Callable[[Sequence[Clip]], str]] = {
        Format.JSONL: data_formats.jsonl,
        Format.JSON: data_formats.json,
        Format.CSV: data_formats.csv_table,
        Format.SRT: captions.srt,
        Format.VTT: captions.vtt,
        Format.ASS: ass.ass_file,
        Format.TXT: text_formats.txt,
        Format.MARKDOWN: text_formats.markdown,
    }
    yield renderers[form](clips)


def _timeline(clips: Sequence[Clip], form: Format, title: str, rate: Fraction) -> str:
    from vidlocal.render import edl, fcpxml, otio

    renderers = {Format.EDL: edl.edl, Format.FCPXML: fcpxml.fcpxml, Format.OTIO: otio.otio}
    return renderers[form](clips, title=title, rate=rate)


def _document(rows: Iterator[export_rows.Line], *, with_people: bool) -> str:
    """All rows as a JSON document, a list for each type."""
    lists: dict[str, list[export_rows.Line]] = {
        f"{kind}s": [] for kind in ("video", "passage", "frame", "section", "reading", "word")
    }
    if with_people:
        lists["people"] = []
    for row in rows:
        lists["people" if row["type"] == "person" else f"{row['type']}s"].append(
            {name: value for name, value in row.items() if name != "type"}
        )
    return to_json(lists, indent=2) + "\n"
