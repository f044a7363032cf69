"""How well a list of moments answers a question: ranks, recall, MRR and how sure they are. Pure.

A moment answers a question when it lies in the right video, and at the levels below `video` when it overlaps a right
window well: IoU is the length of what both share over the length of what they cover together; `mid` asks that the
middle of the moment lies in a window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidlocal.records import Moment

LEVELS = ("video", "iou0.3", "iou0.5", "iou0.7", "mid")
MEASURES = ("r@1", "r@5", "r@10", "mrr")
# How many moments are looked at; an answer behind them counts as none.
DEPTH = 100

_RESAMPLES = 1_000
_SEED = 7
_OVERLAPS = {"iou0.3": 0.3, "iou0.5": 0.5, "iou0.7": 0.7}

# 1-based; infinity where nothing right was found, not a number where nothing was asked (no windows).
Ranks = dict[str, float]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the right answer to a query is: its video, and where in it, if anybody said so. Seconds."""

    video_id: int
    windows: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of 0 to 1 (a difference: -1 to 1) and the borders between which 95 % of its resamples lie."""

    value: float
    low: float
    high: float


Figures = Mapping[str, Mapping[str, Figure] | None]


def ranks(moments: Sequence[Moment], truth: Truth) -> Ranks:
    """The rank of the first right answer at each level; videos are ranked with each of them listed once."""
    found = dict.fromkeys(LEVELS, np.inf if truth.windows else np.nan)
    listed = list(dict.fromkeys(moment.video_id for moment in moments))
    found["video"] = listed.index(truth.video_id) + 1.0 if truth.video_id in listed else np.inf
    for rank, moment in enumerate(moments, 1):
        if moment.video_id != truth.video_id:
            continue
        overlap = max((_overlap(moment, *window) for window in truth.windows), default=0.0)
        middle = (moment.start + moment.end) / 2
        right = {level: overlap >= least for level, least in _OVERLAPS.items()}
        right["mid"] = any(start <= middle <= end for start, end in truth.windows)
        for level in (level for level, is_right in right.items() if is_right):
            found[level] = min(found[level], rank)
    return found


def figures(asked: Sequence[Ranks]) -> Figures:
    """Recall and MRR at each level, with bootstrap intervals over the queries. None where no query has a window."""
    return {level: _level(_column(asked, level)) for level in LEVELS}


def difference(first: Sequence[Ranks], second: Sequence[Ranks]) -> Figures:
    """What the second adds to the first, query by query: an interval without 0 is no chance."""
    return {level: _level(_column(second, level), _column(first, level)) for level in LEVELS}


def _overlap(moment: Moment, start: float, end: float) -> float:
    both = min(moment.end, end) - max(moment.start, start)
    together = max(moment.end, end) - min(moment.start, start)
    return both / together if both > 0 else 0.0


def _column(asked: Sequence[Ranks], level: str) -> NDArray[np.float64]:
    column = np.array([found[level] for found in asked], dtype=np.float64)
    return column[~np.isnan(column)]


def _level(column: NDArray[np.float64], less: NDArray[np.float64] | None = None) -> Mapping[str, Figure] | None:
    if not len(column):
        return None
    values = _values(column) if less is None else _values(column) - _values(less)
    draws = np.random.default_rng(_SEED)
    # A resample takes each query so many times; each of them costs one product with the values.
    weights = draws.multinomial(len(column), np.full(len(column), 1 / len(column)), size=_RESAMPLES)
    means = (weights / len(column)) @ values
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    found = zip(MEASURES, values.mean(axis=0), low, high, strict=True)
    return {name: Figure(float(value), float(least), float(most)) for name, value, least, most in found}


def _values(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row per query: whether it is within 1, 5, 10, and the reciprocal of its rank."""
    return np.stack([column <= 1, column <= 5, column <= 10, 1 / column], axis=1).astype(np.float64)
