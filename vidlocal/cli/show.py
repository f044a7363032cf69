"""`vidlocal show`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vidlocal.app.library import open_library
from vidlocal.cli.list_videos import as_data
from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options
from vidlocal.records import Chapter, Passage, Video, VideoTag
from vidlocal.store.content import frames, passages, understanding, videos
from vidlocal.store.content.frames import Coverage
from vidlocal.store.database import Library
from vidlocal.timecode import format_date, format_time

# The tags that most passages speak for; --json has them all.
_TAGS_SHOWN = 12


def command(
    video: options.VideoName,
    kind: options.WrittenKinds = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what is known about one video, along its timeline.

    Piped, it prints its passages as tab-separated lines: start, end, kind, text.
    """
    with open_library() as library:
        found = videos.resolve(library, video)
        coverage = frames.coverage(library, found.id)
        known = passages.of_video(library, found.id, kind)
        about = _about(library, found.id)
    if json:
        video_data = as_data(found, coverage) | asdict(about)
        output.document({"video": video_data, "passages": [asdict(passage) for passage in known]})
    elif output.on_terminal():
        _draw(found, coverage, about, known)
    else:
        for passage in known:
            output.fields(format_time(passage.start), format_time(passage.end), passage.kind, passage.text)
    if not known:
        output.notice("There is no passage of this kind." if kind else "No text is known of it yet.", quiet=quiet)


@dataclass(frozen=True, slots=True)
class _About:
    """What the text model understood of a video; empty before that."""

    event_type: str | None
    excitement: float | None
    tags: tuple[VideoTag, ...]
    chapters: tuple[Chapter, ...]


def _about(library: Library, video_id: int) -> _About:
    tags, chapters = understanding.tags(library, video_id), understanding.chapters(library, video_id)
    return _About(*understanding.event_of(library, video_id), tuple(tags), tuple(chapters))


def _draw(video: Video, coverage: Coverage, about: _About, known: Sequence[Passage]) -> None:
    from vidlocal.render import table

    console = output.console()
    console.print(table.facts(_facts(video, coverage, about)))
    if known:
        console.print()
        console.print(table.timeline(known))


def _facts(video: Video, coverage: Coverage, about: _About) -> list[tuple[str, str]]:
    from vidlocal.render import table

    gone = "" if Path(video.path).exists() else " (not there now)"
    status = str(video.enrichment_status)
    if coverage.total:
        status += f", {coverage.described:,} of {coverage.total:,} frames described"
    pairs = [
        ("video", f"{video.id}  {video.title}"),
        ("path", video.path + gone),
        ("kind", video.kind),
        ("length", table.format_length(video)),
        ("picture", table.format_size(video)),
        ("codecs", video.codecs),
        ("size", f"{video.size_bytes / 1e6:,.1f} MB"),
        ("recorded", format_date(video.recorded_at or "")),
        ("added", format_date(video.added_at)),
        ("language", video.language or ""),
        ("event", about.event_type or ""),
        ("tags", ", ".join(list(dict.fromkeys(tag.tag for tag in about.tags))[:_TAGS_SHOWN])),
        ("incomplete", video.partial or ""),
        ("status", status),
    ]
    return [(name, value) for name, value in pairs if value not in {"", "-"}]
