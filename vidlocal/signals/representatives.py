"""Select representative frames of a video."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vidlocal.signals.features import Descriptors, distance

MAX_FRAMES = 50

# Factor on the distance of a frame from selected frames of the same shot.
_SAME_SHOT_WEIGHT = 0.4

# Added to every distance, so that quality decides among similar frames. About the distance from sensor noise.
_MIN_DISTANCE = 0.01

# Limits of a clear frame in grey levels: minimum spread of luma, range of mean luma.
_MIN_CLEAR_CONTRAST = 24.0
_CLEAR_BRIGHTNESS = (24.0, 232.0)

Ratings = npt.NDArray[np.float32]


def choose_frames(
    descriptors: Descriptors, *, shots: Sequence[int], quality: Ratings, limit: int = MAX_FRAMES
) -> list[int]:
    """Positions of the `limit` most representative frames, best first.

    The first is a good frame of a long shot. Each further one maximizes quality times distance from all selected
    frames, where frames of an already represented shot count less. `quality` is 0 to 1, one per row of `descriptors`.
    Returns all frames if there are at most `limit`. Deterministic. O(limit * n).
    """
    of_shot = np.asarray(shots, np.intp)
    if not len(of_shot):
        return []
    selected = [_first(of_shot, quality)]
    is_selected = np.zeros(len(of_shot), bool)
    nearest = np.full(len(of_shot), np.inf, np.float32)
    while True:
        last = selected[-1]
        is_selected[last] = True
        weight = np.where(of_shot == of_shot[last], np.float32(_SAME_SHOT_WEIGHT), np.float32(1.0))
        nearest = np.minimum(nearest, distance(descriptors, descriptors[last]) * weight)
        if len(selected) == min(limit, len(of_shot)):
            return selected
        value = np.where(is_selected, np.float32(-1.0), (nearest + _MIN_DISTANCE) * quality)
        selected.append(int(value.argmax()))


def rate_quality(brightness: Ratings, contrast: Ratings, sharpness: Ratings, shots: Sequence[int]) -> Ratings:
    """Rate the quality of frames, 0.01 to 1: low for black, white, plain and blurred frames.

    Sharpness is relative to the sharpest frame of the same shot, so that a soft film is not penalized.
    """
    low, high = _CLEAR_BRIGHTNESS
    light = np.clip(np.minimum(brightness / low, (255 - brightness) / (255 - high)), 0, 1)
    clear = np.clip(contrast / _MIN_CLEAR_CONTRAST, 0, 1)
    sharp = np.clip(2.0 * sharpness / _sharpest_of_shot(sharpness, np.asarray(shots, np.intp)), 0, 1)
    return np.asarray(np.clip(light * clear * sharp, 0.01, 1), np.float32)


def _first(of_shot: npt.NDArray[np.intp], quality: Ratings) -> int:
    return int((quality * np.bincount(of_shot)[of_shot]).argmax())


def _sharpest_of_shot(sharpness: Ratings, of_shot: npt.NDArray[np.intp]) -> Ratings:
    sharpest = np.full(int(of_shot.max(initial=0)) + 1, np.float32(1e-6))
    np.maximum.at(sharpest, of_shot, sharpness)
    return sharpest[of_shot]
