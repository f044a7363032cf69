"""`vidlocal check`."""

from contextlib import ExitStack
from dataclasses import asdict
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.maintenance.check import CheckResult, CheckTools, check
from vidlocal.render.sanitize import one_line
from vidlocal.store.content import stale, weak_speech
from vidlocal.store.database import Library
from vidlocal.text import pluralize
from vidlocal.timecode import format_time

FINDINGS_LEFT = 3
_MAX_MINUTES = 40

EXAMPLES = ("vidlocal check", "vidlocal check --repair", "vidlocal check --speech")


def command(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be rebuilt.")] = False,
    speech: Annotated[
        bool, typer.Option("--speech", help="List the minutes whose transcript is least sure, instead of checking.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Verify the library and repair it.

    Checks the database, indexes, images, vectors and video files. --repair rebuilds indexes, deletes leftovers, decodes
    lost images again and queues lost work. Videos are never changed. Exit code 3: problems remain; 6: the database is
    unusable. Piped output is tab-separated: part, state (problem, repaired, note), message.
    """
    if speech:
        _list_weak_speech(repair=repair, json=json, quiet=quiet)
        return
    from vidlocal.media.probe.prober import Prober

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


def _list_weak_speech(*, repair: bool, json: bool, quiet: bool) -> None:
    if repair:
        raise UsageError("--speech lists, and repairs nothing. To transcribe again: vidlocal enrich --redo VIDEO")
    with Library.open(settings.load().home) as library:
        minutes = weak_speech.weakest_minutes(library, below=stale.MIN_CONFIDENCE, limit=_MAX_MINUTES)
    if json:
        console.document({"minutes": [asdict(minute) for minute in minutes]})
    for minute in minutes if not json else ():
        fields = (f"{minute.confidence:.2f}", one_line(minute.title), format_time(minute.start), minute.model)
        if console.is_terminal():
            console.line("  ".join((*fields, one_line(minute.text))))
        else:
            console.fields(*fields, minute.text)
    if minutes:
        remedy = "vidlocal enrich --only transcribe --redo-weak --whisper-model small"
        console.notice(f"To transcribe these videos with a better model: {remedy}", quiet=quiet)
    else:
        console.notice("No unsure transcripts.", quiet=quiet)


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
