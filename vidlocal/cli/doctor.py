"""`vidlocal doctor`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.render.sanitize import one_line
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vidlocal.app.doctor.check import Check

_STYLES = {"ok": "green", "warning": "yellow", "missing": "red"}


EXAMPLES = ("vidlocal doctor", "vidlocal doctor --json", "vidlocal doctor --server http://127.0.0.1:8080")


def command(
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="Ask this model server what it is and can do, and nothing else."),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check the installation; print a fix for each problem.

    Exit code 0 means that ingest and search work, even if other parts are missing. Piped output is tab-separated:
    part, state, result, fix. With --server it asks each model of the server for a text, an image and an embedding,
    which takes up to a minute.
    """
    if server is not None:
        from vidlocal.app.servers.report import report_server

        _print(list(report_server(settings.load(), server)), json=json)
        return
    from vidlocal.app.doctor.run import run_checks

    checks = list(run_checks(settings.load()))
    _print(checks, json=json)
    broken = [check for check in checks if check.exit_code]
    if broken:
        console.notice(f"Fix this first: {', '.join(check.part for check in broken)}.")
        raise typer.Exit(broken[0].exit_code)
    console.notice(_summary(checks), quiet=quiet)


def _print(checks: "Sequence[Check]", *, json: bool) -> None:
    if json:
        console.document([_data(check) for check in checks])
    elif console.is_terminal():
        console.show(_table(checks))
    else:
        for check in checks:
            console.fields(check.part, check.state, check.result, check.fix)


def _summary(checks: "Sequence[Check]") -> str:
    from vidlocal.app.doctor.check import CheckState

    missing = [check.part for check in checks if check.state is CheckState.MISSING]
    if missing:
        return f"Ingest and search work. Missing: {', '.join(missing)}."
    warnings = sum(check.state is CheckState.WARNING for check in checks)
    return f"No part is missing. {pluralize(warnings, 'warning')}." if warnings else "All checks passed."


def _data(check: "Check") -> dict[str, object]:
    return {"part": check.part, "state": check.state, "result": check.result, "fix": check.fix or None}


def _table(checks: "Sequence[Check]") -> "RenderableType":
    """State, then part and result, the remedy on a line of its own: two columns wrap between words at any width."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        result = check.result.partition(" Run: ")[0] if check.fix else check.result
        text = Text.assemble((check.part, "bold"), "  ", one_line(result))
        if check.fix:
            label = "command" if check.state == "ok" else "fix"
            text.append(f"\n{label}: {one_line(check.fix)}", style="cyan")
        table.add_row(Text(check.state, style=_STYLES[check.state]), text)
    return table
