"""Regions of a frame that may have text. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

# Frames are compared at this size of the longer side, in cells of so many pixels.
_SIDE_PX = 448
_CELL_PX = 16
# A cell may have text if so many of its pixels differ by so many grey levels from the next one. Text with a contrast of
# 45 grey levels has more.
_MIN_STEP = 10
_MIN_STEP_SHARE = 0.1
# A cell has changed if so many of its steps differ by so many grey levels from the frame before: more than by JPEG and
# noise, less than by a changed digit of pale text. Steps, because clouds behind a title change its grey levels only.
_MIN_CHANGE = 12
_MIN_CHANGE_SHARE = 0.01
# Cells around: a line may end in a cell with few edges.
_MARGIN_CELLS = 2

# Margins of a detected box, in its heights and in pixels: a box found at a small size is inexact, and may end early.
_MARGIN_HEIGHTS = (0.6, 0.25)
_MARGIN_PX = 6
# The detector stretches images to sides that are multiples of this; stretched by a quarter, it misses lines.
ALIGN_PX = 32


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.right, self.bottom

    def overlaps(self, other: "Region") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def aligned(self, unit_px: float, size: tuple[int, int]) -> "Region":
        """Grow to sides that are multiples of `unit_px`, as far as the frame goes."""
        left, right = _aligned(self.left, self.right, unit_px, size[0])
        top, bottom = _aligned(self.top, self.bottom, unit_px, size[1])
        return Region(left, top, right, bottom)

    def union(self, other: "Region") -> "Region":
        return Region(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class TextRegion:
    """A region to read, with the height of its smallest detected text."""

    region: Region
    text_height_px: int


class CellGrid:
    """The cells of a frame that may have text, and those that differ from the frame before."""

    def __init__(self, image: Image.Image, previous: "CellGrid | None") -> None:
        self.size = image.size
        scale = min(1.0, _SIDE_PX / max(image.size))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX), np.int16)
        self._cell_px = _CELL_PX / scale
        self._steps = np.diff(grey, axis=1, prepend=grey[:, :1])
        self._has_edges = _cell_means(np.abs(self._steps) > _MIN_STEP) > _MIN_STEP_SHARE
        self._has_changed = np.ones_like(self._has_edges)
        if previous is not None and previous._steps.shape == self._steps.shape:
            changes = np.abs(self._steps - previous._steps) > _MIN_CHANGE
            self._has_changed = _cell_means(changes) > _MIN_CHANGE_SHARE

    def part_to_search(self) -> Region | None:
        """Return the part of the frame with new edges that text may have; None without."""
        cells = np.argwhere(self._has_edges & self._has_changed)
        if not len(cells):
            return None
        (top, left), (bottom, right) = cells.min(axis=0) - _MARGIN_CELLS, cells.max(axis=0) + _MARGIN_CELLS + 1
        cell_px = self._cell_px
        return _clipped(left * cell_px, top * cell_px, right * cell_px, bottom * cell_px, self.size)

    def is_unchanged(self, region: Region) -> bool:
        """True if the edges in a region are those of the frame before."""
        left, top = (int(side / self._cell_px) for side in (region.left, region.top))
        right, bottom = (int(np.ceil(side / self._cell_px)) for side in (region.right, region.bottom))
        return not self._has_changed[top:bottom, left:right].any()


def _cell_means(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> npt.NDArray[np.float64]:
    """Return the mean of each cell; cells at the edges may be smaller than the others."""
    rows, columns = (-(-side // _CELL_PX) for side in values.shape)
    padding = [(0, rows * _CELL_PX - values.shape[0]), (0, columns * _CELL_PX - values.shape[1])]
    padded = np.pad(values, padding, mode="edge")
    return np.asarray(padded.reshape(rows, _CELL_PX, columns, _CELL_PX).mean(axis=(1, 3)))


def regions_around(boxes: Sequence[Region], size: tuple[int, int]) -> list[TextRegion]:
    """Return the regions to read around detected boxes, with margins. Overlapping ones are merged."""
    merged: list[TextRegion] = []
    for box in boxes:
        text = TextRegion(_with_margin(box, size), box.height)
        while touching := [other for other in merged if other.region.overlaps(text.region)]:
            for other in touching:
                merged.remove(other)
                text = TextRegion(text.region.union(other.region), min(text.text_height_px, other.text_height_px))
        merged.append(text)
    merged.sort(key=lambda text: (text.region.top, text.region.left))
    return [TextRegion(text.region.aligned(ALIGN_PX, size), text.text_height_px) for text in merged]


def _with_margin(box: Region, size: tuple[int, int]) -> Region:
    across, along = (round(factor * box.height) + _MARGIN_PX for factor in _MARGIN_HEIGHTS)
    return _clipped(box.left - across, box.top - along, box.right + across, box.bottom + along, size)


def _aligned(start: int, end: int, unit_px: float, limit: int) -> tuple[int, int]:
    length = min(limit, math.ceil(math.ceil((end - start) / unit_px) * unit_px))
    start = min(max(0, start - (length - end + start) // 2), limit - length)
    return start, start + length


def _clipped(left: float, top: float, right: float, bottom: float, size: tuple[int, int]) -> Region:
    width, height = size
    return Region(max(0, round(left)), max(0, round(top)), min(width, round(right)), min(height, round(bottom)))
