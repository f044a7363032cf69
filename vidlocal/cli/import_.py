"""`vidlocal import`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.errors import MediaError
from vidlocal.ingest import import_file
from vidlocal.store.database import Library
from vidlocal.text import pluralize

_MAX_REASONS = 20


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="JSON lines (- is standard input), a transcript (.json), or subtitles (.srt, .vtt)."
        ),
    ],
    video: Annotated[
        str | None,
        typer.Option(
            "--video",
            metavar="VIDEO",
            help="Video of a transcript or subtitles: id, path or part of the name. Default: by the file name.",
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Add a video for the texts, with the title of --video or the file's name.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Take in what `vidlocal export` or another program wrote: passages, transcripts, captions.

    The videos need not be there. Nothing is taken in twice. Lines that cannot be understood are named and left out,
    and the exit code is 3; it is 4 where no file could be read at all.
    """
    total = import_file.ImportResult()
    unreadable = 0
    with Library.open(settings.load().home, create=True) as library:
        reasons = _Reasons()
        for file in files:
            try:
                if str(file) == "-":
                    result = import_file.import_lines(
                        library, sys.stdin.buffer, name="standard input", reject=reasons.add
                    )
                else:
                    result = import_file.import_file(library, file, video=video, new=new, reject=reasons.add)
            except MediaError as error:
                reasons.add(str(error))
                unreadable += 1
                continue
            total.videos += result.videos
            total.passages += result.passages
            total.existing += result.existing
            total.rejected += result.rejected
        reasons.end()
    if json:
        console.document(_as_data(total, unreadable))
    else:
        console.notice(_summary(total, unreadable), quiet=quiet)
    if total.rejected or unreadable:
        raise typer.Exit(ALL_FAILED if unreadable == len(files) else SOME_FAILED)


class _Reasons:
    """Prints the first reasons to reject a line, and counts all."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, reason: str) -> None:
        self.count += 1
        if self.count <= _MAX_REASONS:
            console.notice(reason)

    def end(self) -> None:
        if self.count > _MAX_REASONS:
            console.notice(f"{self.count - _MAX_REASONS:,} more were left out.")


def _as_data(total: import_file.ImportResult, unreadable: int) -> dict[str, int]:
    return {
        "videos": total.videos,
        "passages": total.passages,
        "existing": total.existing,
        "left_out": total.rejected,
        "unreadable_files": unreadable,
    }


def _summary(total: import_file.ImportResult, unreadable: int) -> str:
    message = f"New: {pluralize(total.passages, 'passage')} and {pluralize(total.videos, 'video')}"
    if total.existing:
        message += f"; already there: {pluralize(total.existing, 'passage')}"
    if total.rejected:
        message += f"; left out: {pluralize(total.rejected, 'line')}"
    if unreadable:
        message += f"; not read: {pluralize(unreadable, 'file')}"
    return message + (". Find them by meaning too with: vidlocal enrich" if total.passages else ".")
