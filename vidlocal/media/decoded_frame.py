"""A decoded frame or photo."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Vision models scale images down to at most this size; more pixels only cost time.
LONG_SIDE_PX = 896


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """Pixels of a frame: H x W x 3 uint8 RGB, upright, square pixels, tone-mapped, long side at most 896.

    `time` is the presentation time in seconds from the container's start_time.
    """

    time: float
    rgb: npt.NDArray[np.uint8]


def scaled_size(width_px: int, height_px: int, *, long_side_px: int = LONG_SIDE_PX) -> tuple[int, int]:
    """Width and height scaled down to `long_side_px`, never up, and at least 1."""
    factor = min(1.0, long_side_px / max(width_px, height_px, 1))
    return max(1, round(width_px * factor)), max(1, round(height_px * factor))
