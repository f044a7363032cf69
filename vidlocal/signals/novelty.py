"""Novelty of a frame within a video."""

import numpy as np

from vidlocal.signals.features import DESCRIPTOR_SIZE, Descriptors, distance

# Ten minutes of distinct frames at the default interval: enough to recognize a speaker after a slide.
_MEMORY = 300


class NoveltyTracker:
    """Scores each frame against the last distinct frames."""

    def __init__(self) -> None:
        self._descriptors = np.zeros((_MEMORY, DESCRIPTOR_SIZE), np.uint8)
        self._count = 0

    def score(self, descriptor: Descriptors) -> float:
        """Distance to the most similar earlier frame, 0 to 1; 1 for the first. Adds the frame to the memory."""
        earlier = self._descriptors[: self._count]
        novelty = min(1.0, float(distance(earlier, descriptor).min())) if len(earlier) else 1.0
        self._descriptors[self._count % _MEMORY] = descriptor
        self._count += 1
        return novelty
