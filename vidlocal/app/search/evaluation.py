"""Evaluate search on queries with known answers: words, vectors and both."""

import json
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vidlocal.app.search.run import embed_query
from vidlocal.engines.backoff import wait_s
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import EngineError, MediaError, ModelMissing, UsageError
from vidlocal.media.files import read_start
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Ranks, Truth
from vidlocal.search.run import SearchResult, search
from vidlocal.settings import Settings, load
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.import_rows import placeholder_hash
from vidlocal.store.index import vector_index
from vidlocal.text import pluralize

CHANNELS = ("words", "vectors", "fused")
# Attempts to embed a query, and queries that fail in a row until the model counts as missing.
MAX_TRIES = 3
MAX_FAILURES = 3
# Moments of a search, as by default.
_SHOWN = 10
# Nobody waits at the keyboard: the model may load first.
_QUERY_TIMEOUT_S = 120.0

EmbedQuery = Callable[[str], QueryVector]
# Ranks of a query by channel; without `vectors` and `fused` for a query that was not embedded.
QueryRanks = Mapping[str, Ranks]


_MAX_BYTES = 16 << 20  # of a file of queries


@dataclass(frozen=True, slots=True)
class EvalQuery:
    """A query and the known answer."""

    query: str
    truth: Truth


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Ranks of each query. `obstacle`: the reason for no figures by vectors; `failed`: queries not embedded."""

    ranks: tuple[QueryRanks, ...]
    obstacle: str | None
    failed: int

    def of_channel(self, channel: str) -> list[Ranks] | None:
        """Ranks of all queries in a channel, NaN for missing ranks; None without any."""
        if not any(channel in query_ranks for query_ranks in self.ranks):
            return None
        return [query_ranks.get(channel) or eval_metrics.NO_RANKS for query_ranks in self.ranks]


@dataclass(frozen=True, slots=True)
class Refusals:
    """Shares of queries, 0 to 1, with an empty result, and with the nearest matches only."""

    empty: float
    nearest: float


def read_queries(library: Library, path: Path, *, reject: Callable[[str], None]) -> list[EvalQuery]:
    """Read queries from JSON lines. `reject` gets a sentence for each invalid line. Raises MediaError."""
    data = read_start(path, _MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise MediaError(f"{path}: larger than {_MAX_BYTES >> 20} MB.")
    try:
        lines = data.decode("utf-8-sig").split("\n")
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
    library: Library,
    queries: Sequence[EvalQuery],
    embed: EmbedQuery,
    *,
    notify: Callable[[str], None],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Evaluation:
    """Rank the known answers of all queries in each channel.

    A query that cannot be embedded, also not in MAX_TRIES attempts, has no ranks by vectors; after MAX_FAILURES such
    queries in a row there are no figures for vectors. `notify` gets the reason. `on_progress`: queries done, of all.
    """
    embedder = _RetryingEmbedder(embed, vector_index.keys(library), sleep)
    ranks: list[QueryRanks] = []
    for number, query in enumerate(queries):
        on_progress(number, len(queries))
        vector = embedder(query.query)
        results = {"words": _search(library, query, None)}
        if vector is not None:
            results |= {"vectors": _search(library, query, vector, by_words=False)}
            results |= {"fused": _search(library, query, vector)}
        ranks.append({channel: eval_metrics.ranks(result.moments, query.truth) for channel, result in results.items()})
    on_progress(len(queries), len(queries))
    if embedder.obstacle is not None:
        notify(f"No figures for vectors. {embedder.obstacle}")
        ranks = [{"words": query_ranks["words"]} for query_ranks in ranks]
    elif embedder.failures:
        count = pluralize(len(embedder.failures), "query", "queries")
        notify(f"{count} not embedded, left out of vectors and fused. {embedder.failures[-1]}")
    return Evaluation(tuple(ranks), embedder.obstacle, len(embedder.failures))


def count_refusals(
    library: Library,
    queries: Sequence[EvalQuery],
    embed: EmbedQuery,
    *,
    leave_out: bool,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Refusals:
    """Count searches without a match. `leave_out`: search each query without the video of its answer."""
    embedder = _RetryingEmbedder(embed, vector_index.keys(library), sleep)
    all_ids = frozenset(video.id for video in videos.every(library))
    empty = nearest = 0
    for number, query in enumerate(queries):
        on_progress(number, len(queries))
        searched = all_ids - {query.truth.video_id} if leave_out else None
        result = _search(library, query, embedder(query.query), video_ids=searched, limit=_SHOWN)
        empty += not result.moments
        nearest += bool(result.moments) and not result.is_confident
    return Refusals(empty / max(1, len(queries)), nearest / max(1, len(queries)))


class _RetryingEmbedder:
    """Embeds queries, each in several attempts. `obstacle`: the reason why none can be embedded, or None."""

    def __init__(self, embed: EmbedQuery, keys: Sequence[str], sleep: Callable[[float], None]) -> None:
        self._embed = embed
        self._keys = keys
        self._sleep = sleep
        self._rng = random.Random(7)  # the same pauses in every run
        self._in_a_row = 0
        self.failures: list[str] = []
        self.obstacle = None if keys else "No embeddings yet. Run: vidlocal enrich"

    def __call__(self, query: str) -> QueryVector | None:
        if self.obstacle is not None:
            return None
        try:
            vector = self._try(query)
        except EngineError as error:
            self._in_a_row += 1
            self.failures.append(str(error))
            if self._in_a_row == MAX_FAILURES or isinstance(error, ModelMissing):
                self.obstacle = str(error)
            return None
        self._in_a_row = 0
        if vector.key not in self._keys:
            self.obstacle = (
                f"The vectors of the library come from {', '.join(self._keys)}, the queries' by {vector.key}."
            )
            return None
        return vector

    def _try(self, query: str) -> QueryVector:
        for attempt in range(1, MAX_TRIES):
            try:
                return self._embed(query)
            except ModelMissing:
                raise
            except EngineError as error:
                pause = getattr(error, "retry_after", None)
                self._sleep(wait_s(attempt, rng=self._rng, retry_after=pause))
        return self._embed(query)


def _search(
    library: Library,
    query: EvalQuery,
    vector: QueryVector | None,
    *,
    by_words: bool = True,
    video_ids: frozenset[int] | None = None,
    limit: int = eval_metrics.DEPTH,
) -> SearchResult:
    embed = None if vector is None else lambda _: vector
    return search(library, query.query, limit=limit, videos=video_ids, query_vector=embed, by_words=by_words)
