"""`vidlocal list`."""

from dataclasses import asdict
from pathlib import Path

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options
from vidlocal.records import Video
from vidlocal.store.content import frames, videos
from vidlocal.store.content.frames import Coverage


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """List the videos of the library.

    Piped, it prints tab-separated lines: id, title, path, seconds, status, frames described, frames.
    """
    with open_library() as library:
        known = [(video, frames.coverage(library, video.id)) for video in videos.every(library)]
    if json:
        output.document({"videos": [as_data(video, coverage) for video, coverage in known]})
    elif not known:
        output.notice("The library is empty. Take videos in with: vidlocal ingest PATH", quiet=quiet)
    elif output.on_terminal():
        _draw(known)
    else:
        for video, coverage in known:
            output.fields(
                str(video.id),
                video.title,
                Path(video.path),
                f"{video.duration:.1f}",
                video.enrichment_status,
                str(coverage.described),
                str(coverage.total),
            )


def as_data(video: Video, coverage: Coverage) -> dict[str, object]:
    """A video and its frame counts as JSON holds them."""
    return asdict(video) | {"frames": coverage.total, "frames_described": coverage.described}


def _draw(known: list[tuple[Video, Coverage]]) -> None:
    from vidlocal.render import table

    lines = [table.VideoLine(video, coverage.described, coverage.total) for video, coverage in known]
    console = output.console()
    console.print(table.videos(lines, width=console.width))
