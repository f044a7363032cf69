"""`vidlocal search`."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.search.last_results import LastResults
from vidlocal.app.search.run import LibrarySearch, advice, name_advice, similar_names
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import NOTHING_FOUND
from vidlocal.cli.ui.query_words import FreeTextCommand, read_query
from vidlocal.errors import UsageError
from vidlocal.explanations import SecondLook
from vidlocal.records import Moment
from vidlocal.render import results
from vidlocal.search.run import SearchResult
from vidlocal.settings import Settings, load
from vidlocal.store.content import videos
from vidlocal.store.database import Library

Parser = FreeTextCommand

EXAMPLES = (
    "vidlocal search bride walks down aisle",
    """vidlocal search '"happy birthday" kind:speech after:2023'""",
    "vidlocal search 'beach -dog' -n 20 --thumbs",
    "vidlocal search first dance --json | vidlocal clip - --join dance.mp4",
)


class OutputFormat(StrEnum):
    """Formats of the results on stdout."""

    TABLE = "table"
    TSV = "tsv"
    JSONL = "jsonl"
    JSON = "json"
    PATHS = "paths"


Words = Annotated[list[str], typer.Argument(metavar="QUERY...", help="Words to look for; - reads standard input.")]
Format = Annotated[
    OutputFormat | None,
    typer.Option("--format", "-f", help="Output format.", show_default="table on a terminal, else tsv"),
]
FailIfEmpty = Annotated[bool, typer.Option("--fail-if-empty", help="Exit with code 8 if nothing is found.")]
Private = Annotated[
    bool, typer.Option("--private", help="Do not record this search (recorded searches are captioned first).")
]
Page = Annotated[str | None, typer.Option("--page", metavar="FILE", help="Write the results as a web page, too.")]
Thumbs = Annotated[bool, typer.Option("--thumbs", help="Show a thumbnail of each moment in the terminal.")]
Explain = Annotated[bool, typer.Option("--explain", help="Show how each hit was scored.")]
Deep = Annotated[bool, typer.Option("--deep", help="Rerank the best 50 moments with the text model.")]
LookAgain = Annotated[
    int | None,
    typer.Option("--look", metavar="N", min=1, max=100, help="Rerank the best N moments with the vision model."),
]
Play = Annotated[int | None, typer.Option("--open", metavar="N", min=1, help="Play hit N in your player.")]


def command(
    words: Words,
    limit: options.Limit = 10,
    video: options.Videos = None,
    kind: options.Kinds = None,
    form: Format = None,
    fail_if_empty: FailIfEmpty = False,
    private: Private = False,
    page: Page = None,
    force: options.Force = False,
    thumbs: Thumbs = False,
    explain: Explain = False,
    deep: Deep = False,
    look: LookAgain = None,
    play: Play = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find moments by what is said, shown or written in them.

    All words count; the best match comes first. Scores go from 0 to 1. Put a query with filters in quotes: '"exact
    phrase"', -excluded, video:wedding, kind:speech, tag:dance, lang:es, speaker:mary, after:2023, before:2024-06,
    at:10:00-12:00, time:18:00-23:00. More: vidlocal help query

    The hits stay numbered for this terminal: vidlocal play 3, clip 3, show 3, note 3 TEXT.
    """
    query = read_query(words)
    settings = load()
    output = _output_format(form, json=json)
    with Library.open(settings.home) as library:
        video_ids = [videos.resolve(library, name).id for name in video] if video else None
        search = LibrarySearch(library, settings)
        notify = partial(console.notice, quiet=quiet)
        count = max(limit, look or 0)
        result = search.find(
            query, limit=count, videos=video_ids, kinds=kind, deep=deep, keep=not private, notify=notify
        )
        looks: dict[Moment, SecondLook] = {}
        if look is not None:
            from vidlocal.app.search.second_look import rerank_by_vision

            result, looks = rerank_by_vision(library, settings, result, look, keep=not private, notify=notify)
            result = replace(result, moments=result.moments[:limit])
        _print(result, output, explain=explain, looks=looks)
        if result.notice:
            console.notice(result.notice, quiet=quiet)
        if not result.moments:
            console.notice(advice(library, query), quiet=quiet)
            names = name_advice(similar_names(library, query))
            if names:
                console.notice(names, quiet=quiet)
        _show(library, settings, result, page=page, force=force, thumbs=thumbs, play=play, quiet=quiet)
        _remember(settings, result, private=private)
        if not private:
            search.record(result, video_ids)
    if fail_if_empty and not result.moments:
        raise typer.Exit(NOTHING_FOUND)


def _output_format(form: OutputFormat | None, *, json: bool) -> OutputFormat:
    if json and form not in (None, OutputFormat.JSON):
        raise UsageError(f"--json and --format {form} contradict each other. Leave one of them out.")
    if json or form is not None:
        return form or OutputFormat.JSON
    return OutputFormat.TABLE if console.is_terminal() else OutputFormat.TSV


def _remember(settings: Settings, result: SearchResult, *, private: bool) -> None:
    """Store the hits of this terminal by number, in place of those of the last search; none for a private search."""
    last_results = LastResults(settings.home)
    if private or not result.moments:
        last_results.forget()
    else:
        last_results.remember(result.query, result.moments)


def _show(
    library: Library,
    settings: Settings,
    result: SearchResult,
    *,
    page: str | None,
    force: bool,
    thumbs: bool,
    play: int | None,
    quiet: bool,
) -> None:
    if page is None and play is None and not thumbs:
        return
    from vidlocal.cli.ui import present

    if thumbs:
        present.draw_thumbs(library, result, protocol=settings.thumbs)
    if page is not None:
        present.write_page(library, result, Path(page), force=force)
        console.notice(f"Wrote {page}", quiet=quiet)
    if play is not None:
        present.play_moment(library, result, play, player=settings.player, quiet=quiet)


def _print(result: SearchResult, output: OutputFormat, *, explain: bool, looks: Mapping[Moment, SecondLook]) -> None:
    why = result.why if explain else None
    if output is OutputFormat.TABLE:
        _draw(result, explain=explain, looks=looks)
    elif output is OutputFormat.JSON:
        document = results.to_document(
            result.query,
            result.moments,
            explanations=why,
            second_looks=looks,
            judged=result.judged,
            is_confident=result.is_confident,
        )
        console.document(document)
    elif output is OutputFormat.JSONL:
        for record in results.to_records(result.moments, explanations=why, second_looks=looks, judged=result.judged):
            console.record(record)
    elif output is OutputFormat.PATHS:
        for path in dict.fromkeys(moment.video_path for moment in result.moments):
            console.fields(Path(path))
    else:
        for moment in result.moments:
            console.line(results.to_tsv(moment))
    console.flush()


def _draw(result: SearchResult, *, explain: bool, looks: Mapping[Moment, SecondLook]) -> None:
    if not result.moments:
        return
    from vidlocal.render import table
    from vidlocal.render.highlight import query_words

    terminal = console.rich_console()
    terminal.print(
        table.moments(
            result.moments,
            query_words(result.words),
            width=terminal.width,
            links=console.has_links(terminal),
            explanations=result.why if explain else None,
            second_looks=looks,
            judged=result.judged,
            is_confident=result.is_confident,
        )
    )
