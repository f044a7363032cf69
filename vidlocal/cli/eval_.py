"""`vidlocal eval`."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.progress import ProgressLine
from vidlocal.app.search.evaluation import (
    CHANNELS,
    EmbedQuery,
    EvalQuery,
    Evaluation,
    Refusals,
    count_refusals,
    query_embedder,
    rank_answers,
    read_queries,
    variant_embedder,
)
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import SOME_FAILED
from vidlocal.cli.ui.progress import progress_line
from vidlocal.cli.ui.rejected_lines import RejectedLines
from vidlocal.errors import UsageError
from vidlocal.media.atomic_write import atomic_file
from vidlocal.render.sanitize import to_json
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Estimate, Estimates
from vidlocal.settings import load
from vidlocal.store.database import Library
from vidlocal.text import pluralize

EXAMPLES = (
    "vidlocal eval queries.jsonl",
    "vidlocal eval queries.jsonl --compare embeddinggemma nomic-embed-text",
    "vidlocal eval queries.jsonl --json --intervals",
    "vidlocal eval queries.jsonl --leave-one-out --ranks ranks.jsonl",
)


def command(
    queries: Annotated[
        Path,
        typer.Argument(metavar="FILE", help='JSON lines: {"query": ..., "video": ..., "windows": [[12.0, 31.5]]}.'),
    ],
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare",
            metavar="A B",
            help="Compare two embedding models, or two values: SETTING=VALUE.",
        ),
    ] = None,
    leave_one_out: Annotated[
        bool,
        typer.Option("--leave-one-out", help="Also search without the right video: is its absence noticed?"),
    ] = False,
    ranks: Annotated[
        Path | None, typer.Option("--ranks", metavar="FILE", help="Write the ranks of each query as JSON lines.")
    ] = None,
    intervals: Annotated[bool, typer.Option("--intervals", help="Add confidence intervals to --json.")] = False,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure search quality on queries with known answers.

    Prints recall at 1, 5 and 10 and the mean reciprocal rank (MRR) of word search, vector search and both, for videos
    and moments, with 95 % intervals. A query that is not embedded after three attempts is left out of both channels
    with vectors, with a message.
    """
    settings = load()
    rejected = RejectedLines()
    with Library.open(settings.home) as library:
        eval_queries = read_queries(library, queries, reject=rejected.add)
        rejected.end()
        if not eval_queries:
            raise UsageError(f"{queries.name}: no query about a video of this library")
        names = compare or (settings.embed_model,)
        embedders = [variant_embedder(library, settings, name) for name in compare or ()] or [query_embedder(settings)]
        results = [_measure(library, eval_queries, embed, quiet=quiet) for embed in embedders]
        refusals = _leave_out(library, eval_queries, embedders[0], quiet=quiet) if leave_one_out else None
    if ranks is not None:
        _write_ranks(ranks, eval_queries, dict(zip(names, results, strict=True)), force=force)
    if compare is None:
        _print(results[0], refusals, json=json, intervals=intervals)
    else:
        _print_both(compare, results, refusals, json=json, intervals=intervals)
    if rejected.count or any(result.failed for result in results):
        raise typer.Exit(SOME_FAILED)


def _measure(library: Library, queries: Sequence[EvalQuery], embed: EmbedQuery, *, quiet: bool) -> Evaluation:
    with progress_line(quiet=quiet) as line:
        return rank_answers(library, queries, embed, notify=console.notice, on_progress=partial(_show, line, "ranking"))


def _leave_out(
    library: Library, queries: Sequence[EvalQuery], embed: EmbedQuery, *, quiet: bool
) -> tuple[Refusals, Refusals]:
    """Refusals with and without the right video."""
    with progress_line(quiet=quiet) as line:
        show = partial(_show, line, "leaving one out")
        whole, without = (
            count_refusals(library, queries, embed, leave_out=leave_out, on_progress=show)
            for leave_out in (False, True)
        )
    return whole, without


def _show(line: ProgressLine, task: str, done: int, total: int) -> None:
    line.update(f"{task}  query {min(done + 1, total):,} of {total:,}", done / total)


def _write_ranks(path: Path, queries: Sequence[EvalQuery], results: Mapping[str, Evaluation], *, force: bool) -> None:
    """Write a line per query and model: ranks by channel and level, null for none in the first 100."""
    with atomic_file(path, overwrite=force) as draft, draft.open("w", encoding="utf-8") as file:
        for name, result in results.items():
            for query, query_ranks in zip(queries, result.ranks, strict=True):
                levels = {
                    channel: {level: int(rank) if isfinite(rank) else None for level, rank in values.items()}
                    for channel, values in query_ranks.items()
                }
                record = {"query": query.query, "video": query.truth.video_id, "model": name, "ranks": levels}
                file.write(to_json(record, indent=None) + "\n")


def _print(result: Evaluation, refusals: tuple[Refusals, Refusals] | None, *, json: bool, intervals: bool) -> None:
    figures = _figures(result)
    count = len(result.ranks)
    if json:
        gaps = {"not_embedded": result.failed, "obstacle": result.obstacle}
        console.document(
            {"queries": count, **gaps, **_as_data(figures, intervals=intervals), **_refusals_as_data(refusals)}
        )
        return
    console.line(pluralize(count, "query", "queries"))
    _table(figures)
    _print_refusals(refusals)


def _print_both(
    names: Sequence[str],
    results: Sequence[Evaluation],
    refusals: tuple[Refusals, Refusals] | None,
    *,
    json: bool,
    intervals: bool,
) -> None:
    compared = [_figures(result) for result in results]
    gains: dict[str, Estimates | None] = {}
    for channel in CHANNELS:
        first, second = (result.of_channel(channel) for result in results)
        gains[channel] = None if first is None or second is None else eval_metrics.estimate_gain(first, second)
    count = len(results[0].ranks)
    if json:
        variants = [
            {"name": name, "not_embedded": result.failed, "obstacle": result.obstacle}
            | _as_data(figures, intervals=intervals)
            for name, result, figures in zip(names, results, compared, strict=True)
        ]
        difference = _as_data(gains, intervals=True)
        console.document(
            {"queries": count, "compared": variants, "difference": difference, **_refusals_as_data(refusals)}
        )
        return
    console.line(pluralize(count, "query", "queries"))
    for name, figures in zip(names, compared, strict=True):
        console.line("")
        console.line(name)
        _table(figures)
    console.line("")
    console.line(f"{names[1]} minus {names[0]}")
    _table(gains)
    _print_refusals(refusals)


def _refusals_as_data(refusals: tuple[Refusals, Refusals] | None) -> dict[str, object]:
    if refusals is None:
        return {}
    return {
        "refused": {
            case: {"empty": round(counted.empty, 4), "nearest": round(counted.nearest, 4)}
            for case, counted in zip(("with_answer", "without_answer"), refusals, strict=True)
        }
    }


def _print_refusals(refusals: tuple[Refusals, Refusals] | None) -> None:
    if refusals is None:
        return
    console.line("")
    console.line("                     empty  nearest matches only")
    for case, counted in zip(("all videos", "without the answer"), refusals, strict=True):
        console.line(f"{case:<20} {counted.empty:5.1%}  {counted.nearest:20.1%}")


def _figures(result: Evaluation) -> dict[str, Estimates | None]:
    ranks = {channel: result.of_channel(channel) for channel in CHANNELS}
    return {
        channel: None if channel_ranks is None else eval_metrics.estimate(channel_ranks)
        for channel, channel_ranks in ranks.items()
    }


def _as_data(figures: Mapping[str, Estimates | None], *, intervals: bool) -> dict[str, object]:
    """Metrics rounded to four digits; with `intervals` each is [value, low, high]."""

    def rounded(metric: Estimate) -> object:
        value = round(metric.value, 4)
        return [value, round(metric.low, 4), round(metric.high, 4)] if intervals else value

    return {
        channel: None
        if levels is None
        else {
            level: None if metrics is None else {name: rounded(metric) for name, metric in metrics.items()}
            for level, metrics in levels.items()
        }
        for channel, levels in figures.items()
    }


def _table(figures: Mapping[str, Estimates | None]) -> None:
    console.line("channel  level   " + "  ".join(f"{name:^21}" for name in eval_metrics.METRICS).rstrip())
    for channel, levels in figures.items():
        for level, metrics in (levels or {}).items():
            if metrics is None:
                continue
            cells = (f"{metric.value:6.3f} [{metric.low:6.3f},{metric.high:6.3f}]" for metric in metrics.values())
            console.line(f"{channel:<8} {level:<7} " + "  ".join(f"{cell:<21}" for cell in cells).rstrip())
