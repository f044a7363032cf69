"""What a cosine is worth: models differ in it, and so do libraries.

Two texts that have nothing to do with each other have a cosine of 0.0 with one model and of 0.5 with another. So
nearness is told in steps between two cosines of the library itself: that of passages which lie far apart (0), and that
of a passage and the most similar one of another video (1).

That holds for a query where the model is given queries in the same wording as passages. Many are told that a text is a
query, and then all its cosines are lower: 0 is what the query has with passages in general, and 1 lies as far above
that as the most similar passage lies above passages in general.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Fewer passages, or ones that are all alike, tell nothing about a model.
_MIN_VECTORS = 30
_MIN_RANGE = 0.1

_SAMPLED_ROWS = 200
_SAMPLED_OTHERS = 2_000
_UNRELATED_PERCENTILE = 5


@dataclass(frozen=True, slots=True)
class SimilarityScale:
    """The cosines of passages that lie far apart, of passages that tell of the same, and of passages in general."""

    unrelated: float
    near_duplicate: float
    mean: float

    def normalized(self, cosine: float) -> float:
        """0 for what has nothing to do with each other, 1 for what is as near as passages of two videos come."""
        return (cosine - self.unrelated) / (self.near_duplicate - self.unrelated)

    def with_query_mean(self, mean: float) -> "SimilarityScale":
        """The scale of a query that has this cosine with passages in general, told to the model as a query."""
        return replace(self, unrelated=mean, near_duplicate=mean + self.near_duplicate - self.mean, mean=mean)


def fit(vectors: "NDArray[np.float32]", videos: "NDArray[np.int64]") -> SimilarityScale | None:
    """The scale of unit vectors, n x d, and the videos they belong to; None where they are too few or too alike.

    Within one video a frame resembles the next one: its passages are compared with each other only where there is no
    other video. Takes some milliseconds.
    """
    import numpy as np

    if len(vectors) < _MIN_VECTORS:
        return None
    asked = np.linspace(0, len(vectors) - 1, min(_SAMPLED_ROWS, len(vectors)), dtype=np.int64)
    others = np.linspace(0, len(vectors) - 1, min(_SAMPLED_OTHERS, len(vectors)), dtype=np.int64)
    comparable = videos[asked][:, None] != videos[others]
    if not comparable.any():
        comparable = asked[:, None] != others
    cosines = np.where(comparable, vectors[asked] @ vectors[others].T, np.nan)[comparable.any(axis=1)]
    alike = float(np.median(np.nanmax(cosines, axis=1)))
    apart = float(np.nanpercentile(cosines[:, :: max(1, len(others) // _SAMPLED_ROWS)], _UNRELATED_PERCENTILE))
    middle = float(np.nanmean(cosines))
    return SimilarityScale(apart, alike, middle) if alike - middle >= _MIN_RANGE else None
