"""How sharp a frame is."""

import numpy as np

from vidlocal.signals.features import Pixels
from vidlocal.signals.view import View

# Every fourth row tells as much as all of them.
_ROW_STEP = 4


def measure(view: View) -> dict[str, float]:
    """`sharpness`: 0 (blurred or plain) to 1, typically 0.005 to 0.05. See `detail`."""
    return {"sharpness": round(detail(view.rgb), 4)}


def detail(rgb: Pixels) -> float:
    """How much pixels bend away from a smooth ramp, 0 to 1: the mean second difference of green along rows.

    Comparable between frames of one film, not between films of different resolution. `rgb` is H x W x 3.
    """
    green = rgb[::_ROW_STEP, :, 1].astype(np.int16)
    if green.shape[1] < 3:
        return 0.0
    bend = green[:, 2:] - 2 * green[:, 1:-1] + green[:, :-2]
    return float(np.abs(bend).mean()) / 510
