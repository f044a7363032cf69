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

# First a look for anything like text at this size, at a fifteenth of the usual price: of 168 pictures with text, half
# of them blurred and pale, it missed one (a soft subtitle), and it spared every second plain scene the rest.
_GATE_SIDE_PX = 320
_GATE_BOX_SCORE = 0.3

# Then the real search for lines. Above this size nothing more is found in pictures of 896 px, below 500 less is.
_SIDE_PX = 640
_BOX_SCORE = 0.5

# Nothing legible fits in, and the recogniser stumbles over slivers.
_MIN_SIDE_PX = 16


@cache
def _engine(threads: int) -> rapidocr.RapidOCR:
    """The recogniser with the models of its own package: given by path, it never looks for others."""
    model = {part: str(_model_path(part)) for part in ("det", "rec")}
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,  # text that stands on its head is not worth a third model
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": model["det"],
            "Det.limit_type": "max",
            "Det.limit_side_len": _SIDE_PX,
            "Rec.model_path": model["rec"],
            "Rec.rec_batch_num": 1,  # lines of different length in one batch are all padded to the longest
        }
    )


def _model_path(part: str) -> Path:
    found = sorted((Path(rapidocr.__file__).parent / "models").glob(f"*_{part}_*.onnx"))
    if not found:
        raise ToolError("The text recognition models are missing. Install rapidocr again: pip install -U rapidocr")
    return found[0]


def _answer(request: dict[str, object], jpeg: bytes) -> tuple[dict[str, object], bytes]:
    engine = _engine(int(str(request["threads"])))
    picture = _decoded(jpeg)
    lines = _read(engine, picture) if _may_hold_text(engine, picture) else []
    return {"lines": lines, "model": _model_path("rec").stem}, b""


def _decoded(jpeg: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError("A stored picture is damaged and cannot be read.") from error


def _may_hold_text(engine: rapidocr.RapidOCR, picture: Image.Image) -> bool:
    if min(picture.size) < _MIN_SIDE_PX:
        return False
    small = picture.copy()
    small.thumbnail((_GATE_SIDE_PX, _GATE_SIDE_PX), Image.Resampling.BOX)
    found = engine(_bgr(small), use_rec=False, box_thresh=_GATE_BOX_SCORE)
    return getattr(found, "boxes", None) is not None


def _read(engine: rapidocr.RapidOCR, picture: Image.Image) -> list[list[object]]:
    found = engine(_bgr(picture), use_rec=True, box_thresh=_BOX_SCORE)
    texts, scores, boxes = (getattr(found, part, None) for part in ("txts", "scores", "boxes"))
    if texts is None or scores is None or boxes is None:
        return []
    return [
        [text, float(score), [*box.min(axis=0).tolist(), *box.max(axis=0).tolist()]]
        for text, score, box in zip(texts, scores, boxes, strict=True)
    ]


def _bgr(picture: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """What the recogniser takes arrays for."""
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


if __name__ == "__main__":
    refuse_network("Text recognition")
    serve(_answer)
