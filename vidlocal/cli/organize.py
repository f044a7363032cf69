"""`vidlocal organize`."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.errors import EngineError, ModelMissing, UsageError
from vidlocal.render.sanitize import one_line
from vidlocal.store.database import Library
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.organize.moves import Left, Move, Moved
    from vidlocal.organize.propose import Proposal

SOME_LEFT, ALL_LEFT = 3, 4


def command(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Whose videos; else the folder you are in.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Rename as proposed: what was shown last, if it was.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Give the files of the last --apply their old names.")] = False,
    by_date: Annotated[bool, typer.Option("--by-date", help="By date and title, without the text model.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before renaming.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Propose folders and names for the videos in a folder; rename on request.

    The local text model proposes from summaries, dates and tags; without one, each file goes into a folder for its
    year. Only files that the library knows are renamed, with their subtitles and other files of the same name,
    within FOLDER and on one file system. No file is ever replaced. Every rename is noted in the library folder before
    it is made. Piped, it prints tab-separated lines: the path now, and then.
    """
    if undo and (apply or folder is not None):
        raise UsageError("--undo takes back what was done last, wherever it was. Give it alone.")
    chosen = settings.load()
    with Library.open(chosen.home) as library:
        if undo:
            _undo(library, json=json, quiet=quiet)
            return
        place = (folder or Path()).absolute()
        if not place.is_dir():
            raise UsageError(f"{place} is no folder. Name one that holds videos of the library.")
        proposal = _kept(library, place) if apply and not by_date else None
        if proposal is None:
            proposal = _propose(library, chosen, place, by_date=by_date, quiet=quiet)
        if not apply:
            _offer(library, proposal, json=json, quiet=quiet)
        else:
            _apply(library, proposal, yes=yes, json=json, quiet=quiet)


def _propose(library: Library, chosen: settings.Settings, folder: Path, *, by_date: bool, quiet: bool) -> "Proposal":
    from vidlocal.organize.propose import propose

    if by_date:
        return propose(library, folder, None)
    from contextlib import ExitStack

    from vidlocal.app.hosts import open_writer
    from vidlocal.errors import EngineUnreachable

    try:
        with ExitStack() as stack:
            return propose(library, folder, open_writer(stack, chosen))
    except (EngineUnreachable, ModelMissing) as error:
        console.notice(f"Going by date and title. {error}", quiet=quiet)
    except EngineError as error:
        raise EngineError(f"{error} Or go without the text model: vidlocal organize --by-date") from error
    return propose(library, folder, None)


def _offer(library: Library, proposal: "Proposal", *, json: bool, quiet: bool) -> None:
    from vidlocal.organize import journal

    data = _data(proposal.folder, proposal.moves, proposal.left)
    journal.keep_plan(library.folder, data)
    if json:
        console.document(data | {"applied": False})
    else:
        _table(proposal)
    _name_left(proposal.left, quiet=quiet)
    if proposal.moves:
        where = shlex.quote(str(proposal.folder))
        console.notice(f"Nothing was renamed. Do so with: vidlocal organize {where} --apply", quiet=quiet)
    else:
        console.notice(f"There is nothing to rename in {proposal.folder}.", quiet=quiet)


def _apply(library: Library, proposal: "Proposal", *, yes: bool, json: bool, quiet: bool) -> None:
    from vidlocal.organize import journal
    from vidlocal.organize import moves as move

    if not json:
        _table(proposal)
    count = len(proposal.moves)
    if count and not yes and sys.stdin.isatty() and not console.confirmed(f"Rename {pluralize(count, 'video')}?"):
        console.notice("Nothing was renamed.", quiet=quiet)
        return
    moved = move.apply(library, proposal.folder, proposal.moves)
    journal.drop_plan(library.folder)
    if json:
        console.document(_data(proposal.folder, proposal.moves, (*proposal.left, *moved.left)) | {"applied": True})
    _name_left(proposal.left, quiet=quiet)
    if moved.renamed:
        told = f"Renamed {pluralize(len(moved.renamed), 'file')}. Take it back with: vidlocal organize --undo"
    else:
        told = "Nothing was renamed."
    console.notice(told, quiet=quiet)
    _end(moved)


def _undo(library: Library, *, json: bool, quiet: bool) -> None:
    from vidlocal.organize import moves as move

    moved = move.undo(library)
    if json:
        pairs = [] if moved is None else [{"from": str(one), "to": str(other)} for one, other in moved.renamed]
        left = () if moved is None else moved.left
        console.document({"undone": pairs, "left": [_left(one) for one in left]})
    if moved is None:
        console.notice("There is nothing to take back.", quiet=quiet)
        return
    console.notice(f"Old names given back to {pluralize(len(moved.renamed), 'file')}.", quiet=quiet)
    _end(moved)


def _end(moved: "Moved") -> None:
    _name_left(moved.left, quiet=False)
    if moved.left:
        raise typer.Exit(SOME_LEFT if moved.renamed else ALL_LEFT)


def _name_left(left: "Sequence[Left]", *, quiet: bool) -> None:
    for one in left:
        console.notice(f"{one.path} stays: {one.reason}.", quiet=quiet)


def _table(proposal: "Proposal") -> None:
    if not console.on_terminal():
        for move in proposal.moves:
            console.fields(move.source, move.target)
        return
    if not proposal.moves:
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("now", overflow="fold")
    table.add_column("then", overflow="fold", style="bold")
    table.add_column("with", justify="right", style="dim")
    for move in proposal.moves:
        now, then = (_within(proposal.folder, path) for path in (move.source, move.target))
        table.add_row(Text(now), Text(then), Text(f"+{len(move.sidecars)}" if move.sidecars else ""))
    console.show(table)


def _within(folder: Path, path: Path) -> str:
    return one_line(str(path.relative_to(folder) if path.is_relative_to(folder) else path))


def _data(folder: Path, moves: "Sequence[Move]", left: "Sequence[Left]") -> dict[str, object]:
    return {
        "folder": str(folder),
        "moves": [
            {
                "video": move.video_id,
                "from": str(move.source),
                "to": str(move.target),
                "sidecars": [{"from": str(one), "to": str(other)} for one, other in move.sidecars],
            }
            for move in moves
        ],
        "left": [_left(one) for one in left],
    }


def _left(one: "Left") -> dict[str, object]:
    return {"path": str(one.path), "reason": one.reason}


def _kept(library: Library, folder: Path) -> "Proposal | None":
    """The proposal that was shown last, if it was for this folder."""
    from vidlocal.organize import journal
    from vidlocal.organize.moves import Move
    from vidlocal.organize.propose import Proposal

    kept = journal.kept_plan(library.folder)
    listed = None if kept is None else kept.get("moves")
    if kept is None or kept.get("folder") != str(folder) or not isinstance(listed, list):
        return None
    try:
        moves = [
            Move(
                int(one["video"]),
                Path(one["from"]),
                Path(one["to"]),
                tuple((Path(pair["from"]), Path(pair["to"])) for pair in one["sidecars"]),
            )
            for one in listed
        ]
    except (KeyError, TypeError, ValueError):
        return None
    return Proposal(folder, tuple(moves), ())
