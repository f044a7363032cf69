"""`vidlocal show`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vidlocal.app.library import open_library
from vidlocal.app.video_details import VideoDetails, read_details
from vidlocal.cli.ui import console, options
from vidlocal.records import Passage
from vidlocal.store.content import passages, videos
from vidlocal.timecode import format_date, format_time

# The tags that most passages speak for; --json has them all.
_MAX_TAGS = 12


def command(
    video: options.VideoName,
    kind: options.TextKinds = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show a video along its timeline: speech, descriptions, text on screen, notes.

    Piped, it prints its passages as tab-separated lines: start, end, kind, text.
    """
    with open_library() as library:
        record = videos.resolve(library, video)
        details = read_details(library, record)
        timeline = passages.of_video(library, record.id, kind)
    if json:
        console.document({"video": details.as_data(), "passages": [asdict(passage) for passage in timeline]})
    elif console.is_terminal():
        _draw(details, timeline)
    else:
        for passage in timeline:
            console.fields(format_time(passage.start), format_time(passage.end), passage.kind, passage.text)
    if not timeline:
        console.notice("There is no passage of this kind." if kind else "It has no text yet.", quiet=quiet)


def _draw(details: VideoDetails, timeline: Sequence[Passage]) -> None:
    from vidlocal.render import table

    terminal = console.rich_console()
    terminal.print(table.facts(_properties(details)))
    if timeline:
        terminal.print()
        terminal.print(table.timeline(timeline))


def _properties(details: VideoDetails) -> list[tuple[str, str]]:
    from vidlocal.render import table

    video, coverage = details.video, details.coverage
    missing = "" if Path(video.path).exists() else " (not there now)"
    status = str(video.enrichment_status)
    if coverage.total:
        status += f", {coverage.described:,} of {coverage.total:,} frames described"
    pairs = [
        ("video", f"{video.id}  {video.title}"),
        ("path", video.path + missing),
        ("kind", video.kind),
        ("length", table.format_length(video)),
        ("picture", table.format_size(video)),
        ("codecs", video.codecs),
        ("size", f"{video.size_bytes / 1e6:,.1f} MB"),
        ("recorded", format_date(video.recorded_at or "")),
        ("added", format_date(video.added_at)),
        ("language", video.language or ""),
        ("event", details.event_type or ""),
        ("tags", ", ".join(list(dict.fromkeys(tag.tag for tag in details.tags))[:_MAX_TAGS])),
        ("incomplete", video.partial or ""),
        ("status", status),
    ]
    return [(name, value) for name, value in pairs if value not in {"", "-"}]
