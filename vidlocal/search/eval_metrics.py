"""Metrics of search results: ranks, recall and MRR with confidence intervals. Pure.

A moment is correct at level `video` if it lies in the correct video, at the `iou` levels if it overlaps a correct
window by this intersection over union, and at `mid` if its middle lies in a window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidlocal.records import Moment

LEVELS = ("video", "iou0.3", "iou0.5", "iou0.7", "mid")
METRICS = ("r@1", "r@5", "r@10", "mrr")
# Depth of the ranking; deeper answers count as not found.
DEPTH = 100

_RESAMPLES = 1_000
_SEED = 7
_OVERLAPS = {"iou0.3": 0.3, "iou0.5": 0.5, "iou0.7": 0.7}

# Rank per level from 1; infinity if not found, NaN without windows or for a query left out.
Ranks = dict[str, float]
NO_RANKS: Ranks = dict.fromkeys(LEVELS, np.nan)


@dataclass(frozen=True, slots=True)
class Truth:
    """The correct answer: a video, and windows in seconds, if known."""

    video_id: int
    windows: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of 0 to 1 (a difference: -1 to 1) with a 95 % bootstrap interval."""

    value: float
    low: float
    high: float


Estimates = Mapping[str, Mapping[str, Estimate] | None]


def ranks(moments: Sequence[Moment], truth: Truth) -> Ranks:
    """Rank of the first correct answer at each level; for `video`, among distinct videos."""
    rank_by_level = dict.fromkeys(LEVELS, np.inf if truth.windows else np.nan)
    listed = list(dict.fromkeys(moment.video_id for moment in moments))
    rank_by_level["video"] = listed.index(truth.video_id) + 1.0 if truth.video_id in listed else np.inf
    for rank, moment in enumerate(moments, 1):
        if moment.video_id != truth.video_id:
            continue
        overlap = max((_overlap(moment, *window) for window in truth.windows), default=0.0)
        middle = (moment.start + moment.end) / 2
        correct = {level: overlap >= min_iou for level, min_iou in _OVERLAPS.items()}
        correct["mid"] = any(start <= middle <= end for start, end in truth.windows)
        for level in (level for level, is_correct in correct.items() if is_correct):
            rank_by_level[level] = min(rank_by_level[level], rank)
    return rank_by_level


def estimate(query_ranks: Sequence[Ranks]) -> Estimates:
    """Estimate recall and MRR at each level, with bootstrap intervals over queries. None without any window."""
    return {level: _level(_column(query_ranks, level)) for level in LEVELS}


def estimate_gain(first: Sequence[Ranks], second: Sequence[Ranks]) -> Estimates:
    """Estimate the gain of the second over the first, paired by query: significant if the interval excludes 0."""
    pairs = [pair for pair in zip(first, second, strict=True) if all(ranks is not NO_RANKS for ranks in pair)]
    return {
        level: _level(_column([after for _, after in pairs], level), _column([before for before, _ in pairs], level))
        for level in LEVELS
    }


def _overlap(moment: Moment, start: float, end: float) -> float:
    intersection = min(moment.end, end) - max(moment.start, start)
    union = max(moment.end, end) - min(moment.start, start)
    return intersection / union if intersection > 0 else 0.0


def _column(query_ranks: Sequence[Ranks], level: str) -> NDArray[np.float64]:
    column = np.array([ranks_of_query[level] for ranks_of_query in query_ranks], dtype=np.float64)
    return column[~np.isnan(column)]


def _level(column: NDArray[np.float64], baseline: NDArray[np.float64] | None = None) -> Mapping[str, Estimate] | None:
    if not len(column):
        return None
    values = _values(column) if baseline is None else _values(column) - _values(baseline)
    draws = np.random.default_rng(_SEED)
    # Each resample is a vector of weights: one matrix product computes all means.
    weights = draws.multinomial(len(column), np.full(len(column), 1 / len(column)), size=_RESAMPLES)
    means = (weights / len(column)) @ values
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    metrics = zip(METRICS, values.mean(axis=0), low, high, strict=True)
    return {name: Estimate(float(value), float(lower), float(upper)) for name, value, lower, upper in metrics}


def _values(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """A row per query: rank within 1, 5, 10, and reciprocal rank."""
    return np.stack([column <= 1, column <= 5, column <= 10, 1 / column], axis=1).astype(np.float64)
