"""`vidlocal demo`."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal import settings
from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options, progress
from vidlocal.errors import ToolError
from vidlocal.records import Moment
from vidlocal.store.database import Library
from vidlocal.store.process_locks import Owner
from vidlocal.timecode import lasting

if TYPE_CHECKING:
    from vidlocal.ingest.run import Outcome

CLIP = "a-year-outside.mp4"
# One that the subtitles answer, one that only the picture does, one that both do, in other forms of the words.
QUERIES = ("boat sails home", "grimsel pass 2164", "rising balloons")
_MOST_MOMENTS = 3


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Go the whole way on a small bundled clip: no server, no download.

    Takes the clip into a library of its own, searches it three times, shows the moments and leaves nothing
    behind. Piped, it prints tab-separated lines: query, path, start, end, score, kinds, text.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        clip = stack.enter_context(as_file(files("vidlocal") / "demo" / CLIP))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vidlocal-demo-")))
        library = stack.enter_context(Library.open(folder, create=True))
        outcome = _take_in(stack, library, clip, quiet=quiet)
        _say_what_it_is(outcome, quiet=quiet)
        _search(library, json=json)
    output.notice(f"That took {format_duration(time.monotonic() - started)}, and nothing of it was kept.", quiet=quiet)
    output.notice("Now with your own: vidlocal ingest PATH, then vidlocal search WORDS.", quiet=quiet)
    output.notice(
        "For speech, and for what the pictures show: vidlocal setup, then vidlocal enrich. What is still missing: "
        "vidlocal doctor",
        quiet=quiet,
    )


def _take_in(stack: ExitStack, library: Library, clip: Path, *, quiet: bool) -> "Outcome":
    """The clip as a video of `library`. Raises ToolError when that fails: the clip is known to be good."""
    from vidlocal.cli.ingest import open_tools
    from vidlocal.ingest.run import Result, ingest

    # Whatever models the user has: the demo is the same everywhere.
    chosen = settings.load(
        {"home": library.folder, "models_folder": library.folder / "models", "whisper_model": "base"}
    )
    owner = stack.enter_context(Owner(library.folder))
    tools = open_tools(stack, chosen)
    with progress.line(quiet=quiet) as line:
        (outcome,) = ingest(
            library,
            [clip],
            tools,
            owner,
            every=2.0,
            report=lambda at: line.at(f"{at.stage}: {at.path.name}", at.done),
        )
    if outcome.result is not Result.ADDED:
        raise ToolError(f"The clip of the demo could not be read: {outcome.reason} Run: vidlocal doctor")
    for note in outcome.notes:
        output.notice(note, quiet=quiet)
    return outcome


def _say_what_it_is(outcome: "Outcome", *, quiet: bool) -> None:
    length = format_duration(outcome.video.duration) if outcome.video else ""
    output.notice(
        f"Taken in: {outcome.path.name}, {length} drawn for this demo, {outcome.frames} frames ({outcome.distinct} "
        f"distinct), {outcome.subtitles} subtitles, text on screen.",
        quiet=quiet,
    )


def _search(library: Library, *, json: bool) -> None:
    from vidlocal.render import results
    from vidlocal.search.run import search

    documents: list[object] = []
    for query in QUERIES:
        found = search(library, query, limit=_MOST_MOMENTS).moments
        if not found:
            raise ToolError(f"The demo found nothing for {query!r}. Run: vidlocal doctor")
        if json:
            documents.append(results.to_document(query, found))
        elif output.on_terminal():
            _draw(query, found)
        else:
            for moment in found:
                output.line(f"{query}\t{results.to_tsv(moment)}")
    if json:
        output.document(documents)
    elif output.on_terminal():
        output.line("")


def _draw(query: str, found: Sequence[Moment]) -> None:
    from rich.text import Text

    from vidlocal.render import table
    from vidlocal.render.highlight import query_words

    console = output.console()
    console.print(Text(f"\n$ vidlocal search {query}", style="bold green"))
    console.print(table.moments(found, query_words(query), width=console.width))
