"""Text recognition in a child process: `python -m vidlocal.signals.screen_text_child`, started by `screen_text`.

A request is {"threads": n} with a JPEG as payload; the reply is {"lines": [[text, score, box], ...], "model": name},
box being left, top, right, bottom in pixels. With "warm_up" it only loads the models.

A frame passes three stages. Edges and changes since the frame before (5 ms) give the part that may have new text,
detection at a small size (0.07 s for a whole frame) its regions, detection at full size and recognition the lines.
`benchmarks/screen_text.py` measures the text found and the time.
"""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rapidocr
from PIL import Image

from vidlocal.errors import MediaError, ToolError
from vidlocal.process import refuse_network, serve
from vidlocal.signals.text_regions import ALIGN_PX, CellGrid, Region, TextRegion, regions_around

# Longer side of a frame in the first detection. At 256 px it misses every third pale text, at 320 one in a hundred.
_GATE_SIDE_PX = 320
_GATE_BOX_SCORE = 0.3

# Second detection. Larger sizes find nothing more in frames of 896 px, sizes below 500 find less.
_SIDE_PX = 640
_BOX_SCORE = 0.5
# Regions of more than this share of a frame are read as one frame.
_MAX_REGIONS_SHARE = 0.5
# Large text is read at a smaller size, but not smaller than that of the second detection in frames of 896 px: a high
# region may also be several small lines.
_TEXT_HEIGHT_PX = 56
_MIN_SCALE = 0.72
# A line that ends so near to the edge of a region may go on beyond.
_EDGE_PX = 4

# Smaller images have no legible text, and slivers make RapidOCR fail.
_MIN_SIDE_PX = 16


class Line(NamedTuple):
    """A line of text. The box is left, top, right, bottom in pixels of the frame."""

    text: str
    score: float
    box: tuple[float, float, float, float]


@cache
def _recognizer(threads: int) -> rapidocr.RapidOCR:
    """RapidOCR with the bundled models. With explicit paths, RapidOCR never downloads models."""
    model = {part: str(_model_path(part)) for part in ("det", "rec")}
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,  # upside-down text is too rare for a third model
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": model["det"],
            "Det.limit_type": "max",
            "Det.limit_side_len": _SIDE_PX,
            "Rec.model_path": model["rec"],
            "Rec.rec_batch_num": 1,  # larger batches pad all lines to the longest
        }
    )


def _model_path(part: str) -> Path:
    models = sorted((Path(rapidocr.__file__).parent / "models").glob(f"*_{part}_*.onnx"))
    if not models:
        raise ToolError("The text recognition models are missing. Run: pip install --force-reinstall rapidocr")
    return models[0]


def _handle(request: dict[str, object], jpeg: bytes) -> tuple[dict[str, object], bytes]:
    reader = _reader(int(str(request["threads"])))
    if request.get("warm_up"):
        reader.warm_up()
        return {}, b""
    lines = reader.read(_decode_jpeg(jpeg))
    return {"lines": lines, "model": _model_path("rec").stem}, b""


@cache
def _reader(threads: int) -> "FrameReader":
    return FrameReader(_recognizer(threads))


class FrameReader:
    """Reads frames one after the other. Regions that did not change since the frame before keep their lines."""

    def __init__(self, engine: rapidocr.RapidOCR) -> None:
        self._engine = engine
        self._grid: CellGrid | None = None
        self._lines: list[Line] = []

    def warm_up(self) -> None:
        """Load the models."""
        _recognize(self._engine, Image.new("RGB", (64, 32)))

    def read(self, image: Image.Image) -> list[Line]:
        """Return the lines of text in a frame."""
        if min(image.size) < _MIN_SIDE_PX:
            return []
        grid = CellGrid(image, self._grid)
        kept = [line for line in self._lines if grid.is_unchanged(_region_of(line))]
        part = grid.part_to_search()
        regions = _detect(self._engine, image, part) if part is not None else []
        changed = [text for text in regions if not grid.is_unchanged(text.region)]
        self._lines = self._read_regions(image, changed, kept)
        self._grid = grid
        return self._lines

    def _read_regions(self, image: Image.Image, regions: Sequence[TextRegion], kept: Sequence[Line]) -> list[Line]:
        area = sum(text.region.area * _scale(text) ** 2 for text in regions)
        if area > _MAX_REGIONS_SHARE * image.width * image.height:
            return _recognize(self._engine, image)
        new = [line for text in regions for line in _recognize_region(self._engine, image, text)]
        read = [_region_of(line) for line in new]
        return [*(line for line in kept if not any(_region_of(line).overlaps(region) for region in read)), *new]


def _region_of(line: Line) -> Region:
    left, top, right, bottom = map(round, line.box)
    return Region(left, top, right, bottom)


def _decode_jpeg(jpeg: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError("A stored frame is corrupt and cannot be decoded.") from error


def _detect(engine: rapidocr.RapidOCR, image: Image.Image, part: Region) -> list[TextRegion]:
    """Return the regions of a part of the frame that may have text."""
    scale = min(1.0, _GATE_SIDE_PX / max(image.size))
    part = part.aligned(ALIGN_PX / scale, image.size)
    size = (max(1, round(part.width * scale)), max(1, round(part.height * scale)))
    small = image.resize(size, Image.Resampling.BOX, box=part.box)
    output = engine(_bgr(small), use_rec=False, box_thresh=_GATE_BOX_SCORE)
    boxes = getattr(output, "boxes", None)
    return [] if boxes is None else regions_around([_rectangle(box, part, scale) for box in boxes], image.size)


def _rectangle(box: np.ndarray[tuple[int, ...], np.dtype[np.int32]], part: Region, scale: float) -> Region:
    left, top = (box.min(axis=0) / scale).tolist()
    right, bottom = (box.max(axis=0) / scale).tolist()
    return Region(round(left) + part.left, round(top) + part.top, round(right) + part.left, round(bottom) + part.top)


def _recognize_region(engine: rapidocr.RapidOCR, image: Image.Image, text: TextRegion) -> list[Line]:
    """Read a region, or the whole width if a line may go on beyond its edges."""
    region, scale = text.region, _scale(text)
    lines = _recognize_part(engine, image, region, scale)
    if any(_goes_on(line, region, image.width) for line in lines):
        region = Region(0, region.top, image.width, region.bottom)
        lines = _recognize_part(engine, image, region, scale)
    return lines


def _scale(text: TextRegion) -> float:
    return min(1.0, max(_MIN_SCALE, _TEXT_HEIGHT_PX / max(1, text.text_height_px)))


def _recognize_part(engine: rapidocr.RapidOCR, image: Image.Image, region: Region, scale: float) -> list[Line]:
    """Read a region at a scale. The boxes are in pixels of the frame."""
    part = image.crop(region.box)
    if scale < 1.0:
        part = part.resize((max(1, round(region.width * scale)), max(1, round(region.height * scale))))
    return [_in_frame(line, region, scale) for line in _recognize(engine, part)]


def _in_frame(line: Line, region: Region, scale: float) -> Line:
    left, top, right, bottom = (side / scale for side in line.box)
    return line._replace(box=(left + region.left, top + region.top, right + region.left, bottom + region.top))


def _goes_on(line: Line, region: Region, width: int) -> bool:
    left, _, right, _ = line.box
    goes_on_left = region.left > 0 and left < region.left + _EDGE_PX
    return goes_on_left or (region.right < width and right > region.right - _EDGE_PX)


def _recognize(engine: rapidocr.RapidOCR, image: Image.Image) -> list[Line]:
    output = engine(_bgr(image), use_rec=True, box_thresh=_BOX_SCORE)
    texts, scores, boxes = (getattr(output, part, None) for part in ("txts", "scores", "boxes"))
    if texts is None or scores is None or boxes is None:
        return []
    return [
        Line(str(text), float(score), (*box.min(axis=0).tolist(), *box.max(axis=0).tolist()))
        for text, score, box in zip(texts, scores, boxes, strict=True)
    ]


def _bgr(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Pixels in the channel order of RapidOCR."""
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


if __name__ == "__main__":
    refuse_network("Text recognition")
    serve(_handle)
