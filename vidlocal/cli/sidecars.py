"""`vidlocal sidecars`."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.errors import UsageError
from vidlocal.export.sidecars import Action
from vidlocal.render.sanitize import one_line
from vidlocal.settings.sidecar_formats import SidecarFormat
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.export.sidecars import Sidecar

DEFAULT_FORMATS = (SidecarFormat.MD, SidecarFormat.XMP, SidecarFormat.NFO)

EXAMPLES = (
    "vidlocal sidecars",
    "vidlocal sidecars --apply",
    "vidlocal sidecars wedding -f srt -f ffmetadata --apply",
    "vidlocal sidecars wedding --copy-with-chapters ~/Shared",
)

_REASONS = {Action.EDITED: "edited since it was written", Action.FOREIGN: "not written by vidlocal"}


def command(
    video: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO...", help="Only these videos (default: all).")
    ] = None,
    formats: Annotated[
        list[SidecarFormat] | None,
        typer.Option("--format", "-f", help="Only this format; repeatable.", show_default="md, xmp, nfo"),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the files.")] = False,
    copy_with_chapters: Annotated[
        Path | None,
        typer.Option(
            "--copy-with-chapters",
            metavar="FOLDER",
            help="Copy the videos with their chapters into FOLDER, not encoded again.",
        ),
    ] = None,
    people: Annotated[bool, typer.Option("--people", help="Name the people who are seen, too.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write summaries, chapters, tags and speech beside the videos.

    NAME.md for notes, NAME.EXT.xmp for digiKam, Lightroom and darktable, NAME.nfo for Kodi and Jellyfin,
    NAME.ffmetadata for ffmpeg, NAME.vidlocal.srt and .vtt for players. Without --apply it only lists the files. Videos
    are never changed. Files that other programs wrote, or that you edited, are never replaced. Piped, it prints
    tab-separated lines: action, path.
    """
    from vidlocal.app.export.run import resolve_videos
    from vidlocal.app.export.sidecars import plan_sidecars, write_sidecars
    from vidlocal.app.library import open_library

    with open_library() as library:
        selection = resolve_videos(library, video)
        if copy_with_chapters is not None:
            if apply or formats:
                raise UsageError("--copy-with-chapters takes neither --apply nor --format.")
            from vidlocal.app.export.chapter_copies import copy_videos_with_chapters

            copies = copy_videos_with_chapters(
                library, selection, copy_with_chapters, notify=partial(console.notice, quiet=quiet)
            )
            _print_copies(copies, json=json)
            return
        planned = list(plan_sidecars(library, selection, formats or DEFAULT_FORMATS, with_people=people))
        written, errors = write_sidecars(planned) if apply else ([], [])
    _print(planned, applied=apply, json=json)
    for sidecar in planned:
        if sidecar.action in _REASONS:
            console.notice(f"{sidecar.path}: not replaced ({_REASONS[sidecar.action]}).", quiet=quiet)
    for error in errors:
        console.notice(error, quiet=False)
    console.notice(_summary(planned, len(written), apply=apply), quiet=quiet)
    if errors:
        raise typer.Exit(SOME_FAILED if written else ALL_FAILED)


def _print(planned: Sequence["Sidecar"], *, applied: bool, json: bool) -> None:
    if json:
        console.document({"applied": applied, "files": [_as_data(sidecar) for sidecar in planned]})
    elif console.is_terminal():
        _print_table(planned)
    else:
        for sidecar in planned:
            console.fields(sidecar.action, sidecar.path)


def _print_copies(copies: Sequence[Path], *, json: bool) -> None:
    if json:
        console.document([str(path) for path in copies])
        return
    for path in copies:
        console.fields(path)


def _as_data(sidecar: "Sidecar") -> dict[str, object]:
    return {"video_id": sidecar.video.id, "path": str(sidecar.path), "action": str(sidecar.action)}


def _summary(planned: Sequence["Sidecar"], written: int, *, apply: bool) -> str:
    if not planned:
        return "Nothing to write: no summary, tags, chapters or speech yet. Run: vidlocal enrich"
    if apply:
        return f"Wrote {pluralize(written, 'file')}."
    counts = Counter(sidecar.action for sidecar in planned)
    new, changed = counts[Action.CREATE], counts[Action.UPDATE]
    if not new + changed:
        return f"All {pluralize(counts[Action.UNCHANGED], 'file')} up to date."
    return f"{pluralize(new, 'new file')}, {pluralize(changed, 'changed file')}. To write them, add --apply."


def _print_table(planned: Sequence["Sidecar"]) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = [sidecar for sidecar in planned if sidecar.is_written]
    if not shown:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("action", style="dim")
    table.add_column("file", overflow="fold")
    for sidecar in shown:
        table.add_row(Text(sidecar.action), Text(one_line(str(sidecar.path))))
    console.show(table)
