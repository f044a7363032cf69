"""The few frames that show what a video is about."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vidlocal.signals.features import Descriptors, distance

MAX_FRAMES = 50

# A frame of a shot that is already represented counts this much of its distance.
_SAME_SHOT_WEIGHT = 0.4

# Added to every distance, so that among frames that look alike the quality decides. About what sensor noise makes.
_MIN_DISTANCE = 0.01

# Below these a frame says little: luma spread, mean luma, both in grey levels.
_MIN_CLEAR_CONTRAST = 24.0
_CLEAR_BRIGHTNESS = (24.0, 232.0)

Ratings = npt.NDArray[np.float32]


def choose_frames(
    descriptors: Descriptors, *, shots: Sequence[int], quality: Ratings, limit: int = MAX_FRAMES
) -> list[int]:
    """Positions of the frames to look at first, most valuable first.

    The first is a good frame of a long shot. Each next one is the farthest from all chosen so far, its
    distance weighed by its quality (0 to 1, one per row of `gists`), and less when its shot is represented
    already. All when there are no more than `at_most`. Equal inputs give equal answers. O(at_most * n).
    """
    of_shot = np.asarray(shots, np.intp)
    if not len(of_shot):
        return []
    chosen = [_first(of_shot, quality)]
    taken = np.zeros(len(of_shot), bool)
    nearest = np.full(len(of_shot), np.inf, np.float32)
    while True:
        last = chosen[-1]
        taken[last] = True
        weight = np.where(of_shot == of_shot[last], np.float32(_SAME_SHOT_WEIGHT), np.float32(1.0))
        nearest = np.minimum(nearest, distance(descriptors, descriptors[last]) * weight)
        if len(chosen) == min(limit, len(of_shot)):
            return chosen
        value = np.where(taken, np.float32(-1.0), (nearest + _MIN_DISTANCE) * quality)
        chosen.append(int(value.argmax()))


def rate_quality(brightness: Ratings, contrast: Ratings, sharpness: Ratings, shots: Sequence[int]) -> Ratings:
    """How much a frame shows, 0.01 to 1: low for black, white, plain and blurred ones.

    Blurred is what is far less sharp than the sharp frames of its own shot: a soft film is not punished.
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
