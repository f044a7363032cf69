"""`vidlocal search`."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options
from vidlocal.cli.ui.query_words import WordsCommand, query_of
from vidlocal.engines.query_vector import QueryVector, query_vector
from vidlocal.errors import StoreError
from vidlocal.records import JobKind, JobState, Look, Moment
from vidlocal.render import results
from vidlocal.search.query import parse
from vidlocal.search.run import Result, search
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.index import hits, vector_cache
from vidlocal.store.queue import jobs
from vidlocal.text import counted

if TYPE_CHECKING:
    from vidlocal.app.clip_query import PictureWords

Parser = WordsCommand


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
    query = query_of(words)
    # The vectors are gone through once: starting numpy's threads for that costs more than they save.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    chosen = settings.load()
    with Library.open(chosen.home) as library:
        among = [videos.resolve(library, name).id for name in video] if video else None
        most = max(limit, look or 0)
        pictures = picture_words(library, chosen)
        found = search(
            library,
            query,
            limit=most,
            videos=among,
            kinds=kind,
            query_vector=partial(direction, chosen),
            picture_vector=pictures,
        )
        looks: dict[Moment, Look] = {}
        if look is not None:
            from vidlocal.app.second_look import look_again

            found, looks = look_again(library, chosen, found, look, private=private, quiet=quiet)
            found = replace(found, moments=found.moments[:limit])
        _print(found, json=json, explain=explain, looks=looks)
        if found.notice:
            output.notice(found.notice, quiet=quiet)
        if not found.moments:
            output.notice(advice(library, query), quiet=quiet)
        _show(library, chosen, found, page=page, thumbs=thumbs, play=play, quiet=quiet)
        if not private:
            _note(library, query, found, among)
            if pictures is not None:
                pictures.remember()


def _note(library: Library, query: str, found: Result, among: Sequence[int] | None) -> None:
    """Keep what was looked for and where it was. A library that cannot be written is searched all the same."""
    count = sum(len(moment.hits) for moment in found.moments)
    with suppress(StoreError):
        searches.add(library, query, count, _spans(library, found, among))


def _show(
    library: Library,
    chosen: settings.Settings,
    found: Result,
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
        present.draw_thumbs(library, found, how=chosen.thumbs)
    if page is not None:
        present.write_page(library, found, Path(page))
        output.notice(f"{page} is the page. Open it in a browser.", quiet=quiet)
    if play is not None:
        present.open_moment(library, found, play, player=chosen.player, quiet=quiet)


def advice(library: Library, query: str) -> str:
    """What could be done when nothing was found."""
    wanted = parse(query)
    if wanted.says_nothing:
        return "The query holds no word to look for."
    if not wanted.narrows and (named := _named(library, wanted.words)):
        return f"No moment found. {named}"
    if not passages.count(library):
        return "No moment found: the library holds no text yet. Take videos in with: vidlocal ingest PATH"
    unheard = jobs.counts(library).get((JobKind.TRANSCRIBE, JobState.QUEUED), 0)
    left = frames.coverage(library).distinct_left
    if left:
        return f"No moment found. Not described yet: {counted(left, 'frame')}; go on with: vidlocal enrich"
    if unheard:
        return f"No moment found. Not listened to yet: {counted(unheard, 'video')}; go on with: vidlocal setup"
    return "No moment found. Try fewer or other words."


def _named(library: Library, words: str) -> str | None:
    """Where a video is called by these words, what shows it: names are not among what is searched."""
    ids = [] if words.isdecimal() else sorted(hits.videos_named(library, words))
    if not ids:
        return None
    told = counted(len(ids), "video has it in its name", "videos have it in their names")
    return f"{told}: vidlocal show {ids[0]}" if len(ids) == 1 else f"{told}, as vidlocal list shows."


def _spans(library: Library, found: Result, among: Sequence[int] | None) -> list[searches.Span]:
    """Where the moments are; where nothing was found in videos that were named, all of these."""
    if found.moments:
        return [searches.Span(moment.video_id, moment.start, moment.end) for moment in found.moments]
    named = [videos.get(library, video_id) for video_id in among or ()]
    return [searches.Span(video.id, 0.0, video.duration) for video in named if video is not None]


def picture_words(library: Library, chosen: settings.Settings) -> "PictureWords | None":
    """What finds out how the words of a query look; None where no picture can be found by that, or none shall be."""
    if not chosen.search_pictures or not vector_cache.keys(library, vector_cache.OF_FRAMES):
        return None
    from vidlocal.app.clip_query import PictureWords  # a search without pictures does not pay for it

    return PictureWords(library, chosen)


def direction(chosen: settings.Settings, query: str) -> QueryVector:
    """The query as the embedding model of the settings understands it."""
    return query_vector(
        chosen.ollama_host,
        chosen.embed_model,
        query,
        on_gpu=chosen.embed_on_gpu,
        allow_remote=chosen.allow_remote_host,
        keep_alive=chosen.keep_alive,
    )


def _print(found: Result, *, json: bool, explain: bool, looks: Mapping[Moment, Look]) -> None:
    why = found.why if explain else None
    if json:
        output.document(results.document(found.query, found.moments, why=why, looks=looks))
    elif not output.on_terminal():
        for moment in found.moments:
            output.line(results.line(moment))
    elif found.moments:
        from vidlocal.render import table
        from vidlocal.render.highlight import query_words

        console = output.console()
        console.print(table.moments(found.moments, words_of(found.words), width=console.width, why=why, looks=looks))
    output.arrive()
