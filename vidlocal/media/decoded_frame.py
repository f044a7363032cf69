"""One picture of a video, as everything after decoding wants it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# What vision models look at is at most this large; more pixels cost time and tell them nothing.
LONG_SIDE_PX = 896


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """`rgb` is H x W x 3 uint8, upright, with square pixels, tone-mapped, long side at most 896.

    `time` is the presentation time in seconds from the container's start_time.
    """

    time: float
    rgb: npt.NDArray[np.uint8]


def scaled_size(width_px: int, height_px: int, *, long_side_px: int = LONG_SIDE_PX) -> tuple[int, int]:
    """Width and height scaled down, never up, to the long side; no side is less than 1."""
    factor = min(1.0, long_side_px / max(width_px, height_px, 1))
    return max(1, round(width_px * factor)), max(1, round(height_px * factor))
