"""`vidlocal similar`."""

from pathlib import Path
from typing import Annotated

import typer

from vidlocal.cli import options, output
from vidlocal.cli.library import open_library
from vidlocal.cli.note import video_and_time
from vidlocal.errors import UsageError
from vidlocal.records import Frame, Moment
from vidlocal.render import data
from vidlocal.store import frames
from vidlocal.store.database import Library

_BY_HASH = (
    "Compared by perceptual hash: it knows the same picture again, and near copies of it, "
    "not the same things seen from elsewhere."
)


def command(
    where: Annotated[str | None, typer.Argument(metavar="[VIDEO@TIME]", help="A moment, like wedding@1:02:03.")] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="PICTURE", help="A picture file instead.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many moments at most.")
    ] = 10,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find moments that look like a moment or a picture.

    Pictures are compared by perceptual hash: the same picture is found again, cut, copied or scaled, but not the same
    things seen from elsewhere. Piped, it prints tab-separated lines: path, start, end, score, kinds, text.
    """
    if (where is None) == (image is None):
        raise UsageError("Say what to look for: vidlocal similar wedding@1:02:03, or --image PICTURE.")
    with open_library() as library:
        from vidlocal.steps.similar import hash_of_picture, similar

        if image is not None:
            found = similar(library, hash_of_picture(Path(image)), limit=limit)
        else:
            frame = _frame(library, where or "")
            found = similar(library, frames.dhash(library, frame), limit=limit, besides=frame)
    _print(image or where or "", found, json=json)
    output.notice(_BY_HASH if found else f"No moment looks like that. {_BY_HASH}", quiet=quiet)


def _frame(library: Library, where: str) -> Frame:
    video, time = video_and_time(library, where)
    frame = frames.shown_at(library, video.id, time)
    if frame is None:
        raise UsageError(f"{video.title} has no pictures.")
    return frame


def _print(asked: str, found: tuple[Moment, ...], *, json: bool) -> None:
    if json:
        output.document({**data.document(asked, found), "by": "perceptual hash"})
    elif not output.on_terminal():
        for moment in found:
            output.line(data.line(moment))
    elif found:
        from vidlocal.render import table

        console = output.console()
        console.print(table.moments(found, (), width=console.width))
