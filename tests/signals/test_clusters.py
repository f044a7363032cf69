"""Clusters of similar frames."""

import numpy as np
import pytest

from tests.support.frame_vectors import Rows, near
from tests.support.text_videos import random_rows
from vidlocal.signals.clusters import assign_leaders


def sequential_leaders(vectors: Rows, min_cosine: float) -> np.ndarray:
    """Positions of all leaders, found row by row."""
    leaders: list[int] = []
    for at, row in enumerate(vectors):
        if not leaders or (vectors[leaders] @ row).max() < min_cosine:
            leaders.append(at)
    return np.array(leaders)


def groups(count: int, size: int, *, dimensions: int, share: float = 0.2) -> Rows:
    """`count` groups of `size` similar rows, shuffled."""
    rows = near(np.repeat(random_rows(count, dimensions=dimensions), size, axis=0), share=share)
    return rows[np.random.default_rng(2).permutation(len(rows))]


@pytest.mark.parametrize("dimensions", [64, 512])
def test_only_the_groups_are_found(dimensions: int) -> None:
    rows = groups(300, 5, dimensions=dimensions)
    leader = assign_leaders(rows, 0.9)
    assert len(set(leader.tolist())) == 300
    assert (np.bincount(leader)[np.unique(leader)] == 5).all()
    assert np.einsum("ij,ij->i", rows, rows[leader]).min() >= 0.9


@pytest.mark.parametrize("spread", [0.4, 1.0])
def test_every_row_is_within_reach_of_its_leader_and_no_two_leaders_are(spread: float) -> None:
    rows = groups(40, 50, dimensions=128, share=spread)
    for min_cosine in (0.7, 0.95):
        leader = assign_leaders(rows, min_cosine)
        assert np.einsum("ij,ij->i", rows, rows[leader]).min() >= min_cosine - 1e-5
        assert np.array_equal(np.unique(leader), sequential_leaders(rows, min_cosine))
        assert np.array_equal(leader[np.unique(leader)], np.unique(leader))


def test_a_row_joins_the_nearest_leader() -> None:
    angles = np.array([0.0, 0.5, 0.3])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert assign_leaders(rows, float(np.cos(0.4))).tolist() == [0, 1, 1]


def test_a_slow_pan_is_not_one_group() -> None:
    angles = np.linspace(0, 3, 1_000)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert len(set(assign_leaders(rows, float(np.cos(0.5))).tolist())) == 6


def test_equal_rows_and_no_rows() -> None:
    assert set(assign_leaders(np.repeat(random_rows(1, dimensions=128), 3_000, axis=0), 0.999).tolist()) == {0}
    assert assign_leaders(np.empty((0, 64), dtype=np.float32), 0.9).tolist() == []
    assert assign_leaders(random_rows(1, dimensions=128), 0.9).tolist() == [0]


def test_equal_inputs_give_equal_groups() -> None:
    rows = groups(100, 9, dimensions=128, share=0.5)
    assert np.array_equal(assign_leaders(rows, 0.85), assign_leaders(rows.copy(), 0.85))
