"""`vidlocal demo`."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import ToolError
from vidlocal.records import Moment
from vidlocal.store.database import Library
from vidlocal.timecode import format_duration

if TYPE_CHECKING:
    from vidlocal.ingest.outcome import Outcome

EXAMPLES = ("vidlocal demo", "vidlocal demo --json")

_MAX_MOMENTS = 3


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Try the full pipeline on a bundled sample clip (offline).

    Indexes the clip in a temporary library, searches it three times, prints the hits and deletes the library. Piped
    output is tab-separated: query, path, start, end, score, kinds, text.
    """
    from vidlocal.app.demo import open_demo_library

    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vidlocal-demo-")))
        with progress_line(quiet=quiet) as line:
            library, outcome = open_demo_library(
                stack,
                folder,
                on_progress=lambda progress: line.update(f"{progress.stage}: {progress.path.name}", progress.fraction),
            )
        for note in outcome.notes:
            console.notice(note, quiet=quiet)
        _print_outcome(outcome, quiet=quiet)
        _search(library, json=json)
    console.notice(f"Done in {format_duration(time.monotonic() - started)}. The demo library was deleted.", quiet=quiet)
    console.notice("To index your own videos: vidlocal ingest FOLDER", quiet=quiet)
    console.notice("To add speech and image search: vidlocal setup && vidlocal enrich", quiet=quiet)
    console.notice("To check your installation: vidlocal doctor", quiet=quiet)


def _print_outcome(outcome: "Outcome", *, quiet: bool) -> None:
    length = format_duration(outcome.video.duration) if outcome.video else ""
    console.notice(
        f"Indexed {outcome.path.name} ({length}): {outcome.frames} frames, {outcome.subtitles} subtitles, "
        "on-screen text",
        quiet=quiet,
    )


def _search(library: Library, *, json: bool) -> None:
    from vidlocal.app.demo import QUERIES
    from vidlocal.render import results
    from vidlocal.search.run import search

    documents: list[object] = []
    for query in QUERIES:
        moments = search(library, query, limit=_MAX_MOMENTS).moments
        if not moments:
            raise ToolError(f"The demo found nothing for {query!r}. Run: vidlocal doctor")
        if json:
            documents.append(results.to_document(query, moments))
        elif console.is_terminal():
            _draw(query, moments)
        else:
            for moment in moments:
                console.line(f"{query}\t{results.to_tsv(moment)}")
    if json:
        console.document(documents)
    elif console.is_terminal():
        console.line("")


def _draw(query: str, moments: Sequence[Moment]) -> None:
    from rich.text import Text

    from vidlocal.render import table
    from vidlocal.render.highlight import query_words

    terminal = console.rich_console()
    terminal.print(Text(f"\n$ vidlocal search {query}", style="bold green"))
    terminal.print(table.moments(moments, query_words(query), width=terminal.width))
