"""`vidlocal organize`."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.errors import EngineError, ModelMissing, UsageError
from vidlocal.render.sanitize import one_line
from vidlocal.store.database import Library
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.organize.moves import MoveResult
    from vidlocal.organize.proposal import Proposal, SkippedFile


EXAMPLES = (
    "vidlocal organize ~/Videos",
    "vidlocal organize ~/Videos --apply",
    "vidlocal organize ~/Videos --by-date",
    "vidlocal organize --undo",
)


def command(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Folder of the videos (default: the current folder).")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Apply the last proposal shown.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last --apply.")] = False,
    by_date: Annotated[bool, typer.Option("--by-date", help="Sort by date and title, without the text model.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Propose folders and file names; rename on request.

    The local text model proposes from summaries, dates and tags. Without it, each file goes into a folder of its
    year. The date is that of the recording, else of the file name, else of the folder names. Folders of events stay.
    Only indexed files are renamed, together with subtitles and other files of the same name, within FOLDER and its
    file system. No file is ever replaced. Piped, it prints tab-separated lines: current path, proposed path.
    """
    if undo and (apply or folder is not None):
        raise UsageError("--undo takes no FOLDER and no --apply: it undoes the last run.")
    current = settings.load()
    with Library.open(current.home) as library:
        if undo:
            _undo(library, json=json, quiet=quiet)
            return
        path = (folder or Path()).absolute()
        if not os.path.isdir(path):
            raise UsageError(f"{path}: not a folder.")
        from vidlocal.organize import proposal as proposals

        proposal = proposals.load(library.folder, path) if apply and not by_date else None
        if proposal is None:
            proposal = _propose(library, current, path, by_date=by_date, quiet=quiet)
        if apply:
            _apply(library, proposal, yes=yes, json=json, quiet=quiet)
        else:
            _show(library, proposal, json=json, quiet=quiet)


def _propose(library: Library, current: settings.Settings, folder: Path, *, by_date: bool, quiet: bool) -> "Proposal":
    from vidlocal.organize.propose import propose

    if by_date:
        return propose(library, folder, None)
    from contextlib import ExitStack

    from vidlocal.app.engines.hosts import open_writer
    from vidlocal.errors import EngineUnreachable

    try:
        with ExitStack() as stack:
            return propose(library, folder, open_writer(stack, current))
    except (EngineUnreachable, ModelMissing) as error:
        console.notice(f"Proposing by date and title, without the text model. {error}", quiet=quiet)
    except EngineError as error:
        raise EngineError(f"{error} Without the text model: vidlocal organize --by-date") from error
    return propose(library, folder, None)


def _show(library: Library, proposal: "Proposal", *, json: bool, quiet: bool) -> None:
    from vidlocal.organize import proposal as proposals

    proposals.store(library.folder, proposal)
    if json:
        console.document(proposal.as_data() | {"applied": False})
    else:
        _print_moves(proposal)
    _print_skipped(proposal.skipped, quiet=quiet)
    if proposal.moves:
        quoted = shlex.quote(str(proposal.folder))
        console.notice(f"Nothing was renamed yet. Run: vidlocal organize {quoted} --apply", quiet=quiet)
    else:
        console.notice(f"{proposal.folder}: nothing to rename.", quiet=quiet)


def _apply(library: Library, proposal: "Proposal", *, yes: bool, json: bool, quiet: bool) -> None:
    from vidlocal.organize import proposal as proposals
    from vidlocal.organize.moves import apply_moves

    if not json:
        _print_moves(proposal)
    count = len(proposal.moves)
    if count and not yes and sys.stdin.isatty() and not console.confirm(f"Rename {pluralize(count, 'video')}?"):
        console.notice("Nothing was renamed.", quiet=quiet)
        return
    result = apply_moves(library, proposal.folder, proposal.moves)
    proposals.delete(library.folder)
    if json:
        all_skipped = replace(proposal, skipped=(*proposal.skipped, *result.skipped))
        console.document(all_skipped.as_data() | {"applied": True})
    _print_skipped(proposal.skipped, quiet=quiet)
    if result.renamed:
        message = f"Renamed {pluralize(len(result.renamed), 'file')}. To undo: vidlocal organize --undo"
    else:
        message = "Nothing was renamed."
    console.notice(message, quiet=quiet)
    _end(result)


def _undo(library: Library, *, json: bool, quiet: bool) -> None:
    from vidlocal.organize.moves import undo_last_run

    result = undo_last_run(library)
    if json:
        renamed = () if result is None else result.renamed
        skipped = () if result is None else result.skipped
        console.document(
            {
                "undone": [{"from": str(before), "to": str(after)} for before, after in renamed],
                "left": [{"path": str(file.path), "reason": file.reason} for file in skipped],
            }
        )
    if result is None:
        console.notice("Nothing to undo.", quiet=quiet)
        return
    console.notice(f"Restored the names of {pluralize(len(result.renamed), 'file')}.", quiet=quiet)
    _end(result)


def _end(result: "MoveResult") -> None:
    _print_skipped(result.skipped, quiet=False)
    if result.skipped:
        raise typer.Exit(SOME_FAILED if result.renamed else ALL_FAILED)


def _print_skipped(skipped: "Sequence[SkippedFile]", *, quiet: bool) -> None:
    for file in skipped:
        console.notice(f"{file.path}: not renamed ({file.reason}).", quiet=quiet)


def _print_moves(proposal: "Proposal") -> None:
    if not console.is_terminal():
        for move in proposal.moves:
            console.fields(move.source, move.target)
        return
    if not proposal.moves:
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("current", overflow="fold")
    table.add_column("proposed", overflow="fold", style="bold")
    table.add_column("sidecars", justify="right", style="dim")
    for move in proposal.moves:
        source, target = (_relative(proposal.folder, path) for path in (move.source, move.target))
        table.add_row(Text(source), Text(target), Text(f"+{len(move.sidecars)}" if move.sidecars else ""))
    console.show(table)


def _relative(folder: Path, path: Path) -> str:
    return one_line(str(path.relative_to(folder) if path.is_relative_to(folder) else path))
