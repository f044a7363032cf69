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
_BUSY = "A vidlocal is at work, with none of these jobs in hand right now."
_IDLE = "Nothing is running. Go on with: vidlocal enrich"


def command(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and show what changes, until Ctrl-C.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what is done, what is running and what is left.

    Also true while another process is at work on the library. Piped, it prints tab-separated lines: a name and its
    value. With --watch, JSON is one object per line; its `state` is working, waiting (`waiting` tells for what, since
    when and why) or idle.
    """
    with open_library() as library:
        if watch:
            _watch(library, json=json)
            return
        status = read(library)
    if json:
        console.document(status.as_data())
        return
    pairs = [("all", headline(status)), *status_rows(status)]
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
            live.update(table.facts([("all", headline(status)), *status_rows(status)]), refresh=True)


def _poll(library: Library) -> Iterator[Status]:
    while True:
        yield read(library)
        time.sleep(_WATCH_INTERVAL_S)
