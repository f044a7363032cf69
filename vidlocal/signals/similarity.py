"""Whether a frame repeats an earlier one, so that a model need not look at it again."""

import numpy as np

from vidlocal.signals.look import Look

# Longer than this nothing is taken for a repeat, so that even a still hour is looked at three times a minute.
LONGEST_REPEAT = 20.0

# Static scenes with strong sensor noise, re-encoded at low quality, differ by at most 4 bits.
_NEAR_BITS = 8

# Grey levels. The same scenes differ by at most 2.9 in any block once the light of the whole is evened out;
# a figure that covers half a block stands out from 10 levels of contrast on.
_SAME_BLOCK = 5.0
_SAME_LIGHT = 10.0


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
    return abs(light) <= _SAME_LIGHT and float(np.abs(change - light).max()) <= _SAME_BLOCK
