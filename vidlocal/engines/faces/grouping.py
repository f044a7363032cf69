"""Group faces by their vectors: average linkage, and the nearest known person. Pure.

Two groups become one while the mean cosine between their members (UPGMA) is at least `min_cosine`, the most similar
first. The similarity to a merged group never exceeds that to the better of its parts. So groups never reach over the
components of the graph of similar faces, pairs that are nearest to each other may be merged in any order, and a nearest
group stays so while other groups are merged.
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
    for members in _components(sums / sizes[:, None], min_cosine):
        component = _Component(members, sums, sizes, min_cosine, enemies)
        while pairs := component.mutual_pairs():
            for keep, merged in pairs:
                owners[merged] = keep
            component.merge(pairs)
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


def _components(means: Vectors, min_cosine: float) -> "Iterator[Positions]":
    """Yield the members of each connected component of two or more in the graph of the pairs from `min_cosine` on."""
    roots = np.arange(len(means))
    for top in range(0, len(means), _BLOCK_ROWS):
        rows = means[top : top + _BLOCK_ROWS]
        for left in range(top, len(means), _BLOCK_COLUMNS):
            pairs = np.flatnonzero(rows @ means[left : left + _BLOCK_COLUMNS].T >= min_cosine)
            width = min(_BLOCK_COLUMNS, len(means) - left)
            _unite(roots, pairs // width + top, pairs % width + left)
    order = np.argsort(roots, kind="stable")
    starts = np.flatnonzero(np.diff(roots[order], prepend=-1))
    for members in np.split(order, starts[1:]):
        if len(members) > 1:
            yield members


def _unite(roots: "Positions", first: "Positions", second: "Positions") -> None:
    """Join the trees of pairs of items, each to the smaller root."""
    while True:
        one, other = roots[first], roots[second]
        differ = one != other
        if not differ.any():
            return
        first, second, one, other = first[differ], second[differ], one[differ], other[differ]
        np.minimum.at(roots, np.maximum(one, other), np.minimum(one, other))
        roots[:] = _roots(roots)


class _Component:
    """Items with neighbours from `min_cosine` on, and the nearest neighbour of each."""

    def __init__(
        self,
        members: "Positions",
        sums: Vectors,
        sizes: "Cosines",
        min_cosine: float,
        enemies: dict[int, set[int]],
    ) -> None:
        self._items, self._sums, self._sizes = members, sums, sizes
        self._min_cosine, self._enemies = min_cosine, enemies
        self._best = np.zeros(len(members), dtype=np.int64)
        self._cosines = np.zeros(len(members), dtype=np.float32)
        self._update(np.arange(len(members)))

    def mutual_pairs(self) -> list[tuple[int, int]]:
        """Return pairs of mutually nearest items, at least one if any are similar enough."""
        near = self._cosines >= self._min_cosine
        if not near.any():
            return []
        positions = np.arange(len(self._items))
        is_pair = near & (self._best[self._best] == positions) & (positions < self._best)
        first = np.flatnonzero(is_pair)
        if not len(first):  # a circle of equal ones
            first = np.array([self._cosines.argmax()])
        pairs = np.sort(np.stack([self._items[first], self._items[self._best[first]]]), axis=0)
        return list(zip(*pairs.tolist(), strict=True))

    def merge(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Merge pairs: the second item goes into the first."""
        for keep, merged in pairs:
            self._sums[keep] += self._sums[merged]
            self._sizes[keep] += self._sizes[merged]
            _join(self._enemies, keep, merged)
        changed = np.isin(self._items, [item for pair in pairs for item in pair])
        # The others have no neighbour, and will have none.
        stays = (self._cosines >= self._min_cosine) & ~np.isin(self._items, [merged for _, merged in pairs])
        outdated = changed | changed[self._best] | ~stays[self._best]
        position = np.cumsum(stays) - 1
        self._items, self._cosines = self._items[stays], self._cosines[stays]
        self._best = position[self._best[stays]]
        self._update(np.flatnonzero(outdated[stays]))

    def _update(self, rows: "Positions") -> None:
        """Find the nearest neighbours of these positions."""
        means = self._sums[self._items] / self._sizes[self._items, None]
        place = {item: number for number, item in enumerate(self._items.tolist())} if self._enemies else {}
        for start in range(0, len(rows), _BLOCK_ROWS):
            part = rows[start : start + _BLOCK_ROWS]
            cosines = means[part] @ means.T
            cosines[np.arange(len(part)), part] = -np.inf
            for row, item in enumerate(self._items[part].tolist() if self._enemies else ()):
                others = [place[other] for other in self._enemies.get(item, ()) if other in place]
                cosines[row, others] = -np.inf
            self._best[part] = cosines.argmax(axis=1)
            self._cosines[part] = cosines[np.arange(len(part)), self._best[part]]


def _enemies(apart: Pairs) -> dict[int, set[int]]:
    enemies: dict[int, set[int]] = defaultdict(set)
    for first, second in apart:
        enemies[first].add(second)
        enemies[second].add(first)
    return enemies


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
