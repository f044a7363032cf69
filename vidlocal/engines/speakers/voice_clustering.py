"""Tell voices apart within the turns of a segmentation, by vectors of short windows. Pure.

A segmentation model takes two similar voices for one within its 10 s: windows of 2 s, each with a vector, tell them
apart (3D-Speaker and other cascades cluster windows of 1.5 s, too).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import numpy as np

from vidlocal.engines.arrays import Vectors

Span = tuple[float, float]

_WINDOW_S = 2.0
_STEP_S = 1.0
_MIN_WINDOW_S = 0.6

# Mean cosine between the windows of two clusters, to be one voice. CAM++, windows of 2 s of the same recordings: 0.72
# for the same voice, 0.38 for two voices (0.55 in one of a hundred pairs).
_MIN_MEAN_COSINE = 0.55


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of speech by voice number `voice`, in seconds. Turns of other voices may overlap."""

    start: float
    end: float
    voice: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of turn number `turn` with a single voice, in seconds."""

    start: float
    end: float
    turn: int

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def windows(turns: Sequence[Turn]) -> list[Window]:
    """Cut the turns into windows of up to 2 s, without passages with another voice."""
    cut = []
    for number, turn in enumerate(turns):
        others = [(other.start, other.end) for other in turns if other.voice != turn.voice]
        for start, end in _without((turn.start, turn.end), others):
            cut += [Window(first, last, number) for first, last in _steps(start, end)]
    return cut


def cluster(vectors: Vectors, seconds: Sequence[float]) -> list[int]:
    """Number the clusters of unit vectors, n x d: average linkage, weighted by `seconds`."""
    if len(vectors) == 0:
        return []
    weights = np.asarray(seconds, dtype=np.float64)
    sums = vectors * weights[:, None]
    labels = np.arange(len(vectors))
    # Mean cosine of all pairs of two clusters: product of their sums by that of their weights.
    cosines = (sums @ sums.T) / np.outer(weights, weights)
    np.fill_diagonal(cosines, -np.inf)
    while True:
        kept, merged = sorted(map(int, np.unravel_index(int(cosines.argmax()), cosines.shape)))
        if cosines[kept, merged] < _MIN_MEAN_COSINE:
            return [int(label) for label in labels]
        sums[kept] += sums[merged]
        weights[kept] += weights[merged]
        labels[labels == merged] = kept
        gone = np.isneginf(cosines[kept]) | np.isneginf(cosines[merged])
        row = np.where(gone, -np.inf, sums @ sums[kept] / (weights * weights[kept]))
        row[kept] = -np.inf
        cosines[kept], cosines[:, kept] = row, row
        cosines[merged], cosines[:, merged] = -np.inf, -np.inf


def relabel(turns: Sequence[Turn], cut: Sequence[Window], labels: Sequence[int]) -> list[Turn]:
    """Give the turns the voices of their windows, divided halfway between two windows of different voices.

    A turn without a window has the voice of most of the turns of its old one.
    """
    by_turn: dict[int, list[tuple[Window, int]]] = {}
    shares: dict[int, Counter[int]] = {}
    for window, label in zip(cut, labels, strict=True):
        by_turn.setdefault(window.turn, []).append((window, label))
        shares.setdefault(turns[window.turn].voice, Counter())[label] += round(1000 * (window.end - window.start))
    relabelled: list[Turn] = []
    unheard = max(labels, default=-1) + 1
    for number, turn in enumerate(turns):
        if number in by_turn:
            relabelled += _divided(turn, by_turn[number])
        else:
            best = max(shares.get(turn.voice, {unheard + turn.voice: 1}).items(), key=itemgetter(1))
            relabelled.append(Turn(turn.start, turn.end, best[0]))
    return relabelled


def _divided(turn: Turn, labelled: Sequence[tuple[Window, int]]) -> list[Turn]:
    borders = [
        ((window.middle + following.middle) / 2, label)
        for (window, label), (following, next_label) in pairwise(labelled)
        if label != next_label
    ]
    ends = [*borders, (turn.end, labelled[-1][1])]
    starts = [turn.start, *(border for border, _ in borders)]
    return [Turn(start, end, label) for start, (end, label) in zip(starts, ends, strict=True)]


def _without(span: Span, others: Sequence[Span]) -> list[Span]:
    """Subtract spans from a span."""
    parts = [span]
    for first, last in others:
        parts = [
            part
            for start, end in parts
            for part in ((start, min(end, first)), (max(start, last), end))
            if part[1] > part[0]
        ]
    return parts


def _steps(start: float, end: float) -> list[Span]:
    """Return evenly spread windows over a span; none for a span too short for a vector."""
    length = end - start
    if length < _MIN_WINDOW_S:
        return []
    if length <= _WINDOW_S:
        return [(start, end)]
    firsts = np.linspace(start, end - _WINDOW_S, max(2, round((length - _WINDOW_S) / _STEP_S) + 1))
    return [(float(first), float(first) + _WINDOW_S) for first in firsts]
