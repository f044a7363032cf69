"""`vidlocal check`."""

from contextlib import ExitStack
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.maintenance.check import CheckResult, CheckTools, check
from vidlocal.store.database import Library

FINDINGS_LEFT = 3


def command(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what follows from the rest of the library.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Look the library through: database, indexes, images, vectors, and the files it was made of.

    With --repair indexes are made anew, leftovers removed, lost images taken from their video again where it is there
    and unchanged, and lost work queued. Your videos are never touched. Ends with 3 when anything is left that should
    be mended, with 6 when the database itself is beyond use. Piped, it prints tab-separated lines: part, what became
    of it (found, mended, note), and a sentence.
    """
    from vidlocal.media.probe import Prober

    chosen = settings.load()
    checked: list[CheckResult] = []
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(chosen.home, for_repair=True))
        tools = CheckTools(chosen.ffmpeg, stack.enter_context(Prober()))
        line = stack.enter_context(progress_line(quiet=quiet))
        for one in check(
            library, tools, repair=repair, on_category=lambda part: line.update(f"checking the {part}", None)
        ):
            checked.append(one)
    left = [one for one in checked if not one.repaired and not one.finding.is_note]
    if json:
        console.document({"found": [_as_data(one) for one in checked], "clean": not left})
    else:
        for one in checked:
            _print(one)
    console.notice(_sentence(checked, left, repair=repair), quiet=quiet)
    if left:
        raise typer.Exit(FINDINGS_LEFT)


def _print(one: CheckResult) -> None:
    if console.is_terminal():
        console.line(f"{_became(one):6}  {_told(one)}")
    else:
        console.fields(one.finding.category, _became(one), _told(one))


def _became(one: CheckResult) -> str:
    return "note" if one.finding.is_note else "mended" if one.repaired else "found"


def _told(one: CheckResult) -> str:
    return f"{one.finding.message} {one.error}" if one.error else one.finding.message


def _sentence(checked: list[CheckResult], left: list[CheckResult], *, repair: bool) -> str:
    mended = sum(one.repaired for one in checked)
    told = f"{mended:,} mended. " if mended else ""
    if not left:
        return f"{told}The library is in order."
    mendable = sum(one.finding.repair is not None for one in left)
    if repair or not mendable:
        return f"{told}{len(left):,} found that cannot be mended from here."
    return f"{len(left):,} found, {mendable:,} of them can be mended with: vidlocal check --repair"


def _as_data(one: CheckResult) -> dict[str, object]:
    return {
        "part": one.finding.category,
        "video": one.finding.video_id,
        "sentence": one.finding.message,
        "note": one.finding.is_note,
        "mendable": one.finding.repair is not None,
        "mended": one.repaired,
        "trouble": one.error,
    }
