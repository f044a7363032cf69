"""`vidlocal export`."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.export.run import (
    LIBRARY_FORMATS,
    PEOPLE_FORMATS,
    TRANSCRIPT_KINDS,
    WORD_FORMATS,
    Format,
    export_library,
    passage_clips,
    render_clips,
    resolve_format,
    resolve_videos,
)
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.errors import UsageError
from vidlocal.records import PassageKind
from vidlocal.settings import load

if TYPE_CHECKING:
    from vidlocal.app.plugins import PluginExporter

EXAMPLES = (
    "vidlocal export wedding -f srt -o wedding.srt",
    "vidlocal export -o library.jsonl           # back up all text",
    "vidlocal search first dance --json | vidlocal export - -f fcpxml -o dance.fcpxml",
)


Videos = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VIDEO...",
        help="Only these videos (default: all); - reads the --json of search, similar or ask.",
    ),
]
FormatName = Annotated[
    str,
    typer.Option("--format", "-f", metavar="|".join(Format), help="Output format: one of these, or of a plugin."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Output file; - is standard output (default).", show_default=False
    ),
]
FrameRate = Annotated[
    str | None,
    typer.Option(
        "--fps",
        metavar="RATE",
        help="Frame rate of edl, fcpxml and otio: 25, 29.97, 24000/1001.",
        show_default="of the first video",
    ),
]
Finetune = Annotated[
    Path | None,
    typer.Option(
        "--finetune",
        metavar="FOLDER",
        help="Write corrected captions and images to fine-tune a vision model.",
    ),
]
Words = Annotated[bool, typer.Option("--words", help="Mark each spoken word at its time in vtt and ass (karaoke).")]
People = Annotated[bool, typer.Option("--people", help="Name who is seen: csv, markdown, txt, jsonl, json.")]


def command(
    video: Videos = None,
    form_name: FormatName = Format.JSONL,
    kind: options.Kinds = None,
    out: Output = None,
    fps: FrameRate = None,
    finetune: Finetune = None,
    words: Words = False,
    people: People = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Export transcripts, subtitles, edit lists or the library.

    jsonl and json contain everything but images and vectors; `vidlocal import` reads jsonl back without loss. The other
    formats contain speech and subtitles, or the passages of --kind; csv contains all passages.

    --finetune writes your corrected captions (`vidlocal note --edit`) and notes with their images and prompts, in the
    conversation format of LLaVA.
    """
    notify = partial(console.notice, quiet=quiet)
    form = resolve_format(form_name, load(), notify=notify)
    if finetune is not None:
        _export_finetune(video, kind, finetune, alone=form is Format.JSONL and out is None, quiet=quiet)
        return
    has_names = video != ["-"]
    if words and not (form in WORD_FORMATS and has_names):
        raise UsageError(f"--words goes with {' and '.join(WORD_FORMATS)}, and the name of a video.")
    if people and not (form in PEOPLE_FORMATS and has_names):
        raise UsageError(f"--people goes with {', '.join(PEOPLE_FORMATS)}, and the name of a video.")
    rate = None if fps is None else _parse_rate(fps)
    if has_names:
        _export_library(video, form, kind, out, rate, words=words, people=people, force=force, quiet=quiet)
    else:
        _export_piped(form, kind, out, rate, force=force, quiet=quiet)


def _parse_rate(text: str) -> Fraction:
    from vidlocal.app.export.frame_rate import parse_rate  # imported only if needed

    return parse_rate(text)


def _export_piped(
    form: "Format | PluginExporter",
    kinds: Sequence[PassageKind] | None,
    out: Path | None,
    rate: Fraction | None,
    *,
    force: bool,
    quiet: bool,
) -> None:
    from vidlocal.cli.ui.piped import read_piped_moments

    clips = [clip for clip in read_piped_moments() if not kinds or set(clip.kinds) & set(kinds)]
    parts = render_clips(clips, form, "moments", rate, notify=partial(console.notice, quiet=quiet))
    console.write_output(parts, out, overwrite=force, quiet=quiet)


def _export_library(
    names: Sequence[str] | None,
    form: "Format | PluginExporter",
    kinds: Sequence[PassageKind] | None,
    out: Path | None,
    rate: Fraction | None,
    *,
    words: bool,
    people: bool,
    force: bool,
    quiet: bool,
) -> None:
    with open_library() as library:
        selection = resolve_videos(library, names)
        if form in LIBRARY_FORMATS:
            parts = export_library(
                library,
                selection,
                kinds,
                as_document=form is Format.JSON,
                with_vocabulary=not names,
                with_people=people,
            )
            console.write_output(parts, out, overwrite=force, quiet=quiet)
            return
        default = None if form is Format.CSV else TRANSCRIPT_KINDS
        clips = [
            clip
            for video in selection
            for clip in passage_clips(library, video, kinds or default, with_words=words, with_people=people)
        ]
    if not clips:
        console.notice("No matching passages in these videos.", quiet=quiet)
    title = selection[0].title if len(selection) == 1 else "vidlocal"
    parts = render_clips(clips, form, title, rate, notify=partial(console.notice, quiet=quiet))
    console.write_output(parts, out, overwrite=force, quiet=quiet)


def _export_finetune(
    names: Sequence[str] | None, kinds: Sequence[PassageKind] | None, folder: Path, *, alone: bool, quiet: bool
) -> None:
    if not alone or names == ["-"]:
        raise UsageError("--finetune excludes -, -o and --format. Leave them out.")
    from vidlocal.app.export.finetune import export_finetune

    with open_library() as library:
        export_finetune(
            library, resolve_videos(library, names), kinds, folder, notify=partial(console.notice, quiet=quiet)
        )
