"""`vidlocal show`."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.app.search.last_results import LastResults
from vidlocal.app.video_details import VideoDetails, VideoStatus, read_details
from vidlocal.cli.ui import console, options
from vidlocal.errors import UsageError
from vidlocal.moments import fold_repeats
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, videos
from vidlocal.text import pluralize
from vidlocal.timecode import format_date, format_duration, format_short_time, format_time, parse_span

EXAMPLES = (
    "vidlocal show wedding",
    "vidlocal show 3                       # around hit 3 of the last search",
    "vidlocal show wedding --at 10:00-12:00 --kind speech",
    "vidlocal show id:12 --json",
)

# The most frequent tags; --json has all.
_MAX_TAGS = 12
# Shown before and after a hit of the last search.
_CONTEXT_S = 30.0
_WHOLE = 0.0, float("inf")


def command(
    video: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER|VIDEO", help="Hit of the last search, or a video: id, path or part of the title."
        ),
    ],
    kind: options.TextKinds = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME-TIME", help="Only this part, such as 1:00-2:00.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", metavar="N", min=1, help="Maximum number of passages.", show_default="all"),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show a video: summary, chapters, timeline.

    Repeated captions are folded into one line. Piped output has a tab-separated line per passage, not folded: start,
    end, kind, text.
    """
    span = _WHOLE if at is None else _span(at)
    with open_library() as library:
        result = LastResults(library.folder).hit_in(library, video)
        if result is not None:
            record, hit = result
            span = (max(0.0, hit.start - _CONTEXT_S), hit.end + _CONTEXT_S) if at is None else span
            console.notice(f"Hit {video} of the last search. Video {video}: vidlocal show id:{video}", quiet=quiet)
        else:
            record = videos.resolve(library, video)
        details = read_details(library, record)
        timeline = [
            passage
            for passage in passages.of_video(library, record.id, kind)
            if passage.start <= span[1] and passage.end >= span[0]
        ]
    if json:
        console.document(
            {"video": details.as_data(), "passages": [asdict(passage) for passage in timeline[: limit or None]]}
        )
    elif console.is_terminal():
        _draw(details, timeline, limit, quiet=quiet)
    else:
        for passage in timeline[: limit or None]:
            console.fields(format_time(passage.start), format_time(passage.end), passage.kind, passage.text)
    if not timeline:
        filtered = kind or span != _WHOLE
        console.notice("No matching passages." if filtered else "No text yet. Run: vidlocal enrich", quiet=quiet)


def _span(text: str) -> tuple[float, float]:
    try:
        return parse_span(text)
    except ValueError as error:
        raise UsageError(f"--at {text}: not a span of time. Example: --at 1:00-2:00") from error


def _draw(details: VideoDetails, timeline: Sequence[Passage], limit: int | None, *, quiet: bool) -> None:
    from vidlocal.render import table

    terminal = console.rich_console()
    summaries = [passage.text for passage in timeline if passage.kind is PassageKind.SUMMARY]
    if summaries:
        terminal.print(table.paragraphs(summaries))
        terminal.print()
    terminal.print(table.facts(_properties(details)))
    folded = fold_repeats([passage for passage in timeline if passage.kind is not PassageKind.SUMMARY])
    if folded:
        terminal.print()
        terminal.print(table.timeline(folded[: limit or None]))
    if limit is not None and len(folded) > limit:
        console.notice(f"{pluralize(len(folded) - limit, 'more line')}. Show more with -n N.", quiet=quiet)


def _readings(details: VideoDetails) -> str:
    if not details.readings:
        return ""
    names = dict.fromkeys(name for reading in details.readings for name in reading.values)
    return f"{len(details.readings):,} of the camera, with --json: {', '.join(names)}"


def _properties(details: VideoDetails) -> list[tuple[str, str]]:
    from vidlocal.render import table

    video, coverage = details.video, details.coverage
    missing = "" if os.path.exists(Path(video.path)) else " (file not found)"
    status: str = VideoStatus.of(video)
    if coverage.total:
        status += f", {coverage.described:,} of {coverage.total:,} frames captioned"
    chapters = (f"{format_short_time(chapter.start)} {chapter.title}" for chapter in details.chapters)
    pairs = [
        ("video", f"{video.id}  {video.title}"),
        ("path", video.path + missing),
        ("kind", video.kind),
        ("length", table.format_length(video)),
        ("picture", table.format_size(video)),
        ("codecs", video.codecs),
        ("size", f"{video.size_bytes / 1e6:,.1f} MB"),
        ("recorded", format_date(video.recorded_at or "")),
        ("place", video.place or ""),
        ("camera", video.camera or ""),
        ("added", format_date(video.added_at)),
        ("language", video.language or ""),
        ("people", ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in details.people)),
        ("event", details.event_type or ""),
        ("tags", ", ".join(list(dict.fromkeys(tag.tag for tag in details.tags))[:_MAX_TAGS])),
        *(("chapters" if position == 0 else " ", text) for position, text in enumerate(chapters)),
        ("readings", _readings(details)),
        ("incomplete", video.partial or ""),
        ("status", status),
    ]
    return [(name, value) for name, value in pairs if value not in {"", "-"}]
