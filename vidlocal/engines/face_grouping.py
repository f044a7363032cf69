"""Group faces by their vectors: average linkage of any number of them, and the nearest known person. Pure.

Two groups become one while the mean cosine between their members (UPGMA) is at least `min_cosine`, the most similar
first. Merging pairs of groups that are nearest to each other, in rounds, gives the same groups in any order, because
the similarity to a merged group never exceeds that to the better of its parts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vidlocal.engines.arrays import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]  # indexes into an array
    Cosines = NDArray[np.float32]

Pairs = Iterable[tuple[int, int]]

# Rows and columns of a block of cosines: 16 MB at once, for any number of faces.
_BLOCK_ROWS, _BLOCK_COLUMNS = 1024, 4096


def group(sums: Vectors, counts: Sequence[int], *, min_cosine: float, apart: Pairs = ()) -> "Positions":
    """Return the group of each of n items: the position of its first item.

    `sums`: n x d float32, the sum of unit vectors of each item; `counts`: their numbers. `apart`: pairs of items
    that are never in one group, such as two faces in one picture.
    """
    sums, sizes = np.array(sums, dtype=np.float32), np.array(counts, dtype=np.float32)
    owners = np.arange(len(sums))
    enemies = _enemies(apart)
    active = np.arange(len(sums))
    while len(active) > 1:
        means = sums[active] / sizes[active, None]
        best, cosines = _nearest(means, _positions(enemies, active))
        near = cosines >= min_cosine
        first = np.arange(len(active))
        is_pair = near & (best[best] == first) & (first < best)
        if not is_pair.any():
            break
        for keep, merged in zip(active[is_pair].tolist(), active[best[is_pair]].tolist(), strict=True):
            sums[keep] += sums[merged]
            sizes[keep] += sizes[merged]
            owners[merged] = keep
            _join(enemies, keep, merged)
        gone = np.zeros(len(active), dtype=bool)
        gone[best[is_pair]] = True
        active = active[near & ~gone]  # the others have no neighbour, and will have none
    return _roots(owners)


def nearest_people(means: Vectors, people: Vectors, *, min_cosine: float) -> Iterator[tuple[int, int, float]]:
    """Yield (item, person, mean cosine) of all pairs from `min_cosine` on, the most similar first.

    `means`: n x d, `people`: m x d, both means of unit vectors.
    """
    pairs: list[tuple[float, int, int]] = []
    for start in range(0, len(people), _BLOCK_COLUMNS):
        cosines = means @ people[start : start + _BLOCK_COLUMNS].T
        items, columns = np.nonzero(cosines >= min_cosine)
        pairs += zip(cosines[items, columns].tolist(), items.tolist(), (columns + start).tolist(), strict=True)
    for cosine, item, person in sorted(pairs, key=lambda pair: -pair[0]):
        yield item, person, cosine


def similar_pairs(means: Vectors, *, min_cosine: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of rows with at least this mean cosine, and the cosine. For some thousands of rows."""
    for start in range(0, len(means), _BLOCK_ROWS):
        cosines = means[start : start + _BLOCK_ROWS] @ means.T
        for row, column in np.argwhere(cosines >= min_cosine).tolist():
            if start + row < column:
                yield start + row, column, float(cosines[row, column])


def _nearest(means: Vectors, enemies: dict[int, list[int]]) -> "tuple[Positions, Cosines]":
    """Return the nearest other row of each row, and the cosine. Each pair is computed once."""
    count = len(means)
    best = np.zeros(count, dtype=np.int64)
    cosines = np.full(count, -np.inf, dtype=np.float32)
    for top in range(0, count, _BLOCK_ROWS):
        rows = slice(top, min(top + _BLOCK_ROWS, count))
        for left in range(top, count, _BLOCK_COLUMNS):
            columns = slice(left, min(left + _BLOCK_COLUMNS, count))
            block = means[rows] @ means[columns].T
            if left == top:
                block[np.tril_indices(rows.stop - top, 0, columns.stop - left)] = -np.inf
            _exclude(block, top, left, enemies)
            _update(best, cosines, rows, block, left, axis=1)
            _update(best, cosines, columns, block, top, axis=0)
    return best, cosines


def _update(best: "Positions", cosines: "Cosines", part: slice, block: "Cosines", offset: int, *, axis: int) -> None:
    """Take the best of a block for the rows (axis 1) or columns (axis 0) in `part`, where it is better."""
    positions = block.argmax(axis=axis)
    values = np.take_along_axis(block, np.expand_dims(positions, axis), axis).ravel()
    positions += offset
    # Of equal ones the first: equal faces pair up, not all with one.
    better = (values > cosines[part]) | ((values == cosines[part]) & (positions < best[part]))
    best[part] = np.where(better, positions, best[part])
    cosines[part] = np.where(better, values, cosines[part])


def _exclude(block: "Cosines", top: int, left: int, enemies: dict[int, list[int]]) -> None:
    height, width = block.shape
    for row, others in enemies.items():
        if top <= row < top + height:
            columns = [other - left for other in others if left <= other < left + width]
            block[row - top, columns] = -np.inf


def _enemies(apart: Pairs) -> dict[int, set[int]]:
    enemies: dict[int, set[int]] = defaultdict(set)
    for first, second in apart:
        enemies[first].add(second)
        enemies[second].add(first)
    return enemies


def _positions(enemies: dict[int, set[int]], active: "Positions") -> dict[int, list[int]]:
    """Return the pairs that are apart by positions among the active items."""
    if not enemies:
        return {}
    position = {item: number for number, item in enumerate(active.tolist())}
    return {
        position[item]: [position[other] for other in others if other in position]
        for item, others in enemies.items()
        if item in position
    }


def _join(enemies: dict[int, set[int]], keep: int, merged: int) -> None:
    for other in enemies.pop(merged, set()):
        enemies[other].discard(merged)
        enemies[other].add(keep)
        enemies[keep].add(other)


def _roots(owners: "Positions") -> "Positions":
    """Follow the owners of merged items to the first item of the group."""
    while not np.array_equal(owners[owners], owners):
        owners = owners[owners]
    return owners
