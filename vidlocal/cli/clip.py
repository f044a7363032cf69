"""`vidlocal clip`."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.cli.ui.query_words import FreeTextCommand, read_query
from vidlocal.errors import MediaError, UsageError
from vidlocal.settings import Settings, load
from vidlocal.timecode import format_time

if TYPE_CHECKING:
    from vidlocal.export.clips import ClipRequest, ClipResult
    from vidlocal.records import PassageKind

Parser = FreeTextCommand

_DEFAULT_LIMIT = 10


Query = Annotated[
    list[str],
    typer.Argument(metavar="QUERY", help="What to look for; - takes the --json of search, similar or ask."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Where the clips go; else the folder you are in."),
]
Join = Annotated[
    Path | None,
    typer.Option(
        "--join",
        metavar="FILE",
        help="Make one film of all moments instead: video by video, in the order of time; of - in the order given.",
    ),
]
Pad = Annotated[float, typer.Option("--pad", metavar="SECONDS", min=0, max=600, help="So much more before and after.")]
Exact = Annotated[
    bool, typer.Option("--exact", help="Encode anew and cut to the frame, instead of copying from a key frame.")
]
Burn = Annotated[bool, typer.Option("--burn-captions", help="Draw the matching text into the picture.")]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-n",
        metavar="N",
        min=1,
        max=1000,
        help="How many moments at most: 10 of a search, and all that are piped in, where it is left out.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be cut, and write nothing.")]


def command(
    words: Query,
    folder: Folder = None,
    join: Join = None,
    pad: Pad = 0.5,
    exact: Exact = False,
    burn: Burn = False,
    limit: Limit = None,
    video: options.Videos = None,
    kind: options.Kinds = None,
    dry_run: DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Cut the moments of a search out of their videos, each into its own file or all into a single file.

    A clip is copied without loss where a key frame lies at most 2 seconds before it, and says how much earlier it
    begins; elsewhere, and with --exact, --join or --burn-captions, it is encoded anew (H.264, AAC). Videos are
    only read, and no file is ever overwritten: a name that is taken gets a number, and --join refuses it.
    """
    if join is not None and folder is not None:
        raise UsageError("--join makes one file and -o names a folder for many. Take one of them.")
    from vidlocal.app.clips import in_film_order, open_clipper

    settings = load()
    requests = _requests(settings, words, limit, video, kind)
    if join is not None and list(words) != ["-"]:
        requests = in_film_order(requests)
    if not requests:
        console.notice("There is no moment to cut.", quiet=quiet)
    if dry_run or not requests:
        _print_plan(requests, pad, json=json)
        return
    if join is not None and join.suffix.lower() not in {".mp4", ".mov", ".mkv", ".m4v"}:
        raise UsageError(f"{join} has an ending that --join does not write. Take .mp4, .mov or .mkv.")
    results: list[ClipResult] = []
    with open_clipper(settings, exact=exact, pad=pad, burn=burn) as clipper:
        cuts = clipper.cut_joined(requests, join) if join else clipper.cut_each(requests, _create(folder or Path()))
        try:
            for result in cuts:
                results.append(result)
                _print(result, json=json)
        except MediaError as error:
            results = [_failed(result, str(error)) for result in results]
            console.notice(str(error))
    if json:
        console.document({"clips": [_data(result) for result in results]})
    failed = sum(result.file is None for result in results)
    if failed:
        raise typer.Exit(ALL_FAILED if failed == len(results) else SOME_FAILED)


def _requests(
    settings: Settings,
    words: Sequence[str],
    limit: int | None,
    names: Sequence[str] | None,
    kinds: "Sequence[PassageKind] | None",
) -> "list[ClipRequest]":
    from vidlocal.app.clips import search_clips
    from vidlocal.export.clips import ClipRequest

    if list(words) == ["-"]:
        from vidlocal.cli.ui.piped import read_piped_moments

        if names or kinds:
            raise UsageError("--video and --kind narrow a search. Give them to the command before the pipe.")
        requests = [
            ClipRequest(moment.title, (Path(moment.path),), moment.start, moment.end, moment.text)
            for moment in read_piped_moments()
        ]
        return requests[:limit]
    return search_clips(settings, read_query(words), limit=limit or _DEFAULT_LIMIT, video_names=names, kinds=kinds)


def _create(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error.strerror}). Name another folder.") from error
    return folder


# ------------------------------------------------------------ output


def _print_plan(requests: "Sequence[ClipRequest]", pad: float, *, json: bool) -> None:
    spans = [(request, max(0.0, request.start - pad), request.end + pad) for request in requests]
    if json:
        clips = [
            {
                "source": os.fspath(request.paths[0]),
                "start": round(start, 3),
                "end": round(end, 3),
                "text": request.text,
            }
            for request, start, end in spans
        ]
        console.document({"clips": clips})
        return
    for request, start, end in spans:
        console.fields(request.paths[0], format_time(start), format_time(end), request.text)


def _print(result: "ClipResult", *, json: bool) -> None:
    if result.file is None or result.cut is None:
        console.notice(result.reason or "It could not be cut.")
    elif not json:
        start, end = format_time(result.cut.start), format_time(result.cut.end)
        console.fields(result.file, result.request.paths[0], start, end, _method(result))


def _method(result: "ClipResult") -> str:
    if result.cut is None or not result.cut.is_copy:
        return "encoded"
    early_s = result.request.start - result.cut.start
    return f"copied, begins {early_s:.1f} s before the moment" if early_s >= 0.05 else "copied"


def _failed(result: "ClipResult", reason: str) -> "ClipResult":
    return replace(result, file=None, cut=None, reason=result.reason or reason)


def _data(result: "ClipResult") -> dict[str, object]:
    data: dict[str, object] = {
        "file": None if result.file is None else os.fspath(result.file),
        "source": os.fspath(result.request.paths[0]),
        "title": result.request.title,
        "text": result.request.text,
    }
    if result.cut is not None:
        data |= {"start": round(result.cut.start, 3), "end": round(result.cut.end, 3), "copied": result.cut.is_copy}
    if result.reason:
        data["reason"] = result.reason
    return data
