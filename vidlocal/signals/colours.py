"""Dominant colours of a frame."""

import numpy as np
import numpy.typing as npt

from vidlocal.signals.features import Pixels
from vidlocal.signals.view import View

MAX_COLOURS = 4

# Colours with a smaller share of the image are left out.
_MIN_SHARE = 0.06

# Names in the order of their numbers below. Hues are upper limits in degrees; the circle ends with red.
_GREYS = ("black", "grey", "white")
_HUES = (
    (15, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (200, "cyan"),
    (258, "blue"),
    (292, "purple"),
    (345, "pink"),
    (360, "red"),
)
_NAMES = (*_GREYS, *dict.fromkeys(name for _, name in _HUES), "brown")
_HUE_NUMBERS = np.array([_NAMES.index(name) for _, name in _HUES])
_HUE_ENDS = np.array([end for end, _ in _HUES], np.float32)


def measure(view: View) -> dict[str, list[dict[str, object]]]:
    """`colours`: up to four, largest first, with name, mean colour as hex, and share of the image 0 to 1."""
    pixels = view.look.small[::4, ::4].reshape(-1, 3)
    numbers = _classify(pixels)
    counts = np.bincount(numbers, minlength=len(_NAMES))
    largest = np.argsort(-counts, kind="stable")[:MAX_COLOURS]
    return {
        "colours": [
            {
                "name": _NAMES[number],
                "hex": _hex(pixels[numbers == number]),
                "share": round(float(counts[number]) / len(pixels), 2),
            }
            for number in largest
            if counts[number] >= _MIN_SHARE * len(pixels)
        ]
    }


def _classify(pixels: Pixels) -> npt.NDArray[np.intp]:
    """The number in `_NAMES` of each pixel (n x 3 RGB)."""
    values = pixels.astype(np.float32)
    top, bottom = values.max(axis=1), values.min(axis=1)
    chroma = top - bottom
    hue = _hue(values, top, chroma)
    number: npt.NDArray[np.intp] = _HUE_NUMBERS[np.searchsorted(_HUE_ENDS, hue).clip(0, len(_HUES) - 1)]
    # Dark orange is called brown.
    number[(hue > 8) & (hue < 50) & (top < 165)] = _NAMES.index("brown")
    plain = chroma < np.maximum(28.0, 0.18 * top)
    number[plain] = np.where(top > 195, _NAMES.index("white"), _NAMES.index("grey"))[plain]
    number[top < 48] = _NAMES.index("black")
    return number


def _hue(
    values: npt.NDArray[np.float32], top: npt.NDArray[np.float32], chroma: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Degrees on the colour circle, 0 to 360, of HSV (Smith 1978)."""
    red, green, blue = values.T
    span = np.maximum(chroma, 1)
    sixth = np.where(
        top == red,
        (green - blue) / span % 6,
        np.where(top == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    return np.asarray(sixth * 60, np.float32)


def _hex(pixels: Pixels) -> str:
    return "#" + "".join(f"{round(level):02x}" for level in pixels.mean(axis=0).tolist())
