"""`vidlocal eval`."""

import json as json_reader
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.engines.query_vector import QueryVector, query_vector
from vidlocal.errors import EngineError, MediaError, UsageError
from vidlocal.media.files import read_error
from vidlocal.records import Moment
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Figures, Ranks, Truth
from vidlocal.search.run import search
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.import_rows import placeholder
from vidlocal.store.index import vector_index
from vidlocal.text import pluralize

CHANNELS = ("words", "vectors", "fused")
_SOME_LEFT_OUT = 3
_MOST_REASONS = 20
# Nobody waits at the keyboard: the model may be loaded first.
_PATIENCE_S = 120.0

_Ask = Callable[[str], QueryVector]
_Channels = Mapping[str, list[Ranks] | None]


@dataclass(frozen=True, slots=True)
class Question:
    """A query and what the right answer to it is."""

    query: str
    truth: Truth


def command(
    queries: Annotated[
        Path,
        typer.Argument(metavar="QUERIES", help='JSON lines: {"query": ..., "video": ..., "windows": [[12.0, 31.5]]}.'),
    ],
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare",
            metavar="A B",
            help="Two embedding models that the library has vectors of, or SETTING=VALUE twice.",
        ),
    ] = None,
    intervals: Annotated[bool, typer.Option("--intervals", help="With --json: the intervals too.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how well search finds, on queries of which the right answers are known.

    Recall at 1, 5 and 10 and the mean reciprocal rank (MRR) of words only, of vectors only and of both, for videos and
    for moments, with 95 % intervals. `import` makes a library of passages without their videos.
    """
    chosen = settings.load()
    with Library.open(chosen.home) as library:
        asked, bad = _questions(library, queries)
        if not asked:
            raise UsageError(f"{queries.name} holds no query about a video of this library.")
        if compare is None:
            found = _measured(library, asked, _asker(chosen), quiet=quiet)
            _print(found, len(asked), json=json, intervals=intervals)
        else:
            askers = [_asker_of(library, chosen, name) for name in compare]
            both = [_measured(library, asked, ask, quiet=quiet) for ask in askers]
            _print_both(compare, both, len(asked), json=json, intervals=intervals)
    if bad:
        raise typer.Exit(_SOME_LEFT_OUT)


# ------------------------------------------------------------ questions


def _questions(library: Library, path: Path) -> tuple[list[Question], int]:
    """The queries of a file; those that cannot be asked are named on stderr and counted."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise read_error(path, error) from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path} holds no text in UTF-8.") from error
    named: dict[str, list[int]] = {}
    titled: dict[str, list[int]] = {}
    hashed: dict[str, list[int]] = {}
    for video in videos.every(library):
        for name in {str(video.id), video.title, video.path, Path(video.path).name}:
            named.setdefault(name, []).append(video.id)
        titled.setdefault(video.title, []).append(video.id)
        hashed[video.content_hash] = [video.id]

    def called(name: str) -> list[int]:
        return hashed.get(placeholder(name)) or titled.get(name) or named.get(name) or []

    found, bad = [], 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_question(line, called))
        except ValueError as reason:
            bad += 1
            if bad <= _MOST_REASONS:
                console.notice(f"{path.name}, line {number} {reason}.")
    if bad > _MOST_REASONS:
        console.notice(f"{bad - _MOST_REASONS:,} more were left out.")
    return found, bad


def _question(line: str, called: Callable[[str], list[int]]) -> Question:
    """The query of a line. Raises ValueError with what the line has or is."""
    try:
        facts = json_reader.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(facts, dict) or not isinstance(facts.get("query"), str):
        raise ValueError('has no "query"')
    name = facts.get("video")
    ids = called(str(name))
    if len(ids) != 1:
        raise ValueError(f'has a "video" that {len(ids) or "no"} videos of the library are called: {name!r}')
    windows = facts.get("windows") or []
    if not isinstance(windows, list) or not all(_is_window(window) for window in windows):
        raise ValueError('has "windows" that are no list of [start, end]')
    return Question(facts["query"], Truth(ids[0], tuple((float(start), float(end)) for start, end in windows)))


def _is_window(window: object) -> bool:
    return (
        isinstance(window, list)
        and len(window) == 2
        and all(isinstance(time, int | float) and abs(time) < 1e9 and math.isfinite(time) for time in window)
        and window[0] <= window[1]
    )


# ------------------------------------------------------------ asking


def _asker(chosen: settings.Settings) -> _Ask:
    return partial(_direction, chosen, chosen.embed_model)


def _direction(chosen: settings.Settings, model: str, query: str) -> QueryVector:
    return query_vector(
        chosen.ollama_host,
        model,
        query,
        on_gpu=chosen.embed_on_gpu,
        allow_remote=chosen.allow_remote_host,
        keep_alive=chosen.keep_alive,
        total_s=_PATIENCE_S,
    )


def _asker_of(library: Library, chosen: settings.Settings, name: str) -> _Ask:
    """Asks the model `name`, or with the setting `name=value`. A model must have vectors here."""
    key, equals, value = name.partition("=")
    if equals:
        return _asker(settings.load({key.strip(): value.strip()}))
    stored = vector_index.keys(library)
    model, _, _ = name.partition("@")
    if not any(name in (one, one.split("@")[0]) or one.split("@")[0] == f"{model}:latest" for one in stored):
        known = ", ".join(stored) or "none"
        raise UsageError(
            f"The library has no vectors made by {name} (it has: {known}). Make them with: vidlocal enrich"
        )
    return partial(_direction, chosen, model)


def _measured(library: Library, asked: Sequence[Question], ask: _Ask, *, quiet: bool) -> _Channels:
    """The ranks of all queries for each channel; None for what needs vectors where there are none."""
    lists: dict[str, list[Ranks]] = {channel: [] for channel in CHANNELS}
    reason: str | None = None
    for question in asked:
        lists["words"].append(_ranks(search(library, question.query, limit=eval_metrics.DEPTH).moments, question))
        if reason is None:
            reason = _by_meaning(library, question, ask, lists)
    if reason is None:
        return lists
    console.notice(f"There are no figures for vectors. {reason}", quiet=quiet)
    return {"words": lists["words"], "vectors": None, "fused": None}


def _by_meaning(library: Library, question: Question, ask: _Ask, lists: Mapping[str, list[Ranks]]) -> str | None:
    """Add the ranks of one query in both channels that need vectors, or say why that cannot be."""
    stored = vector_index.keys(library)
    if not stored:
        return "Nothing is embedded yet: vidlocal enrich"
    try:
        vector = ask(question.query)
    except EngineError as error:
        return str(error)
    if vector.key not in stored:
        return f"The library's vectors were made by {', '.join(stored)}, the queries' by {vector.key}."
    for channel, by_words in (("vectors", False), ("fused", True)):
        found = search(
            library, question.query, limit=eval_metrics.DEPTH, query_vector=lambda _: vector, by_words=by_words
        )
        lists[channel].append(_ranks(found.moments, question))
    return None


def _ranks(moments: Sequence[Moment], question: Question) -> Ranks:
    return eval_metrics.ranks(moments, question.truth)


# ------------------------------------------------------------ telling


def _print(found: _Channels, count: int, *, json: bool, intervals: bool) -> None:
    told = {channel: None if ranks is None else eval_metrics.figures(ranks) for channel, ranks in found.items()}
    if json:
        console.document({"queries": count, **_data(told, intervals=intervals)})
        return
    console.line(pluralize(count, "query", "queries"))
    _table(told)


def _print_both(names: Sequence[str], both: Sequence[_Channels], count: int, *, json: bool, intervals: bool) -> None:
    told = [
        {channel: None if ranks is None else eval_metrics.figures(ranks) for channel, ranks in found.items()}
        for found in both
    ]
    gained: dict[str, Figures | None] = {}
    for channel in CHANNELS:
        first, second = both[0][channel], both[1][channel]
        gained[channel] = None if first is None or second is None else eval_metrics.difference(first, second)
    if json:
        compared = [{"name": name, **_data(one, intervals=intervals)} for name, one in zip(names, told, strict=True)]
        console.document({"queries": count, "compared": compared, "difference": _data(gained, intervals=True)})
        return
    console.line(pluralize(count, "query", "queries"))
    for name, one in zip(names, told, strict=True):
        console.line("")
        console.line(name)
        _table(one)
    console.line("")
    console.line(f"{names[1]} minus {names[0]}")
    _table(gained)


def _data(told: Mapping[str, Figures | None], *, intervals: bool) -> dict[str, object]:
    """Figures to four digits. With `intervals` each is [value, low, high]."""
    return {
        channel: None
        if figures is None
        else {
            level: None
            if measures is None
            else {
                name: [round(one.value, 4), round(one.low, 4), round(one.high, 4)] if intervals else round(one.value, 4)
                for name, one in measures.items()
            }
            for level, measures in figures.items()
        }
        for channel, figures in told.items()
    }


def _table(told: Mapping[str, Figures | None]) -> None:
    console.line("channel  level   " + "  ".join(f"{name:^21}" for name in eval_metrics.MEASURES).rstrip())
    for channel, figures in told.items():
        for level, measures in (figures or {}).items():
            if measures is None:
                continue
            cells = (f"{one.value:6.3f} [{one.low:6.3f},{one.high:6.3f}]" for one in measures.values())
            console.line(f"{channel:<8} {level:<7} " + "  ".join(f"{cell:<21}" for cell in cells).rstrip())
