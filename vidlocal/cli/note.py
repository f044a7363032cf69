"""`vidlocal note`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from vidlocal import timecode
from vidlocal.app.library import open_library
from vidlocal.app.search.last_results import LastResults
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.query_words import FreeTextCommand
from vidlocal.errors import UsageError
from vidlocal.records import Passage, PassageKind, Video
from vidlocal.search.moment_reference import resolve_moment
from vidlocal.store.content import frames, passages
from vidlocal.store.database import Library

Parser = FreeTextCommand

_MAX_TEXT_CHARACTERS = 20_000

EXAMPLES = (
    'vidlocal note 3 "this is Anna"             # hit 3 of the last search',
    'vidlocal note wedding@1:02:03 "first dance"',
    "vidlocal note wedding@1:02:03              # passages at this time, with ids",
    'vidlocal note --edit 812 "Anna cuts the cake"',
)


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NUMBER|VIDEO@TIME TEXT...",
            help="Hit of the last search or moment, then the text. --edit takes only the text, --delete nothing.",
        ),
    ] = None,
    edit: Annotated[
        int | None, typer.Option("--edit", metavar="ID", min=1, help="Replace the text of this passage.")
    ] = None,
    delete: Annotated[int | None, typer.Option("--delete", metavar="ID", min=1, help="Delete this passage.")] = None,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Add a note to a moment; edit or delete any passage.

    TIME is 1:02:03, 2:03 or seconds. Without TEXT it lists the passages at this time with their ids, for --edit and
    --delete. Models never overwrite your text, and notes rank slightly higher in search.
    """
    arguments = list(words or ())
    if edit is not None and delete is not None:
        raise UsageError("--edit and --delete exclude each other. Give one of them.")
    with open_library() as library:
        if edit is not None:
            _edit(library, edit, _text(arguments), json=json, quiet=quiet)
        elif delete is not None:
            if arguments:
                raise UsageError("--delete takes no text.")
            _delete(library, delete, yes=yes, json=json, quiet=quiet)
        elif len(arguments) == 1:
            _list(library, arguments[0], json=json, quiet=quiet)
        else:
            _add(library, arguments, json=json, quiet=quiet)


def _add(library: Library, arguments: Sequence[str], *, json: bool, quiet: bool) -> None:
    if not arguments:
        raise UsageError('The moment is missing. Example: vidlocal note wedding@1:02:03 "this is Anna"')
    video, time = _moment(library, arguments[0])
    start, end, frame_id = frames.sampled_span(library, video, time)
    note = Passage(
        start=start,
        end=end,
        kind=PassageKind.NOTE,
        text=_text(arguments[1:]),
        engine=passages.BY_HAND,
        frame_id=frame_id,
    )
    [passage_id] = passages.add(library, video.id, [note])
    _print_result(library, passage_id, "Added", json=json, quiet=quiet)


def _edit(library: Library, passage_id: int, text: str, *, json: bool, quiet: bool) -> None:
    passages.rewrite(library, _passage(library, passage_id), text)
    _print_result(library, passage_id, "Corrected", json=json, quiet=quiet)


def _delete(library: Library, passage_id: int, *, yes: bool, json: bool, quiet: bool) -> None:
    passage = _passage(library, passage_id)
    start = timecode.format_time(passage.start)
    description = f'{passage.kind} {passage_id} at {start}: "{_short(passage.text)}"'
    is_deleted = yes or console.confirm(f"Delete {description}?")
    if is_deleted:
        passages.delete(library, passage)
    if json:
        console.document({"passage": asdict(passage), "deleted": is_deleted})
    console.notice(f"{'Deleted' if is_deleted else 'Kept'} {description}", quiet=quiet)


def _list(library: Library, reference: str, *, json: bool, quiet: bool) -> None:
    video, time = _moment(library, reference)
    existing = passages.between(library, video.id, time, time, PassageKind)
    if json:
        console.document({"passages": [asdict(passage) for passage in existing]})
        return
    rows = [
        [
            str(passage.id),
            timecode.format_time(passage.start),
            timecode.format_time(passage.end),
            passage.kind,
            passage.engine or "",
            passage.text,
        ]
        for passage in existing
    ]
    if existing and console.is_terminal():
        from vidlocal.render.grid import grid

        heads = ["id", "start", "end", "kind", "model", "text"]
        console.show(grid(heads, rows, width=console.rich_console().width, numbers={"id", "start", "end"}))
    else:
        for row in rows:
            console.fields(*row)
    if not existing:
        console.notice("No passages at this time. Add TEXT to write a note.", quiet=quiet)


def _moment(library: Library, reference: str) -> tuple[Video, float]:
    """Resolve a hit of the last search, or `VIDEO@TIME`."""
    hit = LastResults(library.folder).hit_in(library, reference)
    if hit is None:
        return resolve_moment(library, reference)
    video, clip = hit
    return video, min(clip.start, video.duration)


def _print_result(library: Library, passage_id: int, verb: str, *, json: bool, quiet: bool) -> None:
    passage = _passage(library, passage_id)
    if json:
        console.document({"passage": asdict(passage)})
    span = f"{timecode.format_time(passage.start)} to {timecode.format_time(passage.end)}"
    console.notice(f"{verb} {passage.kind} {passage_id}, {span}.", quiet=quiet)


def _passage(library: Library, passage_id: int) -> Passage:
    passage = passages.get(library, passage_id)
    if passage is None:
        raise UsageError(f"No passage {passage_id}. List those of a moment: vidlocal note VIDEO@TIME")
    return passage


def _text(words: Sequence[str]) -> str:
    text = " ".join(words).strip()
    if not text:
        raise UsageError("The text is empty.")
    if len(text) > _MAX_TEXT_CHARACTERS:
        raise UsageError(f"The text is longer than {_MAX_TEXT_CHARACTERS:,} characters. Shorten it.")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
