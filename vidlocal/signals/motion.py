"""How much moved since the frame before."""

import numpy as np

from vidlocal.signals.view import View


def measure(view: View) -> dict[str, float]:
    """`motion`: mean change of the luma of 16 x 16 blocks since the frame sampled before, 0 to 1; absent at first."""
    if view.previous is None:
        return {}
    change = np.abs(view.look.grid - view.previous.grid)
    return {"motion": round(float(change.mean()) / 255, 4)}
