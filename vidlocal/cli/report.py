"""`vidlocal report`."""

from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options

if TYPE_CHECKING:
    from vidlocal.enrich.report import Report


EXAMPLES = ("vidlocal report", "vidlocal report -n 7", "vidlocal report --json")


def command(
    last: Annotated[
        int, typer.Option("--limit", "-n", "--last", metavar="N", min=1, help="Number of reports, newest first.")
    ] = 1,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the results of the last night: frames, pace, failures.

    Each run of `vidlocal enrich` has a report; a run over several nights has one per night. Piped output is
    tab-separated: name, value. With -n, --json prints a list.
    """
    from vidlocal.enrich import report

    with open_library() as library:
        reports = report.latest(library, limit=last)
    if json:
        documents = [stored.as_data() for stored in reports]
        console.document(documents if last > 1 else documents[0] if documents else None)
        return
    if not reports:
        console.notice("No reports yet. Each run of enrich writes one. Run: vidlocal enrich", quiet=quiet)
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
