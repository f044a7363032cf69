"""Text recognition in a child process: `python -m vidlocal.signals.screen_text_child`, started by `screen_text`.

A request is {"threads": n} with a JPEG as payload; the reply is {"lines": [[text, score, box], ...], "model": name},
box being left, top, right, bottom in pixels. With "warm_up" it only loads the models.

A frame passes three stages: strokes and changes since the frame before (5 ms) give the parts that may have new text,
detection at a small size (0.02 s for a whole frame) their lines, and recognition (0.01 to 0.1 s a line) the text.
`benchmarks/screen_text.py` measures the text found and the time.
"""

import io
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from vidlocal.errors import MediaError
from vidlocal.process import refuse_network, serve
from vidlocal.signals.text_models import (
    Corners,
    Pixels,
    TextDetector,
    TextRecognizer,
    as_bgr,
    bounding_region,
    model_path,
    straightened,
)
from vidlocal.signals.text_regions import ALIGN_PX, CellGrid, Region
from vidlocal.signals.text_strokes import has_same_strokes

# Longer side of a frame in detection. At 288 px it misses one word in 200 of those found at this size, at 256 one in
# 50, and without the stretch one in 100. Small print on pages takes 448.
_SIDE_PX = 320
_PAGE_SIDE_PX = 448
# Lines are wide and low, so their height counts more.
_STRETCH = 1.25

# Corners of the same line in two frames are at most this far apart, in heights of the line: less than the width of a
# character, so that no line has become longer.
_MAX_SHIFT_RATIO = 0.2

# Smaller images have no legible text.
_MIN_SIDE_PX = 16


class Line(NamedTuple):
    """A line of text. The box is left, top, right, bottom in pixels of the frame."""

    text: str
    score: float
    box: tuple[int, int, int, int]
    corners: Corners
    pixels: Pixels  # straightened


class FrameReader:
    """Reads consecutive frames. Unchanged lines are not read again."""

    def __init__(self, detector: TextDetector, recognizer: TextRecognizer) -> None:
        self._detector = detector
        self._recognizer = recognizer
        self._grid: CellGrid | None = None
        self._lines: list[Line] = []

    def read(self, image: Image.Image) -> list[Line]:
        """Return the lines of text in a frame."""
        if min(image.size) < _MIN_SIDE_PX:
            return []
        grid = CellGrid(image, self._grid)
        unchanged = [line for line in self._lines if grid.is_unchanged(Region(*line.box))]
        new = self._read_changed(image, grid)
        self._lines = [*(line for line in unchanged if not any(_is_same_place(line, other) for other in new)), *new]
        self._grid = grid
        return self._lines

    def _read_changed(self, image: Image.Image, grid: CellGrid) -> list[Line]:
        scale = _scale(image.size, _PAGE_SIDE_PX if grid.is_page() else _SIDE_PX)
        parts = grid.parts_to_search((ALIGN_PX / scale[0], ALIGN_PX / scale[1]))
        pixels = as_bgr(image)
        lines = []
        for corners in (corners for part in parts for corners in self._detector.detect(pixels, part, scale)):
            if not grid.is_unchanged(bounding_region(corners, image.size)):
                lines.append(self._known_line(pixels, corners) or self._read_line(pixels, corners))
        return [line for line in lines if line.text.strip()]

    def _known_line(self, pixels: Pixels, corners: Corners) -> Line | None:
        """Return a line of the frame before if the same text is still there, on another background."""
        for line in self._lines:
            near = np.abs(line.corners - corners).max() <= _MAX_SHIFT_RATIO * np.ptp(line.corners[:, 1])
            if near and has_same_strokes(line.pixels, straightened(pixels, line.corners)):
                return line
        return None

    def _read_line(self, pixels: Pixels, corners: Corners) -> Line:
        line = straightened(pixels, corners)
        height, width = pixels.shape[:2]
        return Line(*self._recognizer.read(line), bounding_region(corners, (width, height)).box, corners, line)


def _scale(size: tuple[int, int], side_px: int) -> tuple[float, float]:
    scale = min(1.0, side_px / max(size))
    return scale, scale * _STRETCH


def _is_same_place(line: Line, other: Line) -> bool:
    """True if the middle of a line is inside the other line."""
    return _has_middle_of(line.box, other.box) or _has_middle_of(other.box, line.box)


def _has_middle_of(box: Sequence[int], other: Sequence[int]) -> bool:
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


@cache
def _reader(threads: int) -> FrameReader:
    return FrameReader(TextDetector(threads=threads), TextRecognizer(threads=threads))


def _handle(request: dict[str, object], jpeg: bytes) -> tuple[dict[str, object], bytes]:
    reader = _reader(int(str(request["threads"])))
    if request.get("warm_up"):
        return {}, b""
    lines = [(line.text, line.score, line.box) for line in reader.read(_decode_jpeg(jpeg))]
    return {"lines": lines, "model": model_path("rec").stem}, b""


def _decode_jpeg(jpeg: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError("A stored frame is corrupt and cannot be decoded.") from error


if __name__ == "__main__":
    refuse_network("Text recognition")
    serve(_handle)
