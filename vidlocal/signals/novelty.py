"""How new a frame is in its film."""

import numpy as np

from vidlocal.signals.features import DESCRIPTOR_SIZE, Descriptors, distance

# Ten minutes of distinct frames at the usual pace: enough to know a speaker again after a slide.
_MEMORY = 300


class NoveltyTracker:
    """Remembers the last distinct frames and tells how different the next one is."""

    def __init__(self) -> None:
        self._descriptors = np.zeros((_MEMORY, DESCRIPTOR_SIZE), np.uint8)
        self._count = 0

    def score(self, descriptor: Descriptors) -> float:
        """The distance to the most similar frame remembered, 0 to 1; 1 for the first. Remembers this one."""
        known = self._descriptors[: self._count]
        novelty = min(1.0, float(distance(known, descriptor).min())) if len(known) else 1.0
        self._descriptors[self._count % _MEMORY] = descriptor
        self._count += 1
        return novelty
