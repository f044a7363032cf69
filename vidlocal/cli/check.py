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

    current = settings.load()
    results: list[CheckResult] = []
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(current.home, for_repair=True))
        tools = CheckTools(current.ffmpeg, stack.enter_context(Prober()))
        line = stack.enter_context(progress_line(quiet=quiet))
        results.extend(
            check(
                library,
                tools,
                repair=repair,
                on_category=lambda category: line.update(f"checking the {category}", None),
            )
        )
    remaining = [result for result in results if not result.repaired and not result.finding.is_note]
    if json:
        console.document({"found": [_as_data(result) for result in results], "clean": not remaining})
    else:
        for result in results:
            _print(result)
    console.notice(_summary(results, remaining, repair=repair), quiet=quiet)
    if remaining:
        raise typer.Exit(FINDINGS_LEFT)


def _print(result: CheckResult) -> None:
    state = "note" if result.finding.is_note else "mended" if result.repaired else "found"
    message = f"{result.finding.message} {result.error}" if result.error else result.finding.message
    if console.is_terminal():
        console.line(f"{state:6}  {message}")
    else:
        console.fields(result.finding.category, state, message)


def _summary(results: list[CheckResult], remaining: list[CheckResult], *, repair: bool) -> str:
    repaired_count = sum(result.repaired for result in results)
    repaired = f"{repaired_count:,} mended. " if repaired_count else ""
    if not remaining:
        return f"{repaired}The library is in order."
    repairable_count = sum(result.finding.repair is not None for result in remaining)
    if repair or not repairable_count:
        return f"{repaired}{len(remaining):,} found that cannot be mended from here."
    return f"{len(remaining):,} found, {repairable_count:,} of them can be mended with: vidlocal check --repair"


def _as_data(result: CheckResult) -> dict[str, object]:
    return {
        "part": result.finding.category,
        "video": result.finding.video_id,
        "sentence": result.finding.message,
        "note": result.finding.is_note,
        "mendable": result.finding.repair is not None,
        "mended": result.repaired,
        "trouble": result.error,
    }
