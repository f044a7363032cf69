"""`vidlocal export`."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.export import (
    LIBRARY_FORMATS,
    TRANSCRIPT_KINDS,
    Format,
    export_library,
    passage_clips,
    render_clips,
    resolve_videos,
)
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.errors import UsageError
from vidlocal.records import PassageKind


def command(
    video: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO...",
            help="Only these videos: id, path or part of the name. - takes the --json of search, similar or ask.",
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", metavar="FORMAT", help=f"One of {', '.join(Format)}.")
    ] = Format.JSONL,
    kind: options.Kinds = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this new file. One that is there is never touched."
        ),
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option(
            "--fps",
            metavar="RATE",
            help="Frames a second of edl, fcpxml and otio: 25, 29.97, 24000/1001. Default: as in the first video.",
        ),
    ] = None,
    finetune: Annotated[
        Path | None,
        typer.Option(
            "--finetune",
            metavar="FOLDER",
            help="Write your corrections and their pictures to a new folder, to fine-tune a vision model with.",
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Export the library, or the moments of a search, for other programs.

    As jsonl, and as json, it is everything but pictures and vectors, and `vidlocal import` reads jsonl back without
    loss. The other formats hold what is spoken, unless --kind names other passages; csv holds all of them.

    --finetune takes the descriptions (scene, action) that you corrected with `vidlocal note --edit` and your notes,
    each with its picture and the question the vision model gets, in the conversation format of LLaVA.
    """
    if finetune is not None:
        _export_finetune(video, kind, finetune, alone=form is Format.JSONL and out is None, quiet=quiet)
        return
    rate = None
    if fps is not None:
        from vidlocal.app.frame_rate import parse_rate

        rate = parse_rate(fps)
    if video == ["-"]:
        from vidlocal.cli.ui.piped import read_piped_moments

        clips = [clip for clip in read_piped_moments() if not kind or set(clip.kinds) & set(kind)]
        console.write_output(
            render_clips(clips, form, "moments", rate, notify=partial(console.notice, quiet=quiet)), out
        )
    else:
        _export_library(video, form, kind, out, rate, quiet=quiet)


def _export_library(
    names: Sequence[str] | None,
    form: Format,
    kinds: Sequence[PassageKind] | None,
    out: Path | None,
    rate: Fraction | None,
    *,
    quiet: bool,
) -> None:
    with open_library() as library:
        selection = resolve_videos(library, names)
        if form in LIBRARY_FORMATS:
            parts = export_library(
                library, selection, kinds, as_document=form is Format.JSON, with_vocabulary=not names
            )
            console.write_output(parts, out)
            return
        default = None if form is Format.CSV else TRANSCRIPT_KINDS
        clips = [clip for video in selection for clip in passage_clips(library, video, kinds or default)]
    if not clips:
        console.notice("There is no such text in these videos.", quiet=quiet)
    title = selection[0].title if len(selection) == 1 else "vidlocal"
    console.write_output(render_clips(clips, form, title, rate, notify=partial(console.notice, quiet=quiet)), out)


def _export_finetune(
    names: Sequence[str] | None, kinds: Sequence[PassageKind] | None, folder: Path, *, alone: bool, quiet: bool
) -> None:
    if not alone or names == ["-"]:
        raise UsageError("--finetune writes a folder of its own from the library. Leave out -, -o and --format.")
    from vidlocal.app.finetune import export_finetune

    with open_library() as library:
        export_finetune(
            library, resolve_videos(library, names), kinds, folder, notify=partial(console.notice, quiet=quiet)
        )
