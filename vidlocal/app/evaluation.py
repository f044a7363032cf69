"""Evaluate search on queries with known answers: words, vectors and both."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vidlocal.app.search import embed_query
from vidlocal.engines.query_vector import QueryVector
from vidlocal.errors import EngineError, MediaError, UsageError
from vidlocal.media.files import read_error
from vidlocal.records import Moment
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Ranks, Truth
from vidlocal.search.run import search
from vidlocal.settings import Settings, load
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.import_rows import placeholder_hash
from vidlocal.store.index import vector_index

CHANNELS = ("words", "vectors", "fused")
# Nobody waits at the keyboard: the model may load first.
_QUERY_TIMEOUT_S = 120.0

EmbedQuery = Callable[[str], QueryVector]
# Ranks per channel; None for a channel without vectors.
ChannelRanks = Mapping[str, list[Ranks] | None]


@dataclass(frozen=True, slots=True)
class EvalQuery:
    """A query and the known answer."""

    query: str
    truth: Truth


def read_queries(library: Library, path: Path, *, reject: Callable[[str], None]) -> list[EvalQuery]:
    """Read queries from JSON lines. `reject` gets a sentence for each invalid line. Raises MediaError."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise read_error(path, error) from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path}: not UTF-8 text.") from error
    find = _video_finder(library)
    queries = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            queries.append(_parse_query(line, find))
        except ValueError as reason:
            reject(f"{path.name}, line {number} {reason}.")
    return queries


def _video_finder(library: Library) -> Callable[[str], list[int]]:
    """Function from a name to video ids: placeholder of an import, else title, else id, path or file name."""
    by_name: dict[str, list[int]] = {}
    by_title: dict[str, list[int]] = {}
    by_hash: dict[str, list[int]] = {}
    for video in videos.every(library):
        for name in {str(video.id), video.title, video.path, Path(video.path).name}:
            by_name.setdefault(name, []).append(video.id)
        by_title.setdefault(video.title, []).append(video.id)
        by_hash[video.content_hash] = [video.id]
    return lambda name: by_hash.get(placeholder_hash(name)) or by_title.get(name) or by_name.get(name) or []


def _parse_query(line: str, find: Callable[[str], list[int]]) -> EvalQuery:
    """Parse a line. Raises ValueError with the fault as the end of a sentence."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("query"), str):
        raise ValueError('has no "query"')
    name = fields.get("video")
    ids = find(str(name))
    if len(ids) != 1:
        raise ValueError(f'has a "video" that {len(ids) or "no"} videos are titled: {name!r}')
    windows = fields.get("windows") or []
    if not isinstance(windows, list) or not all(_is_window(window) for window in windows):
        raise ValueError('"windows" is not a list of [start, end]')
    return EvalQuery(fields["query"], Truth(ids[0], tuple((float(start), float(end)) for start, end in windows)))


def _is_window(window: object) -> bool:
    return (
        isinstance(window, list)
        and len(window) == 2
        and all(isinstance(time, int | float) and abs(time) < 1e9 and math.isfinite(time) for time in window)
        and window[0] <= window[1]
    )


def query_embedder(settings: Settings) -> EmbedQuery:
    """Embed queries by the model of the settings."""
    return partial(embed_query, settings, timeout_s=_QUERY_TIMEOUT_S)


def variant_embedder(library: Library, settings: Settings, name: str) -> EmbedQuery:
    """Embed queries by another model of the library's vectors, or with a setting `name=value`. Raises UsageError."""
    setting, equals, value = name.partition("=")
    if equals:
        return query_embedder(load({setting.strip(): value.strip()}))
    keys = vector_index.keys(library)
    model, _, _ = name.partition("@")
    if not any(name in (key, key.split("@")[0]) or key.split("@")[0] == f"{model}:latest" for key in keys):
        raise UsageError(
            f"The library has no vectors of {name} (it has: {', '.join(keys) or 'none'}). Run: vidlocal enrich"
        )
    return partial(embed_query, settings, model=model, timeout_s=_QUERY_TIMEOUT_S)


def rank_answers(
    library: Library, queries: Sequence[EvalQuery], embed: EmbedQuery, *, notify: Callable[[str], None]
) -> ChannelRanks:
    """Rank the known answers of all queries in each channel; `notify` gets the reason if vectors cannot be used."""
    ranks: dict[str, list[Ranks]] = {channel: [] for channel in CHANNELS}
    obstacle: str | None = None
    for query in queries:
        ranks["words"].append(_ranks(search(library, query.query, limit=eval_metrics.DEPTH).moments, query))
        if obstacle is None:
            obstacle = _rank_by_vectors(library, query, embed, ranks)
    if obstacle is None:
        return ranks
    notify(f"No figures for vectors. {obstacle}")
    return {"words": ranks["words"], "vectors": None, "fused": None}


def _rank_by_vectors(
    library: Library, query: EvalQuery, embed: EmbedQuery, ranks: Mapping[str, list[Ranks]]
) -> str | None:
    """Add the ranks of a query in both channels with vectors, or return the obstacle."""
    keys = vector_index.keys(library)
    if not keys:
        return "No embeddings yet. Run: vidlocal enrich"
    try:
        vector = embed(query.query)
    except EngineError as error:
        return str(error)
    if vector.key not in keys:
        return f"The vectors of the library come from {', '.join(keys)}, the queries' by {vector.key}."
    for channel, by_words in (("vectors", False), ("fused", True)):
        result = search(
            library, query.query, limit=eval_metrics.DEPTH, query_vector=lambda _: vector, by_words=by_words
        )
        ranks[channel].append(_ranks(result.moments, query))
    return None


def _ranks(moments: Sequence[Moment], query: EvalQuery) -> Ranks:
    return eval_metrics.ranks(moments, query.truth)
