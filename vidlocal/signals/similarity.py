"""Whether a frame repeats an earlier one, so that a model need not look at it again."""

import numpy as np

from vidlocal.signals.features import FrameFeatures

# Longer than this nothing is taken for a repeat, so that even a still hour is looked at three times a minute.
MAX_REPEAT_S = 20.0

# Static scenes with strong sensor noise, re-encoded at low quality, differ by at most 4 bits at 896 px, by about 10
# at 320 px when they are one smooth gradient.
_MAX_HASH_BITS = 10

# Grey levels. The same scenes differ by at most 2.9 in any block once the light of the whole is evened out;
# a figure that covers half a block stands out from 10 levels of contrast on.
_MAX_BLOCK_CHANGE = 5.0
_MAX_LIGHT_CHANGE = 10.0

# Small noisy pictures (320 x 180 by night) differ more, but everywhere alike: of 256 blocks the worst one lies
# within 4.5 standard deviations. What moves in such a picture must stand out from that.
_NOISE_DEVIATIONS = 4.5
_MAX_NOISY_BLOCK_CHANGE = 8.0

# The median of |x| times this is the standard deviation of normal noise, whatever a few moving blocks do.
_MAD_TO_SIGMA = 1.4826


def is_repeat(original: FrameFeatures, features: FrameFeatures, *, seconds_later: float) -> bool:
    """Whether `look`, `after` seconds later, shows what `original` showed.

    The hashes must be near, and no block of the luma grid may have changed by itself: 3 % of the picture is enough
    to be something new. Flicker and exposure, which lift all blocks alike, are evened out first. Compare with the
    frame that is repeated, never with the one before: slow change must not creep past.
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
