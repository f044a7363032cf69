"""`vidlocal list`."""

from pathlib import Path

from vidlocal.app.library import open_library
from vidlocal.app.video_details import list_videos, video_data
from vidlocal.cli.ui import console, options
from vidlocal.records import Video
from vidlocal.store.content.frames import Coverage


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """List the videos of the library.

    Piped, it prints tab-separated lines: id, title, path, seconds, status, frames described, frames.
    """
    with open_library() as library:
        rows = list_videos(library)
    if json:
        console.document({"videos": [video_data(video, coverage) for video, coverage in rows]})
    elif not rows:
        console.notice("The library is empty. Take videos in with: vidlocal ingest PATH", quiet=quiet)
    elif console.is_terminal():
        _draw(rows)
    else:
        for video, coverage in rows:
            console.fields(
                str(video.id),
                video.title,
                Path(video.path),
                f"{video.duration:.1f}",
                video.enrichment_status,
                str(coverage.described),
                str(coverage.total),
            )


def _draw(rows: list[tuple[Video, Coverage]]) -> None:
    from vidlocal.render import table

    lines = [table.VideoLine(video, coverage.described, coverage.total) for video, coverage in rows]
    terminal = console.rich_console()
    terminal.print(table.videos(lines, width=terminal.width))
