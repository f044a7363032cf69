"""Regions of a frame with possible text. Pure."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Cells = npt.NDArray[np.bool_]

# Frames are compared at this size of the longer side, in cells of this side.
_SIDE_PX = 448
_CELL_PX = 16
# A cell may have text if this share of its pixels gets lighter, and as many get darker, by this many grey levels. Text
# with a contrast of 45 grey levels has more.
_MIN_STEP = 10
_MIN_STEP_SHARE = 0.04
# A cell has changed if this share of its steps differs by this many grey levels from the previous frame: more than by
# JPEG and noise, less than by a changed digit of pale text. Steps, because clouds behind a title change its grey levels
# only.
_MIN_CHANGE = 12
_MIN_CHANGE_SHARE = 0.01
# Cells around (x, y): a line may end in a cell with few strokes. Gaps of twice this many cells do not end a line.
_MARGIN_CELLS = (2, 1)
_GAP_CELLS = 1

# Sides of the images that the detector takes are multiples of this.
ALIGN_PX = 32

# A page of small print: strokes in this share of cells, on a ground of about the same grey level. Of 30 films, two
# have as many strokes, but at most 0.43 of their cells share a ground; of pages, nearly all do.
_MIN_PAGE_SHARE = 0.25
_MIN_GROUND_SHARE = 0.7
_MAX_GROUND_DIFFERENCE = 10
_GROUND_PERCENTILES = (90, 10)


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
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.right, self.bottom

    def overlaps(self, other: "Region") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def aligned(self, units_px: tuple[float, float], size: tuple[int, int]) -> "Region":
        """Grow to sides in multiples of `units_px` (x, y), within the frame."""
        left, right = _aligned(self.left, self.right, units_px[0], size[0])
        top, bottom = _aligned(self.top, self.bottom, units_px[1], size[1])
        return Region(left, top, right, bottom)

    def union(self, other: "Region") -> "Region":
        return Region(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


class CellGrid:
    """The cells of a frame with possible text, and the changed cells among them."""

    def __init__(self, image: Image.Image, previous: "CellGrid | None") -> None:
        self.size = image.size
        scale = min(1.0, _SIDE_PX / max(image.size))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        self._grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX), np.int16)
        self._cell_px = _CELL_PX / scale
        self._steps = np.diff(self._grey, axis=1, prepend=self._grey[:, :1])
        lighter, darker = (_cell_means(sign * self._steps > _MIN_STEP) for sign in (1, -1))
        self._has_strokes = np.minimum(lighter, darker) > _MIN_STEP_SHARE
        self._has_changed = np.ones_like(self._has_strokes)
        if previous is not None and previous._steps.shape == self._steps.shape:
            changes = np.abs(self._steps - previous._steps) > _MIN_CHANGE
            self._has_changed = _cell_means(changes) > _MIN_CHANGE_SHARE

    def parts_to_search(self, units_px: tuple[float, float]) -> list[Region]:
        """Return parts of the frame with new strokes, with sides of multiples of `units_px`.

        A line of text of which a word has changed is in one part.
        """
        rows = _runs_with(_spread(self._has_strokes, _GAP_CELLS, 0), self._has_strokes & self._has_changed)
        count, labels = cv2.connectedComponents(_spread(rows, *_MARGIN_CELLS).astype(np.uint8), connectivity=4)
        regions: list[Region] = []
        for label in range(1, count):
            left, top, right, bottom = (side * self._cell_px for side in _bounds(labels == label))
            _merge(regions, _clipped(left, top, right, bottom, self.size).aligned(units_px, self.size))
        return regions

    def is_page(self) -> bool:
        """True if the frame is full of small print."""
        if self._has_strokes.mean() < _MIN_PAGE_SHARE:
            return False
        for percentile in _GROUND_PERCENTILES:
            levels = np.percentile(_cells(self._grey), percentile, axis=(1, 3))[self._has_strokes]
            if np.mean(np.abs(levels - np.median(levels)) <= _MAX_GROUND_DIFFERENCE) >= _MIN_GROUND_SHARE:
                return True
        return False

    def is_unchanged(self, region: Region) -> bool:
        """True if the edges in a region are unchanged since the previous frame."""
        left, top = (int(side / self._cell_px) for side in (region.left, region.top))
        right, bottom = (int(np.ceil(side / self._cell_px)) for side in (region.right, region.bottom))
        return not self._has_changed[top:bottom, left:right].any()


def _cell_means(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return the mean of each cell."""
    return np.asarray(_cells(values).mean(axis=(1, 3)))


def _cells(values: npt.NDArray[np.generic]) -> npt.NDArray[Any]:
    """Split into cells: rows x 16 x columns x 16. Edges are repeated to whole cells."""
    rows, columns = (-(-side // _CELL_PX) for side in values.shape)
    padding = [(0, rows * _CELL_PX - values.shape[0]), (0, columns * _CELL_PX - values.shape[1])]
    return np.pad(values, padding, mode="edge").reshape(rows, _CELL_PX, columns, _CELL_PX)


def _spread(cells: Cells, columns: int, rows: int) -> Cells:
    """Add the cells around each cell."""
    kernel = np.ones((2 * rows + 1, 2 * columns + 1), np.uint8)
    return np.asarray(cv2.dilate(cells.astype(np.uint8), kernel), np.bool_)


def _runs_with(cells: Cells, seeds: Cells) -> Cells:
    """Return the horizontal runs of cells with a seed."""
    starts = cells & ~np.pad(cells, ((0, 0), (1, 0)))[:, :-1]
    numbers = np.cumsum(starts.ravel()).reshape(cells.shape)
    return cells & np.isin(numbers, numbers[seeds])


def _bounds(cells: Cells) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the cells."""
    places = np.argwhere(cells)
    (top, left), (bottom, right) = places.min(axis=0).tolist(), (places.max(axis=0) + 1).tolist()
    return left, top, right, bottom


def _merge(regions: list[Region], region: Region) -> None:
    """Add a region to a list; merge overlapping regions."""
    while touching := [other for other in regions if other.overlaps(region)]:
        for other in touching:
            regions.remove(other)
            region = region.union(other)
    regions.append(region)


def _aligned(start: int, end: int, unit_px: float, limit: int) -> tuple[int, int]:
    length = min(limit, math.ceil(math.ceil((end - start) / unit_px) * unit_px))
    start = min(max(0, start - (length - end + start) // 2), limit - length)
    return start, start + length


def _clipped(left: float, top: float, right: float, bottom: float, size: tuple[int, int]) -> Region:
    width, height = size
    return Region(max(0, round(left)), max(0, round(top)), min(width, round(right)), min(height, round(bottom)))
