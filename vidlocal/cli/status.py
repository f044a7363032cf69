"""`vidlocal status`."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.enrich.status import Activity, Status, read
from vidlocal.render.status import headline, status_rows
from vidlocal.store.database import Library

_WATCH_INTERVAL_S = 2.0
_BUSY = "Another vidlocal process is working."
_IDLE = "Nothing is running. Continue with: vidlocal enrich"

EXAMPLES = ("vidlocal status", "vidlocal status --watch", "vidlocal status --json")


def command(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing the status until Ctrl-C.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show progress, running work and time left.

    Includes work of other processes. Piped output is tab-separated: name, value. --watch --json prints an object per
    line, with the state working, waiting or idle.
    """
    with open_library() as library:
        if watch:
            _watch(library, json=json)
            return
        status = read(library)
    if json:
        console.document(status.as_data())
        return
    pairs = [("progress", headline(status)), *status_rows(status)]
    if console.is_terminal():
        from vidlocal.render import table

        console.show(table.facts(pairs))
    else:
        for pair in pairs:
            console.fields(*pair)
    if not status.running and status.waiting is None and any(status.queued.values()):
        console.notice(_BUSY if status.state is Activity.WORKING else _IDLE, quiet=quiet)


def _watch(library: Library, *, json: bool) -> None:
    """Show the status until Ctrl-C: redrawn on a terminal, elsewhere a line per change."""
    if json or not console.is_terminal():
        previous: object = None
        for status in _poll(library):
            current: object = status.as_data() if json else headline(status)
            if current != previous:
                console.record(current) if json else console.line(headline(status))
                console.flush()
                previous = current
        return
    from rich.live import Live

    from vidlocal.render import table

    with Live(console=console.rich_console(), auto_refresh=False) as live:
        for status in _poll(library):
            live.update(table.facts([("progress", headline(status)), *status_rows(status)]), refresh=True)


def _poll(library: Library) -> Iterator[Status]:
    while True:
        yield read(library)
        time.sleep(_WATCH_INTERVAL_S)
