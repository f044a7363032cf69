"""`vidlocal demo`."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import ToolError
from vidlocal.records import Moment
from vidlocal.store.database import Library
from vidlocal.timecode import format_duration

if TYPE_CHECKING:
    from vidlocal.ingest.run import Outcome

_MAX_MOMENTS = 3


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Go the whole way on a small bundled clip: no server, no download.

    Takes the clip into a library of its own, searches it three times, shows the moments and leaves nothing
    behind. Piped, it prints tab-separated lines: query, path, start, end, score, kinds, text.
    """
    from vidlocal.app.demo import open_demo_library

    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vidlocal-demo-")))
        with progress_line(quiet=quiet) as line:
            library, outcome = open_demo_library(
                stack,
                folder,
                on_progress=lambda stage: line.update(f"{stage.stage}: {stage.path.name}", stage.fraction),
            )
        for note in outcome.notes:
            output.notice(note, quiet=quiet)
        _print_outcome(outcome, quiet=quiet)
        _search(library, json=json)
    output.notice(f"That took {format_duration(time.monotonic() - started)}, and nothing of it was kept.", quiet=quiet)
    output.notice("Now with your own: vidlocal ingest PATH, then vidlocal search WORDS.", quiet=quiet)
    output.notice(
        "For speech, and for what the pictures show: vidlocal setup, then vidlocal enrich. What is still missing: "
        "vidlocal doctor",
        quiet=quiet,
    )


def _print_outcome(outcome: "Outcome", *, quiet: bool) -> None:
    length = format_duration(outcome.video.duration) if outcome.video else ""
    output.notice(
        f"Taken in: {outcome.path.name}, {length} drawn for this demo, {outcome.frames} frames ({outcome.distinct} "
        f"distinct), {outcome.subtitles} subtitles, text on screen.",
        quiet=quiet,
    )


def _search(library: Library, *, json: bool) -> None:
    from vidlocal.app.demo import QUERIES
    from vidlocal.render import results
    from vidlocal.search.run import search

    documents: list[object] = []
    for query in QUERIES:
        found = search(library, query, limit=_MAX_MOMENTS).moments
        if not found:
            raise ToolError(f"The demo found nothing for {query!r}. Run: vidlocal doctor")
        if json:
            documents.append(results.to_document(query, found))
        elif output.is_terminal():
            _draw(query, found)
        else:
            for moment in found:
                output.line(f"{query}\t{results.to_tsv(moment)}")
    if json:
        output.document(documents)
    elif output.is_terminal():
        output.line("")


def _draw(query: str, found: Sequence[Moment]) -> None:
    from rich.text import Text

    from vidlocal.render import table
    from vidlocal.render.highlight import query_words

    console = output.rich_console()
    console.print(Text(f"\n$ vidlocal search {query}", style="bold green"))
    console.print(table.moments(found, query_words(query), width=console.width))
