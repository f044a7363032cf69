"""`vidlocal bench`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import SOME_FAILED
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import EngineError, UsageError
from vidlocal.render.sanitize import one_line
from vidlocal.settings import load
from vidlocal.settings.servers import parse_server_options
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_pace, format_short_time

if TYPE_CHECKING:
    from vidlocal.app.bench import BenchProgress, BenchResult, ModelResult
    from vidlocal.app.progress import ProgressLine

EXAMPLES = (
    "vidlocal bench",
    "vidlocal bench --model llava:7b --model moondream --page models.html",
    "vidlocal bench --server openai=http://127.0.0.1:8080 -n 3 --json",
)

_PAIR_CELLS = 60
_FIGURES = ("s/frame", "tokens/s", "by server", "valid", "library")


def command(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="MODEL", help="Only this model (repeatable).", show_default="all installed"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=20, help="Number of frames.")] = 6,
    server: options.Servers = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the comparison as a web page, too.")
    ] = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare your vision models: speed, validity, captions.

    Captions frames of the bundled clip, as enrich does, with each vision model of the servers with the role describe.
    Valid answers keep the JSON schema. tokens/s counts the whole time of an answer, by server only the generation, as
    the server measured it. Piped output is tab-separated: model, server, images seen (yes, no), seconds per frame,
    tokens/s, by server, valid answers, frames, seconds for the library, problem.
    """
    from vidlocal.app.bench import run_bench

    if page is not None and page.exists() and not force:
        raise UsageError(f"{page} already exists. Choose another file name, or overwrite it with --force.")
    settings = load()
    if server:
        settings = replace(settings, servers=parse_server_options(server))
    with progress_line(quiet=quiet) as line:
        result = run_bench(settings, model or (), limit, on_progress=lambda progress: _progress(line, progress))
    if json:
        console.document(result.as_data())
    elif console.is_terminal():
        _show(result)
    else:
        _print(result)
    if page is not None:
        console.write_output([_page(result)], page, overwrite=force, quiet=quiet)
    _advise(result, has_servers=bool(settings.servers), quiet=quiet)
    if all(entry.has_failed for entry in result.models):
        raise typer.Exit(EngineError.exit_code)
    if any(entry.error or entry.has_failed for entry in result.models):
        raise typer.Exit(SOME_FAILED)


def _progress(line: "ProgressLine", progress: "BenchProgress") -> None:
    stage = f"picture {progress.picture} of {progress.pictures}" if progress.picture else "loading"
    line.update(f"{_short(progress.model)}  {stage}", progress.fraction)


def _print(result: "BenchResult") -> None:
    for entry in result.models:
        canary = "" if entry.canary is None else "yes" if entry.canary.passed else "no"
        figures = (
            entry.seconds_per_frame,
            entry.tokens_per_second,
            entry.server_tokens_per_second,
            entry.valid,
            len(entry.captions),
            entry.seconds_left(result.frames_left),
        )
        cells = ("" if figure is None else f"{figure:.6g}" for figure in figures)
        console.fields(entry.model, entry.server, canary, *cells, entry.failure or "")


def _show(result: "BenchResult") -> None:
    from rich.text import Text

    from vidlocal.render import table
    from vidlocal.render.grid import grid

    width = console.rich_console().width
    heads, rows = _table(result)
    console.show(grid(heads, rows, width=width, numbers=_FIGURES))
    for name, entry in zip(_names(result), result.models, strict=True):
        if entry.failure:
            console.show(Text(one_line(f"{name}: {entry.failure}"), style="yellow"))
    for number, picture in enumerate(result.pictures, 1):
        captions = _captions(result, number)
        if captions:
            console.show(Text(f"\npicture {number}, {format_short_time(picture.time)} of the demo clip", style="dim"))
            narrow = width < _PAIR_CELLS
            pairs = table.paragraphs([": ".join(pair) for pair in captions]) if narrow else table.facts(captions)
            console.show(pairs)


def _page(result: "BenchResult") -> str:
    from vidlocal.render.bench_page import CaptionedPicture, bench_page

    pictures = [
        CaptionedPicture(picture.jpeg, _captions(result, number)) for number, picture in enumerate(result.pictures, 1)
    ]
    heads, rows = _table(result)
    problems = [entry.failure or "" for entry in result.models]
    if any(problems):
        heads, rows = [*heads, "problem"], [[*row, problem] for row, problem in zip(rows, problems, strict=True)]
    return bench_page(heads, rows, pictures)


def _table(result: "BenchResult") -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table, with the time for the library if frames remain."""
    figures = _FIGURES if result.frames_left else _FIGURES[:-1]
    rows = [
        [name, *_cells(entry, result.frames_left)[: 1 + len(figures)]]
        for name, entry in zip(_names(result), result.models, strict=True)
    ]
    return ["model", "images", *figures], rows


def _names(result: "BenchResult") -> list[str]:
    """Names of the models, with the server if ambiguous; the server alone after a failure."""
    names = [_short(entry.model) for entry in result.models]
    hosts = [entry.server.partition("://")[2] for entry in result.models]
    return [
        f"{name} at {host}" if names.count(name) > 1 and name else name or host
        for name, host in zip(names, hosts, strict=True)
    ]


def _cells(entry: "ModelResult", frames_left: int | None) -> list[str]:
    pace, seconds_left = entry.seconds_per_frame, entry.seconds_left(frames_left)
    return [
        "-" if entry.canary is None else "seen" if entry.canary.passed else "not seen",
        "-" if pace is None else format_pace(pace),
        _rate(entry.tokens_per_second),
        _rate(entry.server_tokens_per_second),
        f"{entry.valid}/{len(entry.captions)}" if entry.captions else "-",
        "-" if seconds_left is None else format_duration(seconds_left),
    ]


def _captions(result: "BenchResult", number: int) -> list[tuple[str, str]]:
    """Name and caption of each model for picture `number`, counted from 1."""
    return [
        (name, entry.captions[number - 1].text or "(no caption)")
        for name, entry in zip(_names(result), result.models, strict=True)
        if len(entry.captions) >= number
    ]


def _advise(result: "BenchResult", *, has_servers: bool, quiet: bool) -> None:
    """Print the time base of the estimate, and the fastest model of several; `has_servers`: in settings.toml."""
    if result.frames_left:
        frames = pluralize(result.frames_left, "frame")
        console.notice(
            f"{frames} of the library without a caption; its time is for one request at a time.", quiet=quiet
        )
    fastest = _fastest(result.models)
    if fastest is not None and len(result.models) > 1:
        setting = "set vision_model of its server in settings.toml"
        remedy = setting if has_servers else f"run: vidlocal config vision_model {fastest.model}"
        console.notice(f"Fastest with valid answers: {_short(fastest.model)}. To use it, {remedy}", quiet=quiet)


def _fastest(results: "Sequence[ModelResult]") -> "ModelResult | None":
    """Return the fastest model with vision and only valid answers."""
    timed = [
        (entry.seconds_per_frame, number)
        for number, entry in enumerate(results)
        if entry.canary is not None
        and entry.canary.passed
        and entry.error is None
        and entry.seconds_per_frame is not None
        and entry.valid == len(entry.captions)
    ]
    return results[min(timed)[1]] if timed else None


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def _short(model: str) -> str:
    """Name of a model without its folder: llama.cpp names models by their paths."""
    return model.replace("\\", "/").rsplit("/", 1)[-1] if model.startswith("/") or "\\" in model else model
