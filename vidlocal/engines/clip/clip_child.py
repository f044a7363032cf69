"""Child process with the CLIP model, started by `clip` as `python -m`.

Requests: `load` with a part (`images` or `text`), once per part; `images` with the sizes of the files, which are
concatenated in the payload; `text`. The payload of a reply is rows of unit vectors, float32, little endian.

fastembed is imported for images only, because the import takes a second and a query should not wait. Queries use the
same files through the two libraries below fastembed, with the same result (compared by a test).
"""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.clip.clip_files import TEXT, VISION, WEIGHTS
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import refuse_network, serve

_PROVIDERS = ["CPUExecutionProvider"]
# Length of the texts CLIP was trained on.
_MAX_TOKENS = 77
_MIN_NORM = 1e-6

_parts: dict[str, Callable[[Any], Vectors]] = {}


def _load_images(folder: Path, threads: int) -> Callable[[Sequence[bytes]], Vectors]:
    from fastembed import ImageEmbedding

    vision_folder = folder / VISION
    model = ImageEmbedding(
        f"Qdrant/{VISION}",
        cache_dir=str(vision_folder),  # the default is a folder below /tmp
        specific_model_path=str(vision_folder),
        local_files_only=True,
        threads=threads,
        providers=_PROVIDERS,
    )

    def embed(files: Sequence[bytes]) -> Vectors:
        images = [_decode(file) for file in files]
        return np.stack(list(model.embed(images, batch_size=len(images))))

    return embed


def _decode(file: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(file)).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AnswerRejected("An image is damaged and cannot be read.") from error


def _test_image() -> list[bytes]:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 120, 40)).save(buffer, "JPEG")
    return [buffer.getvalue()]


def _load_text(folder: Path, threads: int) -> Callable[[str], Vectors]:
    import onnxruntime
    from tokenizers import Tokenizer

    text_folder = folder / TEXT
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # nearly halves the time per text
    session = onnxruntime.InferenceSession(str(text_folder / WEIGHTS), options, providers=_PROVIDERS)
    input_names = {node.name for node in session.get_inputs()}
    tokenizer = Tokenizer.from_file(str(text_folder / "tokenizer.json"))
    max_length = json.loads((text_folder / "tokenizer_config.json").read_text("utf-8")).get("model_max_length")
    is_valid = isinstance(max_length, int) and max_length > 0
    tokenizer.enable_truncation(min(max_length, _MAX_TOKENS) if is_valid else _MAX_TOKENS)
    tokenizer.no_padding()

    def embed(text: str) -> Vectors:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return np.asarray(session.run(None, {name: inputs[name] for name in input_names})[0], dtype=np.float32)

    return embed


_LOADERS: dict[str, Callable[[Path, int], Callable[[Any], Vectors]]] = {"images": _load_images, "text": _load_text}
_TEST_INPUTS: dict[str, Callable[[], object]] = {"images": _test_image, "text": lambda: "a plain picture"}


def _unit(rows: Vectors) -> Vectors:
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise AnswerRejected("CLIP returned an invalid vector.")
    norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _MIN_NORM)
    return np.ascontiguousarray(rows / norms, dtype="<f4")


def _split(payload: bytes, sizes: Sequence[int]) -> list[bytes]:
    ends = np.cumsum(sizes).tolist()
    return [payload[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _handle(request: dict[str, Any], payload: bytes) -> tuple[dict[str, object], bytes]:
    match request["do"]:
        case "load":
            part = str(request["part"])
            _parts[part] = _LOADERS[part](Path(request["folder"]), int(request["threads"]))
            _unit(_parts[part](_TEST_INPUTS[part]()))
            return {}, b""
        case "images":
            return {}, _unit(_parts["images"](_split(payload, request["sizes"]))).tobytes()
        case "text":
            return {}, _unit(_parts["text"](str(request["text"]))).tobytes()
    raise EngineError(f"CLIP: unknown request {request['do']!r}.")


if __name__ == "__main__":
    refuse_network("CLIP")
    serve(_handle)
