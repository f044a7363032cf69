"""Groups of vectors by average linkage: singly merged, and never across pairs kept apart."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vidlocal.engines.faces.grouping import group, nearest_people, similar_pairs

Vectors = NDArray[np.float32]


def people(count: int, faces: int, *, noise: float, seed: int = 1) -> tuple[Vectors, NDArray[np.int64]]:
    """Unit vectors around a direction for each person, in random order, and the person of each."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(count, 128))
    owners = chance.permutation(np.repeat(np.arange(count), faces))
    vectors = centres[owners] / np.linalg.norm(centres[owners], axis=1, keepdims=True)
    vectors = vectors + noise * chance.normal(size=vectors.shape) / np.sqrt(128)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), owners


def one_by_one(vectors: Vectors, min_cosine: float) -> list[set[int]]:
    """Merge the two most similar groups until none are similar enough."""
    groups = [{number} for number in range(len(vectors))]
    while len(groups) > 1:
        means = np.stack([vectors[sorted(members)].mean(axis=0) for members in groups])
        cosines = means @ means.T
        np.fill_diagonal(cosines, -1)
        first, second = divmod(int(cosines.argmax()), len(groups))
        if cosines[first, second] < min_cosine:
            break
        groups[first] |= groups.pop(second) if second > first else set()
        if second < first:
            groups[second] |= groups.pop(first)
    return groups


def as_sets(labels: NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize("noise", [0.5, 1.0, 1.6])
def test_rounds_give_the_groups_of_single_merges(noise: float) -> None:
    vectors, _ = people(12, 6, noise=noise)
    expected = {frozenset(members) for members in one_by_one(vectors, 0.4)}
    assert as_sets(group(vectors, [1] * len(vectors), min_cosine=0.4)) == expected


def test_people_are_told_apart() -> None:
    vectors, owners = people(300, 7, noise=0.8)
    labels = group(vectors, [1] * len(vectors), min_cosine=0.4)
    assert len(np.unique(labels)) == 300
    assert all(len(np.unique(owners[labels == label])) == 1 for label in np.unique(labels))


def test_equal_faces_and_few_faces() -> None:
    equal = np.full((50, 4), 0.5, dtype=np.float32)
    assert group(equal, [1] * 50, min_cosine=0.9).tolist() == [0] * 50
    assert group(equal[:1], [1], min_cosine=0.9).tolist() == [0]
    assert group(equal[:0], [], min_cosine=0.9).tolist() == []


def test_two_faces_of_one_picture_are_never_one_person() -> None:
    equal = np.full((4, 4), 0.5, dtype=np.float32)
    labels = group(equal, [1] * 4, min_cosine=0.9, apart=[(0, 1)])
    assert labels[0] != labels[1]
    assert len(np.unique(labels)) == 2


def test_sums_count_as_many_faces() -> None:
    # The mean of ten faces is nearer to the third than the single one.
    first, other = np.array([1, 0, 0]), np.array([0.6, 0.8, 0])
    sums = np.stack([10 * first, other, np.array([0.9, np.sqrt(0.19), 0])]).astype(np.float32)
    labels = group(sums, [10, 1, 1], min_cosine=0.7)
    assert labels.tolist() == [0, 1, 1] or labels.tolist() == [0, 1, 0]
    joined = 10 * first + sums[2]
    assert (labels[1] == labels[0]) == (float(joined / 11 @ other) >= 0.7)


def test_the_most_similar_people_come_first() -> None:
    people_means = np.eye(3, dtype=np.float32)
    faces = np.array([[0.9, 0.1, 0], [0, 0.5, 0.6], [-1, 0, 0]], dtype=np.float32)
    pairs = list(nearest_people(faces, people_means, min_cosine=0.45))
    assert [(item, person) for item, person, _ in pairs] == [(0, 0), (1, 2), (1, 1)]
    assert [(one, other) for one, other, _ in similar_pairs(faces, min_cosine=0.04)] == [(0, 1)]
