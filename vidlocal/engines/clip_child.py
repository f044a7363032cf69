"""The child process that holds the model of pictures: `python -m`, started by `picture_vectors`.

Requests: `load` with the part (`pictures` or `text`) once, then `pictures` with their files one behind the other as
payload and their sizes, or `text`. The reply's payload is rows of unit vectors, float32, little endian.

fastembed is imported for pictures only. A query must not wait the second that takes: its words go through the same
files by way of the two libraries beneath fastembed, with the same result (a test compares them).
"""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vidlocal.engines.clip_files import TEXT, VISION, WEIGHTS
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import refuse_network, serve

Rows = npt.NDArray[np.float32]

_PROVIDERS = ["CPUExecutionProvider"]
# CLIP was trained on texts of so many tokens.
_MOST_TOKENS = 77
_SHORTEST = 1e-6

_parts: dict[str, Callable[[Any], Rows]] = {}


def _load_pictures(folder: Path, threads: int) -> Callable[[Sequence[bytes]], Rows]:
    from fastembed import ImageEmbedding

    place = folder / VISION
    model = ImageEmbedding(
        f"Qdrant/{VISION}",
        cache_dir=str(place),  # else it makes a folder for downloads below /tmp
        specific_model_path=str(place),
        local_files_only=True,
        threads=threads,
        providers=_PROVIDERS,
    )

    def look(files: Sequence[bytes]) -> Rows:
        pictures = [_decoded(file) for file in files]
        return np.stack(list(model.embed(pictures, batch_size=len(pictures))))

    return look


def _decoded(file: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(file)).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AnswerRejected("A picture is damaged and cannot be read.") from error


def _plain_picture() -> list[bytes]:
    held = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 120, 40)).save(held, "JPEG")
    return [held.getvalue()]


def _load_text(folder: Path, threads: int) -> Callable[[str], Rows]:
    import onnxruntime
    from tokenizers import Tokenizer

    place = folder / TEXT
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # nearly halves the time for one text
    session = onnxruntime.InferenceSession(str(place / WEIGHTS), options, providers=_PROVIDERS)
    wanted = {node.name for node in session.get_inputs()}
    tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    said = json.loads((place / "tokenizer_config.json").read_text("utf-8")).get("model_max_length")
    tokenizer.enable_truncation(min(said, _MOST_TOKENS) if isinstance(said, int) and said > 0 else _MOST_TOKENS)
    tokenizer.no_padding()

    def read(text: str) -> Rows:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        fed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return np.asarray(session.run(None, {name: fed[name] for name in wanted})[0], dtype=np.float32)

    return read


_LOADERS: dict[str, Callable[[Path, int], Callable[[Any], Rows]]] = {"pictures": _load_pictures, "text": _load_text}
_PROOF: dict[str, Callable[[], object]] = {"pictures": _plain_picture, "text": lambda: "a plain picture"}


def _unit(rows: Rows) -> Rows:
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise AnswerRejected("The model that looks at pictures answered with what is no vector.")
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _SHORTEST)
    return np.ascontiguousarray(rows / lengths, dtype="<f4")


def _split(payload: bytes, sizes: Sequence[int]) -> list[bytes]:
    ends = np.cumsum(sizes).tolist()
    return [payload[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _handle(request: dict[str, Any], payload: bytes) -> tuple[dict[str, object], bytes]:
    match request["do"]:
        case "load":
            part = str(request["part"])
            _parts[part] = _LOADERS[part](Path(request["folder"]), int(request["threads"]))
            _unit(_parts[part](_PROOF[part]()))
            return {}, b""
        case "pictures":
            return {}, _unit(_parts["pictures"](_split(payload, request["sizes"]))).tobytes()
        case "text":
            return {}, _unit(_parts["text"](str(request["text"]))).tobytes()
    raise EngineError(f"The model that looks at pictures cannot do {request['do']!r}.")


if __name__ == "__main__":
    refuse_network("The model that looks at pictures")
    serve(_handle)
