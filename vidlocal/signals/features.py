"""Visual features of a frame for hashes, cuts and signals, all from a single reduced image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image, Resampling

Pixels = npt.NDArray[np.uint8]
Descriptors = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

# 144 x 128 splits evenly into the 9 x 8 cells of the hash and the 16 x 16 blocks of the grid.
_SMALL_SIZE = (144, 128)

# ITU-R BT.601 luma, as in JPEG and the literature on perceptual hashes.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Grey levels by which a cell must be brighter than its left neighbour. Without this dead zone, half of the bits of a
# flat wall or a black title card are sensor noise: 43 of 64 bits flipped, with it 1.
_DEAD_ZONE = 1.0

# The descriptor: Y, Cb, Cr of 4 x 4 cells, then three histograms of 16 bins.
_CELLS = 4
_BINS = 16
_HISTOGRAM_RANGES = ((0.0, 256.0), (78.0, 178.0), (78.0, 178.0))
DESCRIPTOR_SIZE = 3 * _CELLS * _CELLS + 3 * _BINS

# Layout and histograms each have half of the weight. Chroma varies less than luma, so it counts double. One threshold
# on this sum separates 135 of 136 pairs of 17 real films (see `shots`).
_WEIGHTS = np.repeat(
    np.array([0.5 / 16, 1.0 / 16, 1.0 / 16, 0.25 / 3, 0.25 / 3, 0.25 / 3], np.float32) / 255, [16, 16, 16, 16, 16, 16]
)


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Visual features of a frame.

    `grid` is the mean luma of 16 x 16 blocks, float32,
    0 to 255. `dhash` is the 64-bit difference hash. `descriptor` is `DESCRIPTOR_SIZE` bytes of coarse colour layout
    and colour histograms, the only part kept for every frame.
    """

    grid: Plane
    dhash: int
    descriptor: Descriptors


def extract_features(image: Image) -> FrameFeatures:
    """Extract the features of an RGB image of any size. About 1.5 ms for 896 x 504."""
    small = np.asarray(image.resize(_SMALL_SIZE, Resampling.BOX))
    luma = small @ _LUMA
    return FrameFeatures(_block_means(luma, 16, 16), _dhash(luma), _descriptor(small, luma))


def distance(descriptors: Descriptors, descriptor: Descriptors) -> Plane:
    """Visual distance of each row of `descriptors` (n x DESCRIPTOR_SIZE) to a frame: 0 (equal) to about 1."""
    difference = np.abs(descriptors.astype(np.int16) - descriptor.astype(np.int16))
    return np.asarray(difference.astype(np.float32) @ _WEIGHTS, np.float32)


def _dhash(luma: Plane) -> int:
    """64 bits, row by row: 1 if a cell is brighter than the cell to the left."""
    cells = _block_means(luma, 8, 9)
    bits = cells[:, 1:] - cells[:, :-1] > _DEAD_ZONE
    return int.from_bytes(np.packbits(bits).tobytes())


def _descriptor(small: Pixels, luma: Plane) -> Descriptors:
    # Every second pixel and row suffices for 16 bins and is four times faster.
    y, rgb = luma[::2, ::2], small[::2, ::2]
    planes = (y, (rgb[..., 2] - y) * 0.564 + 128, (rgb[..., 0] - y) * 0.713 + 128)
    cells = [_block_means(plane, _CELLS, _CELLS).ravel() for plane in planes]
    histograms = [_histogram(plane, *ends) for plane, ends in zip(planes, _HISTOGRAM_RANGES, strict=True)]
    return np.concatenate([*cells, *histograms]).clip(0, 255).round().astype(np.uint8)


def _histogram(plane: Plane, low: float, high: float) -> Plane:
    """Shares of 16 bins in 1/255, smoothed: slight changes of light must not move all pixels by a bin."""
    bins = ((plane - low) * (_BINS / (high - low))).clip(0, _BINS - 1).astype(np.intp)
    counts = np.pad(np.bincount(bins.ravel(), minlength=_BINS), 1, mode="edge")
    smooth = counts[:-2] + 2 * counts[1:-1] + counts[2:]
    return (smooth * (255 / 4 / plane.size)).astype(np.float32)


def _block_means(plane: Plane, rows: int, columns: int) -> Plane:
    height, width = plane.shape
    blocks = plane.reshape(rows, height // rows, columns, width // columns)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
