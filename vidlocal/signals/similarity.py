"""Whether a frame repeats an earlier one, so that a model need not look at it again."""

import numpy as np

from vidlocal.signals.features import Look

# Longer than this nothing is taken for a repeat, so that even a still hour is looked at three times a minute.
LONGEST_REPEAT = 20.0

# Static scenes with strong sensor noise, re-encoded at low quality, differ by at most 4 bits at 896 px, by about 10
# at 320 px when they are one smooth gradient.
_NEAR_BITS = 10

# Grey levels. The same scenes differ by at most 2.9 in any block once the light of the whole is evened out;
# a figure that covers half a block stands out from 10 levels of contrast on.
_SAME_BLOCK = 5.0
_SAME_LIGHT = 10.0

# Small noisy pictures (320 x 180 by night) differ more, but everywhere alike: of 256 blocks the worst one lies
# within 4.5 standard deviations. What moves in such a picture must stand out from that.
_NOISE_DEVIATIONS = 4.5
_SAME_NOISY_BLOCK = 8.0

# The median of |x| times this is the standard deviation of normal noise, whatever a few moving blocks do.
_DEVIATION_OF_MEDIAN = 1.4826


def repeats(original: Look, look: Look, *, after: float) -> bool:
    """Whether `look`, `after` seconds later, shows what `original` showed.

    The hashes must be near, and no block of the luma grid may have changed by itself: 3 % of the picture is enough
    to be something new. Flicker and exposure, which lift all blocks alike, are evened out first. Compare with the
    frame that is repeated, never with the one before: slow change must not creep past.
    """
    if not 0.0 <= after <= LONGEST_REPEAT:
        return False
    if (original.dhash ^ look.dhash).bit_count() > _NEAR_BITS:
        return False
    change = look.grid - original.grid
    light = float(np.median(change))
    if abs(light) > _SAME_LIGHT:
        return False
    change = np.abs(change - light)
    noise = _DEVIATION_OF_MEDIAN * float(np.median(change))
    return float(change.max()) <= min(max(_SAME_BLOCK, _NOISE_DEVIATIONS * noise), _SAME_NOISY_BLOCK)
