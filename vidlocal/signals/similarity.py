"""Detect duplicates of earlier frames, to save captions."""

import numpy as np

from vidlocal.signals.features import FrameFeatures

# Maximum time between duplicates, so that even a static hour is captioned three times a minute.
MAX_REPEAT_S = 20.0

# Static scenes with strong sensor noise, re-encoded at low quality, differ by at most 4 bits at 896 px, and by about 10
# at 320 px for one smooth gradient.
_MAX_HASH_BITS = 10

# Plain images, such as a fade to black, set few bits: their hashes tell nothing.
MIN_HASH_BITS = 4

# Grey levels. The same scenes differ by at most 2.9 in any block after subtracting the change of the whole image; an
# object that covers half a block is detected from a contrast of 10 levels.
_MAX_BLOCK_CHANGE = 5.0
_MAX_LIGHT_CHANGE = 10.0

# Small noisy frames (320 x 180 at night) differ more, but uniformly: of 256 blocks the worst is within 4.5 standard
# deviations. Motion must exceed that.
_NOISE_DEVIATIONS = 4.5
_MAX_NOISY_BLOCK_CHANGE = 8.0

# The median of |x| times this is the standard deviation of normal noise, robust against a few moving blocks.
_MAD_TO_SIGMA = 1.4826


def is_repeat(original: FrameFeatures, features: FrameFeatures, *, seconds_later: float) -> bool:
    """True if `features`, `seconds_later`, show the same as `original`.

    The hashes must be close, and no block of the luma grid may have changed on its own: a change of 3 % of the image
    makes a new frame. Flicker and exposure, which change all blocks equally, are subtracted first. Compare with the
    original of a series of duplicates, not with the previous frame, to detect slow changes.
    """
    if not 0.0 <= seconds_later <= MAX_REPEAT_S:
        return False
    if (original.dhash ^ features.dhash).bit_count() > _MAX_HASH_BITS:
        return False
    change = features.grid - original.grid
    light = float(np.median(change))
    if abs(light) > _MAX_LIGHT_CHANGE:
        return False
    change = np.abs(change - light)
    noise = _MAD_TO_SIGMA * float(np.median(change))
    return float(change.max()) <= min(max(_MAX_BLOCK_CHANGE, _NOISE_DEVIATIONS * noise), _MAX_NOISY_BLOCK_CHANGE)
