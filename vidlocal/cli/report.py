"""`vidlocal report`."""

from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options

if TYPE_CHECKING:
    from vidlocal.enrich.report import Report


def command(
    last: Annotated[int, typer.Option(min=1, help="So many reports, the newest first.")] = 1,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what the last night brought: frames, pace, failures, and how many nights are left.

    There is one report for every run of `vidlocal enrich`, and one for every night of a run that lasts several.
    Piped, it prints tab-separated lines: a name and its value. With --json and --last, a list.
    """
    from vidlocal.enrich import report

    with open_library() as library:
        reports = report.latest(library, limit=last)
    if json:
        documents = [stored.as_data() for stored in reports]
        console.document(documents if last > 1 else documents[0] if documents else None)
        return
    if not reports:
        console.notice("There is no report yet. It comes with: vidlocal enrich --all overnight", quiet=quiet)
    for stored in reports:
        _show(stored)


def _show(report: "Report") -> None:
    from vidlocal.render.report import report_rows

    if console.is_terminal():
        from vidlocal.render import table

        console.show(table.facts(report_rows(report)))
        return
    for pair in report_rows(report):
        console.fields(*pair)
