"""Calibrates cosine similarity per model and library to a 0-1 scale.

Unrelated texts have a cosine of 0.0 with one embedding model and of 0.5 with another. The scale runs from the cosine of
unrelated passages of the library (0) to the cosine of near-duplicate passages of different videos (1).

This holds for queries of a symmetric model (no query prefix). With a query prefix all cosines are lower: 0 is then the
mean cosine of the query with passages, and 1 lies as far above it as near-duplicates lie above the mean of passages.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidlocal.store.values import Ids, Vectors

# Fewer passages, or a smaller range of cosines, do not characterize a model.
_MIN_VECTORS = 30
_MIN_RANGE = 0.1

_SAMPLED_ROWS = 200
_SAMPLED_OTHERS = 2_000
_UNRELATED_PERCENTILE = 5


@dataclass(frozen=True, slots=True)
class SimilarityScale:
    """Cosines of unrelated passages, of near-duplicates, and the mean over all passages."""

    unrelated: float
    near_duplicate: float
    mean: float

    def normalized(self, cosine: float) -> float:
        """Map a cosine to the scale: 0 for unrelated texts, 1 for near-duplicates. Not clipped."""
        return (cosine - self.unrelated) / (self.near_duplicate - self.unrelated)

    def with_query_mean(self, mean: float) -> "SimilarityScale":
        """Return the scale of a query with a query prefix. `mean` is the mean cosine of query and passages."""
        return replace(self, unrelated=mean, near_duplicate=mean + self.near_duplicate - self.mean, mean=mean)


def fit(vectors: "Vectors", videos: "Ids") -> SimilarityScale | None:
    """Fit the scale to unit vectors (n x d) and their video ids; None for too few vectors or too small a range.

    Compares passages of different videos, because frames of a video resemble each other; in a library of a single video
    all passages. Takes a few milliseconds.
    """
    import numpy as np

    if len(vectors) < _MIN_VECTORS:
        return None
    rows = np.linspace(0, len(vectors) - 1, min(_SAMPLED_ROWS, len(vectors)), dtype=np.int64)
    others = np.linspace(0, len(vectors) - 1, min(_SAMPLED_OTHERS, len(vectors)), dtype=np.int64)
    comparable = videos[rows][:, None] != videos[others]
    if not comparable.any():
        comparable = rows[:, None] != others
    cosines = np.where(comparable, vectors[rows] @ vectors[others].T, np.nan)[comparable.any(axis=1)]
    near_duplicate = float(np.median(np.nanmax(cosines, axis=1)))
    unrelated = float(np.nanpercentile(cosines[:, :: max(1, len(others) // _SAMPLED_ROWS)], _UNRELATED_PERCENTILE))
    mean = float(np.nanmean(cosines))
    return SimilarityScale(unrelated, near_duplicate, mean) if near_duplicate - mean >= _MIN_RANGE else None
