"""`vidlocal eval`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.evaluation import (
    CHANNELS,
    ChannelRanks,
    query_embedder,
    rank_answers,
    read_queries,
    variant_embedder,
)
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import SOME_FAILED
from vidlocal.errors import UsageError
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Estimate, Estimates
from vidlocal.settings import load
from vidlocal.store.database import Library
from vidlocal.text import pluralize

_MAX_REASONS = 20

EXAMPLES = (
    "vidlocal eval queries.jsonl",
    "vidlocal eval queries.jsonl --compare embeddinggemma nomic-embed-text",
    "vidlocal eval queries.jsonl --json --intervals",
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
    intervals: Annotated[bool, typer.Option("--intervals", help="Add confidence intervals to --json.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure search quality on queries with known answers.

    Prints recall at 1, 5 and 10 and the mean reciprocal rank (MRR) of word search, vector search and both, for videos
    and moments, with 95 % intervals.
    """
    settings = load()
    rejected = _Rejected()
    with Library.open(settings.home) as library:
        eval_queries = read_queries(library, queries, reject=rejected.add)
        rejected.end()
        if not eval_queries:
            raise UsageError(f"{queries.name}: no query about a video of this library")
        notify = partial(console.notice, quiet=quiet)
        if compare is None:
            ranks = rank_answers(library, eval_queries, query_embedder(settings), notify=notify)
            _print(ranks, len(eval_queries), json=json, intervals=intervals)
        else:
            embedders = [variant_embedder(library, settings, name) for name in compare]
            both = [rank_answers(library, eval_queries, embed, notify=notify) for embed in embedders]
            _print_both(compare, both, len(eval_queries), json=json, intervals=intervals)
    if rejected.count:
        raise typer.Exit(SOME_FAILED)


class _Rejected:
    """Prints the first reasons to reject a line, and counts all."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, reason: str) -> None:
        self.count += 1
        if self.count <= _MAX_REASONS:
            console.notice(reason)

    def end(self) -> None:
        if self.count > _MAX_REASONS:
            console.notice(f"{self.count - _MAX_REASONS:,} more skipped.")


def _print(ranks: ChannelRanks, count: int, *, json: bool, intervals: bool) -> None:
    figures = _figures(ranks)
    if json:
        console.document({"queries": count, **_as_data(figures, intervals=intervals)})
        return
    console.line(pluralize(count, "query", "queries"))
    _table(figures)


def _print_both(names: Sequence[str], both: Sequence[ChannelRanks], count: int, *, json: bool, intervals: bool) -> None:
    compared = [_figures(ranks) for ranks in both]
    gains: dict[str, Estimates | None] = {}
    for channel in CHANNELS:
        first, second = both[0][channel], both[1][channel]
        gains[channel] = None if first is None or second is None else eval_metrics.estimate_gain(first, second)
    if json:
        variants = [
            {"name": name, **_as_data(figures, intervals=intervals)}
            for name, figures in zip(names, compared, strict=True)
        ]
        console.document({"queries": count, "compared": variants, "difference": _as_data(gains, intervals=True)})
        return
    console.line(pluralize(count, "query", "queries"))
    for name, figures in zip(names, compared, strict=True):
        console.line("")
        console.line(name)
        _table(figures)
    console.line("")
    console.line(f"{names[1]} minus {names[0]}")
    _table(gains)


def _figures(ranks: ChannelRanks) -> dict[str, Estimates | None]:
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
