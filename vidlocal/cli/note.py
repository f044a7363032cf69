"""`vidlocal note`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from vidlocal import timecode
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.query_words import FreeTextCommand
from vidlocal.errors import UsageError
from vidlocal.records import Passage, PassageKind, Video
from vidlocal.search.moment_reference import resolve_moment
from vidlocal.store.content import frames, passages
from vidlocal.store.database import Library

Parser = FreeTextCommand

# As long as a frame is seen where there are no frames.
_SPAN_S = 2.0
_LONGEST = 20_000


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO@TIME TEXT",
            help="Where, and what to write. --edit takes the text alone, --delete nothing.",
        ),
    ] = None,
    edit: Annotated[
        int | None, typer.Option("--edit", metavar="ID", min=1, help="Put the text in the place of this passage's.")
    ] = None,
    delete: Annotated[int | None, typer.Option("--delete", metavar="ID", min=1, help="Delete this passage.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a note to a moment, or correct or delete any passage.

    TIME is 1:02:03, 2:03 or seconds; VIDEO an id, a path or part of the name. Without a text it lists what is known at
    that time, with the ids that --edit and --delete take; `vidlocal search --json` names them too. No model ever
    overwrites what you wrote, and a note ranks a little higher in search.
    """
    given = list(words or ())
    if edit is not None and delete is not None:
        raise UsageError("--edit and --delete do not go together. Take one of them.")
    with open_library() as library:
        if edit is not None:
            _edit(library, edit, _text(given), json=json, quiet=quiet)
        elif delete is not None:
            if given:
                raise UsageError("--delete takes no text.")
            _delete(library, delete, yes=yes, json=json, quiet=quiet)
        elif len(given) == 1:
            _list(library, given[0], json=json, quiet=quiet)
        else:
            _add(library, given, json=json, quiet=quiet)


def _add(library: Library, given: Sequence[str], *, json: bool, quiet: bool) -> None:
    if not given:
        raise UsageError('Say where and what: vidlocal note wedding@1:02:03 "this is Anna"')
    video, time = resolve_moment(library, given[0])
    start, end, frame_id = _span(library, video, time)
    note = Passage(
        start=start,
        end=end,
        kind=PassageKind.NOTE,
        text=_text(given[1:]),
        engine=passages.BY_HAND,
        frame_id=frame_id,
    )
    [passage_id] = passages.add(library, video.id, [note])
    _tell(library, passage_id, "Noted", json=json, quiet=quiet)


def _span(library: Library, video: Video, time: float) -> tuple[float, float, int | None]:
    """The time of the frame that is seen, and the frame; about `time` where there are no frames."""
    known = frames.of_video(library, video.id)
    shown = max((position for position, frame in enumerate(known) if frame.time <= time + 0.001), default=None)
    if shown is None:
        return time, min(time + _SPAN_S, video.duration), None
    end = known[shown + 1].time if shown + 1 < len(known) else video.duration
    return known[shown].time, max(known[shown].time, end), known[shown].id


def _edit(library: Library, passage_id: int, text: str, *, json: bool, quiet: bool) -> None:
    passages.rewrite(library, _passage(library, passage_id), text)
    _tell(library, passage_id, "Corrected", json=json, quiet=quiet)


def _delete(library: Library, passage_id: int, *, yes: bool, json: bool, quiet: bool) -> None:
    passage = _passage(library, passage_id)
    what = f"the {passage.kind} passage {passage_id} at {timecode.format_time(passage.start)}: {_short(passage.text)}"
    deleted = yes or console.confirm(f"Delete {what}?")
    if deleted:
        passages.delete(library, passage)
    if json:
        console.document({"passage": asdict(passage), "deleted": deleted})
    console.notice(f"{'Deleted' if deleted else 'Kept'} {what}", quiet=quiet)


def _list(library: Library, place: str, *, json: bool, quiet: bool) -> None:
    video, time = resolve_moment(library, place)
    known = passages.between(library, video.id, time, time, PassageKind)
    if json:
        console.document({"passages": [asdict(passage) for passage in known]})
        return
    for passage in known:
        span = timecode.format_time(passage.start), timecode.format_time(passage.end)
        console.fields(str(passage.id), *span, passage.kind, passage.engine or "", passage.text)
    if not known:
        console.notice("Nothing is known of this time. Give a text to write a note.", quiet=quiet)


def _tell(library: Library, passage_id: int, verb: str, *, json: bool, quiet: bool) -> None:
    passage = _passage(library, passage_id)
    if json:
        console.document({"passage": asdict(passage)})
    when = f"{timecode.format_time(passage.start)} to {timecode.format_time(passage.end)}"
    console.notice(f"{verb} as {passage.kind} passage {passage_id}, {when}.", quiet=quiet)


def _passage(library: Library, passage_id: int) -> Passage:
    passage = passages.get(library, passage_id)
    if passage is None:
        raise UsageError(f"There is no passage {passage_id}. See those of a moment with: vidlocal note VIDEO@TIME")
    return passage


def _text(words: Sequence[str]) -> str:
    text = " ".join(words).strip()
    if not text:
        raise UsageError("There is no text to write.")
    if len(text) > _LONGEST:
        raise UsageError(f"The text is longer than {_LONGEST:,} characters. Shorten it.")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
