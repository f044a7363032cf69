"""Why a search found a moment: scores of its passages and frames, and the second look of a model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PassageExplanation:
    """Scores of a passage in word and vector search. Ranks start at 1 and are None if a search missed the passage.

    `coverage` is the share of the query's words in the passage, 0 to 1; `z` the number of standard deviations of its
    `cosine` above the mean of all passages. The score is the sum of both weights. A passage without a vector gets the
    weight of an average cosine.
    """

    words_rank: int | None
    coverage: float | None
    words_weight: float
    meaning_rank: int | None
    cosine: float | None
    z: float | None
    meaning_weight: float


@dataclass(frozen=True, slots=True)
class FrameExplanation:
    """Scores of a frame in image search. `rank` starts at 1; `z` as in `PassageExplanation`."""

    rank: int
    cosine: float
    z: float


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The vision model's verdict on the frame at `time`: does the frame match the query?"""

    time: float
    matches: bool
    description: str
