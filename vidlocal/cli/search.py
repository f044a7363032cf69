"""`vidlocal search`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.search import LibrarySearch, advice
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.query_words import FreeTextCommand, read_query
from vidlocal.records import Moment, SecondLook
from vidlocal.render import results
from vidlocal.search.run import SearchResult
from vidlocal.settings import Settings, load
from vidlocal.store.content import videos
from vidlocal.store.database import Library

Parser = FreeTextCommand


Words = Annotated[list[str], typer.Argument(metavar="QUERY", help="What to look for; - reads it from standard input.")]
Private = Annotated[bool, typer.Option("--private", help="Keep no note of this search: it moves no frames ahead.")]
Page = Annotated[
    str | None, typer.Option("--page", metavar="FILE", help="Write the moments as a page for a browser, too.")
]
Thumbs = Annotated[bool, typer.Option("--thumbs", help="Show a picture of each moment in the terminal.")]
Explain = Annotated[
    bool, typer.Option("--explain", help="Say of every hit what found it: words, meaning, rank and weight.")
]
LookAgain = Annotated[
    int | None,
    typer.Option("--look", metavar="N", min=1, max=100, help="Have the vision model look at the best N, and reorder."),
]
Play = Annotated[
    int | None, typer.Option("--open", metavar="N", min=1, help="Play moment N at its time in your player.")
]


def command(
    words: Words,
    limit: options.Limit = 10,
    video: options.Videos = None,
    kind: options.Kinds = None,
    private: Private = False,
    page: Page = None,
    thumbs: Thumbs = False,
    explain: Explain = False,
    look: LookAgain = None,
    play: Play = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find moments by what is said, written or shown in them.

    Words need no quotes. A query may hold '"an exact phrase"', -without, video:wedding, kind:speech, tag:dance,
    lang:es, before:2024-06, after:2023, at:10:00-12:00 (in the video), time:18:00-23:00 (of day); all else is words.
    After -- nothing is read as an option. Piped, it prints tab-separated lines: path, start, end, score, kinds, text.
    What is searched for is noted in the library, so that frames nearby are described first.
    """
    query = read_query(words)
    settings = load()
    with Library.open(settings.home) as library:
        video_ids = [videos.resolve(library, name).id for name in video] if video else None
        search = LibrarySearch(library, settings)
        result = search.find(query, limit=max(limit, look or 0), videos=video_ids, kinds=kind)
        looks: dict[Moment, SecondLook] = {}
        if look is not None:
            from vidlocal.app.second_look import rerank_by_vision

            notify = partial(console.notice, quiet=quiet)
            result, looks = rerank_by_vision(library, settings, result, look, keep=not private, notify=notify)
            result = replace(result, moments=result.moments[:limit])
        _print(result, json=json, explain=explain, looks=looks)
        if result.notice:
            console.notice(result.notice, quiet=quiet)
        if not result.moments:
            console.notice(advice(library, query), quiet=quiet)
        _show(library, settings, result, page=page, thumbs=thumbs, play=play, quiet=quiet)
        if not private:
            search.record(result, video_ids)


def _show(
    library: Library,
    settings: Settings,
    result: SearchResult,
    *,
    page: str | None,
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
        present.write_page(library, result, Path(page))
        console.notice(f"{page} is the page. Open it in a browser.", quiet=quiet)
    if play is not None:
        present.play_moment(library, result, play, player=settings.player, quiet=quiet)


def _print(result: SearchResult, *, json: bool, explain: bool, looks: Mapping[Moment, SecondLook]) -> None:
    why = result.why if explain else None
    if json:
        console.document(results.to_document(result.query, result.moments, explanations=why, second_looks=looks))
    elif not console.is_terminal():
        for moment in result.moments:
            console.line(results.to_tsv(moment))
    elif result.moments:
        from vidlocal.render import table
        from vidlocal.render.highlight import query_words

        terminal = console.rich_console()
        terminal.print(
            table.moments(
                result.moments, query_words(result.words), width=terminal.width, explanations=why, second_looks=looks
            )
        )
    console.flush()
