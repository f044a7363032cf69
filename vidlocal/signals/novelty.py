"""How new a frame is in its film."""

import numpy as np

from vidlocal.signals.features import GIST_SIZE, Gists, distance

# Ten minutes of distinct frames at the usual pace: enough to know a speaker again after a slide.
_REMEMBERED = 300


class Novelty:
    """Remembers the last distinct frames and tells how different the next one is."""

    def __init__(self) -> None:
        self._gists = np.zeros((_REMEMBERED, GIST_SIZE), np.uint8)
        self._count = 0

    def of(self, gist: Gists) -> float:
        """The distance to the most similar frame remembered, 0 to 1; 1 for the first. Remembers this one."""
        known = self._gists[: self._count]
        novelty = min(1.0, float(distance(known, gist).min())) if len(known) else 1.0
        self._gists[self._count % _REMEMBERED] = gist
        self._count += 1
        return novelty
