"""Cluster similar frames by their vectors."""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

# Rows and leaders compared at once, so that their cosines fit into the processor's cache.
_BLOCK = 256
_LEADER_BLOCK = 4_096
# Dimensions of the PCA bound that prunes pairs; more prune better but take longer.
_BOUND_DIMENSIONS = 48
_SAMPLE_ROWS = 4_096
_ROUNDING = 1e-4
# Above this share of candidate pairs, comparing all pairs is cheaper than selecting the candidates.
_MAX_CANDIDATE_RATIO = 0.02


def assign_leaders(vectors: Vectors, min_cosine: float) -> Indices:
    """Position of the leader of each unit row (n x d): a row with a cosine of at least `min_cosine`, possibly the same.

    The leader algorithm (Hartigan, Clustering Algorithms, 1975, chapter 3): each row in turn joins the nearest leader
    within reach or becomes a leader. Every member is similar to the leader, so a slow pan is not chained into one
    cluster. The result is exact: a bound in few dimensions only prunes comparisons. Time O(n * leaders) with a small
    constant, memory n x 50 numbers.
    """
    bounds = _bounds(vectors)
    leader_of = np.full(len(vectors), -1, dtype=np.intp)
    leaders, leader_bounds, count = np.empty(len(vectors), dtype=np.intp), np.empty_like(bounds), 0
    for start in range(0, len(vectors), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(vectors)))
        _join_leaders(vectors, rows, leaders[:count], bounds[rows], leader_bounds[:count], min_cosine, leader_of)
        new = _elect_leaders(vectors, rows[leader_of[rows] < 0], min_cosine, leader_of)
        leaders[count : count + len(new)] = new
        leader_bounds[count : count + len(new)] = bounds[new]
        count += len(new)
    return leader_of


def _elect_leaders(vectors: Vectors, rows: Indices, min_cosine: float, leader_of: Indices) -> Indices:
    """Elect leaders among unassigned rows and assign all of these in `leader_of`. Returns the new leaders."""
    cosines = vectors[rows] @ vectors[rows].T
    is_free = np.ones(len(rows), dtype=bool)
    is_leader = np.zeros(len(rows), dtype=bool)
    for index in range(len(rows)):
        if is_free[index]:
            is_leader[index] = True
            is_free &= cosines[index] < min_cosine
    new = rows[is_leader]
    leader_of[new] = new
    leader_of[rows[~is_leader]] = new[cosines[~is_leader][:, is_leader].argmax(axis=1)] if len(new) else new
    return new


def _join_leaders(
    vectors: Vectors,
    rows: Indices,
    leaders: Indices,
    bounds: Vectors,
    leader_bounds: Vectors,
    min_cosine: float,
    leader_of: Indices,
) -> None:
    """Assign the nearest existing leader within reach to each of `rows`."""
    best = np.full(len(rows), -1, dtype=np.intp)
    highest = np.full(len(rows), np.float32(min_cosine))
    for start in range(0, len(leaders), _LEADER_BLOCK):
        upper_bounds = bounds @ leader_bounds[start : start + _LEADER_BLOCK].T
        row, leader = np.divmod(np.flatnonzero(upper_bounds >= min_cosine - _ROUNDING), upper_bounds.shape[1])
        if len(row) > _MAX_CANDIDATE_RATIO * upper_bounds.size:
            cosines = vectors[rows] @ vectors[leaders[start : start + _LEADER_BLOCK]].T
            row, leader = np.arange(len(rows)), cosines.argmax(axis=1)
            cosines = cosines[row, leader]
        else:
            cosines = np.einsum("ij,ij->i", vectors[rows[row]], vectors[leaders[start + leader]])
        order = np.lexsort((-leader, cosines))  # the nearest leader of a row is assigned last, so it is kept
        order = order[cosines[order] >= highest[row[order]]]
        best[row[order]] = start + leader[order]
        np.maximum.at(highest, row, cosines)
    leader_of[rows[best >= 0]] = leaders[best[best >= 0]]


def _bounds(vectors: Vectors) -> Vectors:
    """Rows of few dimensions with dot products not smaller than the cosines of `vectors`.

    The rest of two rows after a projection onto the main axes adds at most the product of the lengths of the rests.
    """
    if vectors.shape[1] <= 2 * _BOUND_DIMENSIONS:
        return vectors
    sample = vectors[:: max(1, len(vectors) // _SAMPLE_ROWS)]
    _, axes = np.linalg.eigh(sample.T @ sample)
    main = vectors @ np.ascontiguousarray(axes[:, -_BOUND_DIMENSIONS:])
    rest = np.sqrt(np.maximum(0.0, 1.0 - np.einsum("ij,ij->i", main, main)))
    return np.column_stack([main, rest]).astype(np.float32)
