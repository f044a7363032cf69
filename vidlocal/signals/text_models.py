"""Text detection and recognition with the models bundled in RapidOCR, run by onnxruntime.

The classes of RapidOCR take 0.7 s longer to load, four times as long to detect, and pad lines to 320 px.
"""

import math
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from vidlocal.errors import ToolError
from vidlocal.signals.text_regions import ALIGN_PX, Region

Pixels = npt.NDArray[np.uint8]
# Corners from the top left clockwise, 4 x 2 float32, in pixels.
Corners = npt.NDArray[np.float32]

# Thresholds of DB (Liao et al., "Real-time scene text detection with differentiable binarization", 2020): probability
# of text in a pixel, and its mean in a box. Lower than by default (0.3 and 0.5), because frames are detected at a small
# size: there legible text has at least 0.52 in a box, and half of what is no text less than 0.5.
_MIN_PIXEL_PROBABILITY = 0.2
_MIN_BOX_PROBABILITY = 0.4
# DB is trained on shrunk boxes; each side moves outwards by this, times area / perimeter. By default 1.5 to 2.0, for
# the tighter boxes of a higher threshold.
_UNCLIP_RATIO = 1.4
_MIN_BOX_SIDE_PX = 3
_MAX_BOXES = 1000

_LINE_HEIGHT_PX = 48
_LINE_WIDTH_UNIT_PX = 8
_MAX_LINE_WIDTH_PX = 3200
# Long lines, by width / height, are narrowed: of 3,800 words on pages 6 are then read otherwise, in 70 % of the time.
# Narrower ones, and shorter lines, lose more.
_LONG_RATIO = 20
_LONG_LINE_SCALE = 0.8
# Higher boxes are vertical text, and read turned by 90 degrees.
_MAX_UPRIGHT_RATIO = 1.5


class Reading(NamedTuple):
    """Recognized text of a line. `score` is the mean probability of its characters, 0 to 1; 0 without text."""

    text: str
    score: float


class TextDetector:
    """Finds lines of text (DB)."""

    def __init__(self, *, threads: int) -> None:
        self._session = _open_session("det", threads)
        self._input = self._session.get_inputs()[0].name

    def detect(self, pixels: Pixels, part: Region, scale: tuple[float, float]) -> list[Corners]:
        """Return the corners of the lines in a part of a frame, in pixels of the frame.

        `pixels` is H x W x 3 BGR; the part is resized by `scale` (x, y), to multiples of 32 px.
        """
        width, height = (
            max(1, round(side * factor / ALIGN_PX)) * ALIGN_PX
            for side, factor in zip((part.width, part.height), scale, strict=True)
        )
        cropped = pixels[part.top : part.bottom, part.left : part.right]
        small = np.asarray(cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        (probabilities,) = self._session.run(None, {self._input: _normalized(small)[None]})
        factors = np.array([part.width / width, part.height / height], np.float32)
        offset = np.array([part.left, part.top], np.float32)
        return [corners * factors + offset for corners in _boxes(probabilities[0, 0])]


class TextRecognizer:
    """Reads lines of text (CTC)."""

    def __init__(self, *, threads: int) -> None:
        self._session = _open_session("rec", threads)
        self._input = self._session.get_inputs()[0].name
        characters = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *characters, " "]  # the first class is the blank of CTC

    def read(self, line: Pixels) -> Reading:
        """Read a line, straightened."""
        (probabilities,) = self._session.run(None, {self._input: _normalized(line)[None]})
        classes = probabilities[0].argmax(axis=1)
        is_character = classes != 0
        is_character[1:] &= classes[1:] != classes[:-1]
        if not is_character.any():
            return Reading("", 0.0)
        scores = probabilities[0].max(axis=1)[is_character]
        return Reading("".join(self._characters[index] for index in classes[is_character]), float(scores.mean()))


def model_path(part: str) -> Path:
    """Return the path of the detection ("det") or recognition ("rec") model. Raises ToolError for a missing file."""
    package = util.find_spec("rapidocr")
    folders = [] if package is None else package.submodule_search_locations or []
    models = sorted(path for folder in folders for path in (Path(folder) / "models").glob(f"*_{part}_*.onnx"))
    if not models:
        raise ToolError("The text recognition models are missing. Run: pip install --force-reinstall rapidocr")
    return models[0]


def _open_session(part: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # keeps the memory of the largest frame
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning takes a third more time
    # The weights of the detector have denormal numbers: with them it takes four times as long, for equal boxes. For the
    # calling thread, the first session of a process decides.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(str(model_path(part)), options, providers=["CPUExecutionProvider"])


def _normalized(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Values from -1 to 1, channels first."""
    return np.ascontiguousarray((pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1))


def _boxes(probabilities: npt.NDArray[np.float32]) -> list[Corners]:
    """Return the corners of connected areas of text, grown to the size of the text."""
    mask = cv2.dilate((probabilities > _MIN_PIXEL_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours[:_MAX_BOXES]:
        center, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _MIN_BOX_SIDE_PX:
            continue
        if _mean_inside(probabilities, cv2.boxPoints((center, (width, height), angle))) < _MIN_BOX_PROBABILITY:
            continue
        growth = 2 * _UNCLIP_RATIO * width * height / (2 * (width + height))
        boxes.append(_ordered(cv2.boxPoints((center, (width + growth, height + growth), angle))))
    return boxes


def _mean_inside(values: npt.NDArray[np.float32], points: npt.NDArray[Any]) -> float:
    """Return the mean of the values within a polygon."""
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + 1
    part = values[top:bottom, left:right]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(points - (left, top)).astype(np.int32)], (1,))
    return float(cv2.mean(part, mask)[0])


def _ordered(points: npt.NDArray[Any]) -> Corners:
    """Order the corners of a rectangle clockwise from the top left."""
    by_x = points[np.argsort(points[:, 0])]
    (top_left, bottom_left), (top_right, bottom_right) = (side[np.argsort(side[:, 1])] for side in (by_x[:2], by_x[2:]))
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)


def straightened(pixels: Pixels, corners: Corners) -> Pixels:
    """Return the line between the corners as an upright image of 48 px height, at least as wide as high."""
    width, height = _distance(corners, 0, 1), _distance(corners, 1, 2)
    if height >= _MAX_UPRIGHT_RATIO * width:
        corners, width, height = np.roll(corners, -1, axis=0), height, width
    line_width = _line_width(width / max(height, 1.0))
    target = [(0, 0), (line_width, 0), (line_width, _LINE_HEIGHT_PX), (0, _LINE_HEIGHT_PX)]
    matrix = cv2.getPerspectiveTransform(corners, np.array(target, np.float32))
    line = cv2.warpPerspective(
        pixels, matrix, (line_width, _LINE_HEIGHT_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(line, np.uint8)


def _line_width(ratio: float) -> int:
    """Width in pixels of a straightened line of this width / height."""
    scale = _LONG_LINE_SCALE if ratio > _LONG_RATIO else 1.0
    width = math.ceil(_LINE_HEIGHT_PX * ratio * scale / _LINE_WIDTH_UNIT_PX) * _LINE_WIDTH_UNIT_PX
    return min(max(_LINE_HEIGHT_PX, width), _MAX_LINE_WIDTH_PX)


def _distance(corners: Corners, start: int, end: int) -> float:
    return float(np.linalg.norm(corners[end] - corners[start]))


def bounding_region(corners: Corners, size: tuple[int, int]) -> Region:
    """Return the smallest region around the corners, within a frame of `size`."""
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, size).astype(int).tolist()
    return Region(left, top, right, bottom)


def as_bgr(image: Image.Image) -> Pixels:
    """Return an RGB image in the channel order of the models."""
    return np.ascontiguousarray(np.asarray(image, np.uint8)[:, :, ::-1])
