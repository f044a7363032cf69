"""Text recognition in a child process: `python -m vidlocal.signals.screen_text_child`, started by `screen_text`.

A request is {"threads": n} with a JPEG as payload; the reply is {"lines": [[text, score, box], ...], "model": name},
box being left, top, right, bottom in pixels.
"""

import io
from functools import cache
from pathlib import Path

import numpy as np
import rapidocr
from PIL import Image

from vidlocal.errors import MediaError, ToolError
from vidlocal.process import refuse_network, serve

# A first detection at this size takes a fifteenth of the time: of 168 frames with text, half of them blurred and pale,
# it missed one (a soft subtitle), and it skips every second scene without text.
_GATE_SIDE_PX = 320
_GATE_BOX_SCORE = 0.3

# Second detection. Larger sizes find nothing more in frames of 896 px, sizes below 500 find less.
_SIDE_PX = 640
_BOX_SCORE = 0.5

# Smaller images have no legible text, and slivers make RapidOCR fail.
_MIN_SIDE_PX = 16


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
    engine = _recognizer(int(str(request["threads"])))
    image = _decode_jpeg(jpeg)
    lines = _recognize(engine, image) if _may_have_text(engine, image) else []
    return {"lines": lines, "model": _model_path("rec").stem}, b""


def _decode_jpeg(jpeg: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError("A stored frame is corrupt and cannot be decoded.") from error


def _may_have_text(engine: rapidocr.RapidOCR, image: Image.Image) -> bool:
    if min(image.size) < _MIN_SIDE_PX:
        return False
    small = image.copy()
    small.thumbnail((_GATE_SIDE_PX, _GATE_SIDE_PX), Image.Resampling.BOX)
    output = engine(_bgr(small), use_rec=False, box_thresh=_GATE_BOX_SCORE)
    return getattr(output, "boxes", None) is not None


def _recognize(engine: rapidocr.RapidOCR, image: Image.Image) -> list[list[object]]:
    output = engine(_bgr(image), use_rec=True, box_thresh=_BOX_SCORE)
    texts, scores, boxes = (getattr(output, part, None) for part in ("txts", "scores", "boxes"))
    if texts is None or scores is None or boxes is None:
        return []
    return [
        [text, float(score), [*box.min(axis=0).tolist(), *box.max(axis=0).tolist()]]
        for text, score, box in zip(texts, scores, boxes, strict=True)
    ]


def _bgr(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Pixels in the channel order of RapidOCR."""
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


if __name__ == "__main__":
    refuse_network("Text recognition")
    serve(_handle)
