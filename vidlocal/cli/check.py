"""`vidlocal check`."""

from contextlib import ExitStack
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.maintenance.check import CheckResult, CheckTools, check
from vidlocal.store.database import Library
from vidlocal.text import pluralize

FINDINGS_LEFT = 3

EXAMPLES = ("vidlocal check", "vidlocal check --repair")


def command(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be rebuilt.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Verify the library and repair it.

    Checks the database, indexes, images, vectors and video files. --repair rebuilds indexes, deletes leftovers, decodes
    lost images again and queues lost work. Videos are never changed. Exit code 3: problems remain; 6: the database is
    unusable. Piped output is tab-separated: part, state (problem, repaired, note), message.
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
        console.document({"findings": [_as_data(result) for result in results], "clean": not remaining})
    else:
        for result in results:
            _print(result)
    console.notice(_summary(results, remaining, repair=repair), quiet=quiet)
    if remaining:
        raise typer.Exit(FINDINGS_LEFT)


def _print(result: CheckResult) -> None:
    state = "note" if result.finding.is_note else "repaired" if result.repaired else "problem"
    message = f"{result.finding.message} {result.error}" if result.error else result.finding.message
    if console.is_terminal():
        console.line(f"{state:8}  {message}")
    else:
        console.fields(result.finding.category, state, message)


def _summary(results: list[CheckResult], remaining: list[CheckResult], *, repair: bool) -> str:
    repaired_count = sum(result.repaired for result in results)
    repaired = f"{pluralize(repaired_count, 'problem')} repaired. " if repaired_count else ""
    if not remaining:
        return f"{repaired}No problems left." if repaired_count else "No problems found."
    repairable_count = sum(result.finding.repair is not None for result in remaining)
    problems = pluralize(len(remaining), "problem")
    if repair or not repairable_count:
        return f"{repaired}{problems} cannot be repaired from the library."
    return f"{problems}, {repairable_count:,} repairable. Run: vidlocal check --repair"


def _as_data(result: CheckResult) -> dict[str, object]:
    return {
        "part": result.finding.category,
        "video": result.finding.video_id,
        "message": result.finding.message,
        "note": result.finding.is_note,
        "repairable": result.finding.repair is not None,
        "repaired": result.repaired,
        "error": result.error,
    }
