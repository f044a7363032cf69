"""Correction of cosines for hubs: passages near to everything, such as short and general sentences.

A share of the mean cosine of a passage with its nearest neighbours is subtracted, as in CSLS (Conneau et al., "Word
translation without parallel data", 2018, section 2.3), with passages of other videos in place of the queries.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidlocal.store.values import Ids, Vector, Vectors

# Half in CSLS. MRR of words and vectors together, at the level of videos, in percent (300 queries each), by weight:
#
#                     0      0.25    0.35    0.5
#     activitynet    18.4    18.7    18.8    18.5
#     charades       53.8    54.8    54.5    54.9
#     msvd           51.5    53.4    54.3    54.8
#     tutorialvqa    63.7    64.9    65.5    64.8
#
# Of moments of tutorialvqa with an overlap of 0.3: 42.0, 43.7, 43.9, 43.9.
WEIGHT = 0.35

# Rows of the sample for comparison, and the share of nearest rows that counts.
_MAX_ROWS = 1_000
_NEAREST_SHARE = 0.01
# With fewer rows of other videos a single neighbour decides.
_MIN_ROWS = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Unit vectors of passages all over the library, n x d, with the ids of their videos."""

    vectors: "Vectors"
    videos: "Ids"

    def hubness(self, vectors: "Vectors", videos: "Ids") -> "Vector":
        """Return for each unit vector (m x d) the mean cosine with its nearest neighbours.

        0 for all in a library with few passages, or few of other videos. Passages of the same video are no neighbours:
        a scene that lasts has many captions like each other.
        """
        import numpy as np

        step = max(1, len(self.vectors) // _MAX_ROWS)
        rows, row_videos = self.vectors[::step], self.videos[::step]
        is_other = videos[:, None] != row_videos
        if not len(vectors) or is_other.sum(axis=1).min() < _MIN_ROWS:
            return np.zeros(len(vectors), np.float32)
        cosines = np.where(is_other, vectors @ rows.T, -1.0)
        count = max(1, round(_NEAREST_SHARE * len(rows)))
        return np.asarray(np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1))
