"""Pictures that look nearly the same, put together."""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

# Rows and leaders compared at once: their cosines stay in the processor's cache.
_BLOCK = 256
_LEADER_BLOCK = 4_096
# In so many dimensions it is told what cannot be near: more tell it surer, and take longer.
_BOUND_DIMENSIONS = 48
_SAMPLE_ROWS = 4_096
_ROUNDING = 1e-4
# Where this part of all pairs may be near, comparing all is cheaper than picking them out.
_MAX_CANDIDATE_RATIO = 0.02


def assign_leaders(vectors: Vectors, min_cosine: float) -> Indices:
    """For each unit row (n x d) the position of its leader: a row with a cosine of at least `least`, maybe itself.

    The leader algorithm (Hartigan, Clustering Algorithms, 1975, chapter 3): one row after the other joins the nearest
    leader that is near enough, or becomes one. So every member looks like its leader, and a slow pan never becomes one
    group from end to end, as it would where neighbours of neighbours belong together. Nothing is approximate: a bound
    in few dimensions spares most comparisons. O(n * leaders) with a small constant, and n x 50 numbers of memory.
    """
    bounds = _bounds(vectors)
    leader = np.full(len(vectors), -1, dtype=np.intp)
    known, known_bounds, count = np.empty(len(vectors), dtype=np.intp), np.empty_like(bounds), 0
    for start in range(0, len(vectors), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(vectors)))
        _join_leaders(vectors, rows, known[:count], bounds[rows], known_bounds[:count], min_cosine, leader)
        new = _elect_leaders(vectors, rows[leader[rows] < 0], min_cosine, leader)
        known[count : count + len(new)] = new
        known_bounds[count : count + len(new)] = bounds[new]
        count += len(new)
    return leader


def _elect_leaders(vectors: Vectors, rows: Indices, min_cosine: float, leader: Indices) -> Indices:
    """Make leaders among rows that have none, so that each then has one. The new ones."""
    cosines = vectors[rows] @ vectors[rows].T
    is_free = np.ones(len(rows), dtype=bool)
    leads = np.zeros(len(rows), dtype=bool)
    for at in range(len(rows)):
        if is_free[at]:
            leads[at] = True
            is_free &= cosines[at] < min_cosine
    new = rows[leads]
    leader[new] = new
    leader[rows[~leads]] = new[cosines[~leads][:, leads].argmax(axis=1)] if len(new) else new
    return new


def _join_leaders(
    vectors: Vectors,
    rows: Indices,
    known: Indices,
    bounds: Vectors,
    of_known: Vectors,
    min_cosine: float,
    leader: Indices,
) -> None:
    """Give rows the nearest of the known leaders, where one is near enough."""
    best = np.full(len(rows), -1, dtype=np.intp)
    highest = np.full(len(rows), np.float32(min_cosine))
    for start in range(0, len(known), _LEADER_BLOCK):
        at_most = bounds @ of_known[start : start + _LEADER_BLOCK].T
        one, other = np.divmod(np.flatnonzero(at_most >= min_cosine - _ROUNDING), at_most.shape[1])
        if len(one) > _MAX_CANDIDATE_RATIO * at_most.size:
            cosines = vectors[rows] @ vectors[known[start : start + _LEADER_BLOCK]].T
            one, other = np.arange(len(rows)), cosines.argmax(axis=1)
            cosines = cosines[one, other]
        else:
            cosines = np.einsum("ij,ij->i", vectors[rows[one]], vectors[known[start + other]])
        order = np.lexsort((-other, cosines))  # of those for one row the nearest comes last, and stays
        order = order[cosines[order] >= highest[one[order]]]
        best[one[order]] = start + other[order]
        np.maximum.at(highest, one, cosines)
    leader[rows[best >= 0]] = known[best[best >= 0]]


def _bounds(vectors: Vectors) -> Vectors:
    """Rows whose dot products are no smaller than the cosines of the vectors, of few dimensions.

    What a rotation onto the main axes leaves out of two rows adds at most the product of its lengths.
    """
    if vectors.shape[1] <= 2 * _BOUND_DIMENSIONS:
        return vectors
    sample = vectors[:: max(1, len(vectors) // _SAMPLE_ROWS)]
    _, axes = np.linalg.eigh(sample.T @ sample)
    main = vectors @ np.ascontiguousarray(axes[:, -_BOUND_DIMENSIONS:])
    rest = np.sqrt(np.maximum(0.0, 1.0 - np.einsum("ij,ij->i", main, main)))
    return np.column_stack([main, rest]).astype(np.float32)
