"""`vidlocal clip`."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.search.last_results import LastResults, is_number
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.cli.ui.query_words import FreeTextCommand, read_query
from vidlocal.errors import MediaError, UsageError
from vidlocal.settings import Settings, load
from vidlocal.timecode import format_time

if TYPE_CHECKING:
    from vidlocal.export.clips import ClipRequest, ClipResult
    from vidlocal.records import PassageKind
    from vidlocal.render.clips import Clip

Parser = FreeTextCommand

_DEFAULT_LIMIT = 10

EXAMPLES = (
    "vidlocal clip 3                            # hit 3 of the last search",
    "vidlocal clip first dance -d Clips -n 5",
    'vidlocal clip "ask not what your country" # the words alone',
    "vidlocal clip laughing children --join laughs.mp4",
    "vidlocal search speech --json | vidlocal clip - --burn-captions",
)

Query = Annotated[
    list[str],
    typer.Argument(
        metavar="NUMBER...|QUERY...",
        help="Hits of the last search, or a query; - reads the --json of search, similar or ask.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("--output-dir", "-d", metavar="DIR", help="Folder for the clips (default: the current folder)."),
]
File = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for the clip, if there is only one.")
]
Join = Annotated[
    Path | None,
    typer.Option("--join", metavar="FILE", help='Concatenate all clips (by video and time; with "-", in input order).'),
]
Pad = Annotated[
    float, typer.Option("--pad", metavar="SECONDS", min=0, max=600, help="Time added before and after a moment.")
]
Words = Annotated[bool, typer.Option("--words", help="Cut the words of the query instead of the whole moment.")]
Exact = Annotated[bool, typer.Option("--exact", help="Re-encode to cut at the exact frame.")]
Burn = Annotated[bool, typer.Option("--burn-captions", help="Burn the matching text into the picture.")]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-n",
        metavar="N",
        min=1,
        max=1000,
        help="Maximum number of clips (default: 10; all when piped in).",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list the clips; write nothing.")]


def command(
    words: Query,
    folder: Folder = None,
    file: File = None,
    join: Join = None,
    force: options.Force = False,
    pad: Pad = 0.5,
    by_words: Words = False,
    exact: Exact = False,
    burn: Burn = False,
    limit: Limit = None,
    video: options.Videos = None,
    kind: options.Kinds = None,
    dry_run: DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Cut moments out of their videos, into separate files or a single film.

    A clip is copied without loss if a key frame lies at most 2 seconds before the moment, and then begins there;
    otherwise, and with --exact, --join or --burn-captions, it is re-encoded (H.264, AAC). A phrase in quotes is cut
    out word by word where it is spoken, and so are the words of any query with --words. Videos are only read. An
    existing clip is kept: the new one gets a number.
    """
    if sum(target is not None for target in (folder, file, join)) > 1:
        raise UsageError("-d, -o and --join exclude each other. Give one of them.")
    from vidlocal.app.export.clips import in_film_order, open_clipper

    settings = load()
    requests = _requests(settings, words, limit, video, kind, by_words=by_words)
    if join is not None and list(words) != ["-"]:
        requests = in_film_order(requests)
    if not requests:
        console.notice("No matching moments.", quiet=quiet)
    if dry_run or not requests:
        _print_plan(requests, pad, json=json)
        return
    _check_target(join or file, len(requests), is_join=join is not None)
    results: list[ClipResult] = []
    with open_clipper(settings, exact=exact, pad=pad, burn=burn) as clipper:
        if join is not None:
            cuts = clipper.cut_joined(requests, join, overwrite=force)
        elif file is not None:
            cuts = clipper.cut_to(requests[0], file, overwrite=force)
        else:
            cuts = clipper.cut_each(requests, _create(folder or Path()))
        try:
            for result in cuts:
                results.append(result)
                _report(result, json=json)
        except MediaError as error:
            results = [_failed(result, str(error)) for result in results]
            console.notice(str(error))
    _print(results, json=json)
    failed = sum(result.file is None for result in results)
    if failed:
        raise typer.Exit(ALL_FAILED if failed == len(results) else SOME_FAILED)


def _requests(
    settings: Settings,
    words: Sequence[str],
    limit: int | None,
    names: Sequence[str] | None,
    kinds: "Sequence[PassageKind] | None",
    *,
    by_words: bool,
) -> "list[ClipRequest]":
    from vidlocal.app.export.clips import moment_clips, search_clips
    from vidlocal.search.word_spans import phrase_span, words_span

    moments = _numbered(settings, words)
    if list(words) == ["-"]:
        from vidlocal.cli.ui.piped import read_piped_moments

        moments = read_piped_moments()
    elif not moments:
        query = read_query(words)
        is_phrase = len(words) == 1 and " " in query
        return search_clips(
            settings,
            query,
            limit=limit or _DEFAULT_LIMIT,
            video_names=names,
            kinds=kinds,
            find_words=words_span if by_words else phrase_span if is_phrase else None,
        )
    if names or kinds or by_words:
        raise UsageError("--video, --kind and --words belong to a query. Give them to the search command instead.")
    return moment_clips(settings, moments[:limit])


def _numbered(settings: Settings, words: Sequence[str]) -> "list[Clip]":
    """Hits of the last search, if all words are numbers of hits; else an empty list.

    Raises UsageError for numbers on a terminal without hits.
    """
    last_results = LastResults(settings.home)
    moments = [last_results.hit(word) for word in words]
    hits = [moment for moment in moments if moment is not None]
    if last_results.terminal is not None and not hits and all(map(is_number, words)):
        raise UsageError(f"No result {words[0]}: this terminal shows no results. Run: vidlocal search WORDS")
    return hits if len(hits) == len(words) else []


def _create(folder: Path) -> Path:
    """Create the folder of the clips if needed. Raises UsageError if files cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        place = "The current folder" if folder == Path() else str(folder)
        raise UsageError(f"{place} cannot be written ({error.strerror}). Choose another folder: -d DIR") from error
    return folder


def _check_target(target: Path | None, count: int, *, is_join: bool) -> None:
    """Raise UsageError if `count` clips do not fit into the file `target`."""
    if target is not None and os.path.isdir(target):
        raise UsageError(f"{target} is a folder. For a folder of clips: -d {target}")
    if target is not None and count > 1 and not is_join:
        raise UsageError(f"{count} clips do not fit into one file. Use -n 1, -d DIR, or --join {target}")


def _report(result: "ClipResult", *, json: bool) -> None:
    """Report a finished clip at once; on a terminal a table follows at the end."""
    if result.file is None:
        console.notice(result.reason or f"{result.request.title}: not cut")
    elif not json and not console.is_terminal():
        console.fields(*_fields(result))


# ------------------------------------------------------------ output


def _print_plan(requests: "Sequence[ClipRequest]", pad: float, *, json: bool) -> None:
    spans = [(request, max(0.0, request.start - pad), request.end + pad) for request in requests]
    if json:
        clips = [
            {
                "source": os.fspath(request.path),
                "start": round(start, 3),
                "end": round(end, 3),
                "text": request.text,
            }
            for request, start, end in spans
        ]
        console.document({"clips": clips})
    elif console.is_terminal():
        _draw(
            ["video", "start", "end", "text"],
            [[request.title, format_time(start), format_time(end), request.text] for request, start, end in spans],
        )
    else:
        for request, start, end in spans:
            console.fields(request.path, format_time(start), format_time(end), request.text)


def _print(results: "Sequence[ClipResult]", *, json: bool) -> None:
    if json:
        console.document({"clips": [_data(result) for result in results]})
    elif console.is_terminal():
        rows = [list(map(str, _fields(result))) for result in results if result.file is not None]
        _draw(["file", "video", "start", "end", "method"], rows)


def _draw(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from vidlocal.render.grid import grid

    if rows:
        console.show(grid(heads, rows, width=console.rich_console().width, numbers={"start", "end"}))


def _fields(result: "ClipResult") -> "tuple[Path, Path, str, str, str]":
    assert result.file is not None
    assert result.cut is not None
    span = format_time(result.cut.start), format_time(result.cut.end)
    return result.file, result.request.path, *span, _method(result)


def _method(result: "ClipResult") -> str:
    if result.cut is None or not result.cut.is_copy:
        return "encoded"
    early_s = result.request.start - result.cut.start
    return f"copied, starts {early_s:.1f} s early" if early_s >= 0.05 else "copied"


def _failed(result: "ClipResult", reason: str) -> "ClipResult":
    return replace(result, file=None, cut=None, reason=result.reason or reason)


def _data(result: "ClipResult") -> dict[str, object]:
    data: dict[str, object] = {
        "file": None if result.file is None else os.fspath(result.file),
        "source": os.fspath(result.request.path),
        "title": result.request.title,
        "text": result.request.text,
    }
    if result.cut is not None:
        data |= {"start": round(result.cut.start, 3), "end": round(result.cut.end, 3), "copied": result.cut.is_copy}
    if result.reason:
        data["reason"] = result.reason
    return data
