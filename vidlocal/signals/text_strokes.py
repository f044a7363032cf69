"""Comparison of a line of text in two frames, to tell the same text on a moving background from other text. Pure."""

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

# Contrast of the strokes: percentile of the steps between neighbouring pixels of a line.
_CONTRAST_PERCENTILE = 98
# Paler text is read again: the steps of the background are as large.
_MIN_CONTRAST = 40
# Share of the contrast by which a step has changed. Of 1,500 lines on moving backgrounds 75 % are recognized, and none
# with one exchanged character (3 for 8, n for h), unless it looks the same (I for l). At 0.4: 62 %.
_MIN_CHANGE_RATIO = 0.5
# A character has changed if this many steps have, within a square of half the height of a line.
_WINDOW_PX = 24
_MIN_CHANGED_STEPS = 7


def has_same_strokes(line: Pixels, other: Pixels) -> bool:
    """Return True if two images of a line, 48 x W x 3 and of equal size, have the same characters in the same places.

    Equal characters that have moved by a pixel are not the same.
    """
    if line.shape != other.shape:
        return False
    steps, other_steps = _steps(line), _steps(other)
    contrast = min(float(np.percentile(np.abs(part), _CONTRAST_PERCENTILE)) for part in (steps, other_steps))
    if contrast < _MIN_CONTRAST:
        return False
    changed = (np.abs(steps - other_steps) > _MIN_CHANGE_RATIO * contrast).any(axis=0)
    within = cv2.boxFilter(changed.astype(np.float32), -1, (_WINDOW_PX, _WINDOW_PX), normalize=False)
    return float(within.max()) < _MIN_CHANGED_STEPS


def _steps(line: Pixels) -> npt.NDArray[np.int16]:
    """Return the differences of grey levels to the left and the upper neighbour: 2 x 48 x W."""
    grey = cv2.cvtColor(line, cv2.COLOR_BGR2GRAY).astype(np.int16)
    return np.stack([np.diff(grey, axis=axis, prepend=np.take(grey, [0], axis=axis)) for axis in (1, 0)])
