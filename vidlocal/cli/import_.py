"""`vidlocal import`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.app.plugins import import_readers
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.cli.ui.rejected_lines import RejectedLines
from vidlocal.errors import MediaError
from vidlocal.ingest import import_file
from vidlocal.store.database import Library
from vidlocal.text import pluralize

EXAMPLES = (
    "vidlocal import wedding.en.srt",
    "vidlocal import transcript.json --video wedding",
    "vidlocal import lecture.srt --new     # a video without its file",
    "vidlocal import ~/Pictures/digikam4.db",
    "vidlocal export | ssh nas vidlocal import -",
)


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            readable=False,
            help="Export (.jsonl, or -), transcript or Immich export (.json), subtitles, digikam4.db.",
        ),
    ],
    video: Annotated[
        str | None,
        typer.Option(
            "--video",
            metavar="VIDEO",
            help="Video the transcript belongs to (default: from the file name).",
            show_default=False,
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Add a video for the text, titled by --video or the file name.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Import transcripts, subtitles, captions or an export.

    Also the people, albums, tags and captions of Immich (JSON of its API) and digiKam, for videos in the library.

    Existing passages are not imported twice. Invalid lines are reported and skipped (exit code 3); if no file could be
    read, the exit code is 4. Writes an export of another library back without loss, also without its video files.
    """
    loaded = settings.load()
    readers = import_readers(loaded, console.notice)
    total = import_file.ImportResult()
    unreadable = 0
    reasons = RejectedLines()
    with Library.open(loaded.home, create=True) as library:
        for file in files:
            try:
                total.add(_import(library, file, video=video, new=new, readers=readers, reject=reasons.add))
            except MediaError as error:
                reasons.add(str(error))
                unreadable += 1
    reasons.end()
    if json:
        console.document(_as_data(total, unreadable))
    elif unreadable < len(files):
        console.notice(_summary(total, unreadable), quiet=quiet)
    if total.rejected or unreadable:
        raise typer.Exit(ALL_FAILED if unreadable == len(files) else SOME_FAILED)


def _import(
    library: Library,
    file: Path,
    *,
    video: str | None,
    new: bool,
    readers: Sequence[import_file.FileReader],
    reject: Callable[[str], None],
) -> import_file.ImportResult:
    """Import a file, or standard input for `-`."""
    if str(file) == "-":
        return import_file.import_lines(library, sys.stdin.buffer, name="standard input", reject=reject)
    return import_file.import_file(library, file, video=video, new=new, readers=readers, reject=reject)


def _as_data(total: import_file.ImportResult, unreadable: int) -> dict[str, int]:
    return {
        "videos": total.videos,
        "passages": total.passages,
        "existing": total.existing,
        "left_out": total.rejected,
        "described": total.described,
        "not_in_library": total.missing,
        "unreadable_files": unreadable,
    }


def _summary(total: import_file.ImportResult, unreadable: int) -> str:
    message = f"Imported {pluralize(total.passages, 'passage')} and {pluralize(total.videos, 'new video')}"
    if total.described or total.missing:
        message = f"Imported metadata of {pluralize(total.described, 'video')}"
    if total.existing:
        message += f"; {total.existing:,} already present"
    if total.missing:
        message += f"; {pluralize(total.missing, 'file is', 'files are')} not in the library"
    if total.rejected:
        message += f"; {pluralize(total.rejected, 'line')} skipped"
    if unreadable:
        message += f"; {pluralize(unreadable, 'file')} unreadable"
    return message + (". To search them by meaning, run: vidlocal enrich" if total.passages else ".")
