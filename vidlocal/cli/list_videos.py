"""`vidlocal list`."""

from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.app.search.last_results import LastResults
from vidlocal.app.video_details import SortKey, VideoStatus, select_videos, video_data, with_coverage
from vidlocal.cli.ui import console, options
from vidlocal.records import Video
from vidlocal.store.content.frames import Coverage
from vidlocal.text import pluralize

EXAMPLES = (
    "vidlocal list",
    "vidlocal list --status waiting --sort length",
    "vidlocal list --folder ~/Videos/2023 -n 20",
)


def command(
    sort: Annotated[SortKey, typer.Option("--sort", help="Order of the videos.")] = SortKey.ADDED,
    status: Annotated[VideoStatus | None, typer.Option("--status", help="Only videos with this status.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Only videos in this folder and below.")
    ] = None,
    limit: options.MaxVideos = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List the videos of the library.

    Status: waiting (no captions yet), partial (some captions), done. Piped output is tab-separated: id, title, path,
    seconds, status, captioned frames, frames.
    """
    with open_library() as library:
        selected = select_videos(library, sort=sort, status=status, folder=folder)
        shown = with_coverage(library, selected[:limit])
        LastResults(library.folder).forget()
    if json:
        console.document({"videos": [video_data(video, coverage) for video, coverage in shown]})
    elif not selected:
        is_filtered = status is not None or folder is not None
        console.notice(
            "No matching videos." if is_filtered else "The library is empty. Run: vidlocal ingest FOLDER", quiet=quiet
        )
    elif console.is_terminal():
        _draw(shown)
    else:
        for video, coverage in shown:
            console.fields(
                str(video.id),
                video.title,
                Path(video.path),
                f"{video.duration:.1f}",
                VideoStatus.of(video),
                str(coverage.described),
                str(coverage.total),
            )
    if len(selected) > len(shown) and not json:
        console.notice(f"{pluralize(len(selected) - len(shown), 'more video')}. Show more with -n N.", quiet=quiet)


def _draw(rows: list[tuple[Video, Coverage]]) -> None:
    from vidlocal.render import table

    lines = [
        table.VideoLine(video, VideoStatus.of(video), coverage.described, coverage.total) for video, coverage in rows
    ]
    terminal = console.rich_console()
    terminal.print(table.videos(lines, width=terminal.width))
