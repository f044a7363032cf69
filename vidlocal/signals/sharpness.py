"""Sharpness of a frame."""

import numpy as np

from vidlocal.signals.features import Pixels

# Every fourth row gives the same result as all.
_ROW_STEP = 4


def detail(rgb: Pixels) -> float:
    """Measure sharpness: mean absolute second difference of green along rows. 0 (blurred or plain) to 1.

    Typically 0.005 to 0.05. Comparable between frames of one film, not between films of different resolution. `rgb` is
    H x W x 3.
    """
    green = rgb[::_ROW_STEP, :, 1].astype(np.int16)
    if green.shape[1] < 3:
        return 0.0
    bend = green[:, 2:] - 2 * green[:, 1:-1] + green[:, :-2]
    return float(np.abs(bend).mean()) / 510
