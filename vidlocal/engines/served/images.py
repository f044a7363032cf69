"""Multimodal embeddings of a server: a common space for images and texts, in place of CLIP.

Two forms of images are known, and none is documented as stable: `{"image": BASE64}` items in `input` of `/api/embed`
(Ollama from 0.40.1 on), and `multimodal_data` of `/embeddings` (llama.cpp). `probe` tries both with two plain images.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import ModelInfo
from vidlocal.engines.jpeg import noisy_colour
from vidlocal.engines.prompts import vision_prompts
from vidlocal.engines.served.json_client import JsonClient
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable

_SIDE_PX = 224
_PROBE_COLOURS = ((220, 20, 20), (20, 40, 220))
_PROBE_TEXT = "a plain red picture"
# Servers return unit vectors; of half precision within this.
_NORM_TOLERANCE = 0.02
# Two plain colours are nearer to each other than this only if the model did not look.
_MAX_COSINE = 0.999
# Default of llama.cpp where /props names no other.
_DEFAULT_MARKER = "<__media__>"

_EmbedImages = Callable[[JsonClient, str, Sequence[str]], Any]


class ServedImages:
    """A ClipEngine on a server of kind ollama or openai. Raises the errors of all engines.

    `model` comes from `ModelServer.preflight(..., "embedding")`. Before images are embedded, `probe` must succeed.
    """

    def __init__(self, client: JsonClient, model: ModelInfo, *, kind: str, keep_alive: str = "30m") -> None:
        self._client = client
        self._model = model
        self._kind = kind
        self._keep_alive = keep_alive
        self._form: _EmbedImages | None = None

    @property
    def key(self) -> str:
        return self._model.key

    def close(self) -> None:
        """Close the connection. Unloading is up to the server."""
        self._client.close()

    def probe(self) -> None:
        """Find the form of images for this server. Raises EngineError without any."""
        dimensions = self.embed_text(_PROBE_TEXT).size
        encoded = [_encode(noisy_colour(colour, side_px=_SIDE_PX)) for colour in _PROBE_COLOURS]
        reasons = []
        for form in sorted(_FORMS, key=lambda form: _FORMS[form] != self._kind):
            try:
                vectors = _matrix(form(self._client, self._model.name, encoded), self._model.name, len(encoded))
            except (EngineUnreachable, EngineBusy):
                raise
            except EngineError as error:
                reasons.append(str(error))
                continue
            reason = _reason_against(vectors, dimensions)
            if reason is None:
                self._form = form
                return
            reasons.append(reason)
        raise EngineError(f"{self._model.name} on {self._client.origin} embeds no images ({reasons[0]}).")

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        """Embed images (JPEG bytes): one unit row each, float32, n x d. An invalid image fails the whole batch."""
        if self._form is None:
            self.probe()
        assert self._form is not None
        raw = self._form(self._client, self._model.name, [_encode(jpeg) for jpeg in jpegs])
        return _unit(_matrix(raw, self._model.name, len(jpegs)), self._model.name)

    def embed_text(self, text: str) -> Vectors:
        """Embed a query in the space of the images: a unit vector of d float32."""
        query = vision_prompts.embed_prefixes(self._model.name).query + text
        if self._kind == "ollama":
            body = {"model": self._model.name, "input": [query], "keep_alive": self._keep_alive}
            raw = self._post("/api/embed", body, "embeddings")
        else:
            data = self._post("/v1/embeddings", {"model": self._model.name, "input": [query]}, "data")
            raw = [entry.get("embedding") if isinstance(entry, dict) else None for entry in data]
        vector: Vectors = _unit(_matrix(raw, self._model.name, 1), self._model.name)[0]
        return vector

    def _post(self, path: str, body: dict[str, Any], field: str) -> list[Any]:
        reply = self._client.request("POST", path, body, model=self._model.name)
        rows = reply.get(field) if isinstance(reply, dict) else None
        if not isinstance(rows, list):
            raise AnswerRejected(f"{self._model.name}: no vectors in the response of {self._client.origin}.")
        return rows


def _ollama_images(client: JsonClient, model: str, images: Sequence[str]) -> Any:
    reply = client.request(
        "POST", "/api/embed", {"model": model, "input": [{"image": image} for image in images]}, model=model
    )
    return reply.get("embeddings") if isinstance(reply, dict) else None


def _llama_cpp_images(client: JsonClient, model: str, images: Sequence[str]) -> Any:
    props = client.request("GET", "/props", model=model)
    marker = props.get("media_marker") if isinstance(props, dict) else None
    content = [{"prompt_string": marker or _DEFAULT_MARKER, "multimodal_data": [image]} for image in images]
    reply = client.request("POST", "/embeddings", {"model": model, "content": content}, model=model)
    rows = [entry.get("embedding") if isinstance(entry, dict) else None for entry in reply or ()]
    # A vector per image comes in a list of its own, the vectors of tokens in a longer one.
    return [row[0] if isinstance(row, list) and len(row) == 1 and isinstance(row[0], list) else row for row in rows]


# Forms with the kind of server that is known to take them.
_FORMS: dict[_EmbedImages, str] = {_ollama_images: "ollama", _llama_cpp_images: "openai"}


def _reason_against(vectors: Vectors, dimensions: int) -> str | None:
    """Return the reason to reject the vectors of two plain images, or None."""
    if vectors.shape[1] != dimensions:
        return f"images have {vectors.shape[1]} dimensions, texts {dimensions}"
    norms = np.linalg.norm(vectors, axis=1)
    if np.abs(norms - 1).max() > _NORM_TOLERANCE:
        return "its vectors are no unit vectors"
    if float(vectors[0] @ vectors[1]) > _MAX_COSINE:
        return "two different images have the same vector"
    return None


def _matrix(raw: object, model: str, rows: int) -> Vectors:
    try:
        vectors = np.asarray(raw, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise AnswerRejected(f"{model}: invalid vectors of the server.") from error
    if vectors.ndim != 2 or len(vectors) != rows or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise AnswerRejected(f"{model}: vectors of shape {vectors.shape} for {rows} inputs.")
    return vectors


def _unit(vectors: Vectors, model: str) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(norms > 0):
        raise AnswerRejected(f"{model}: invalid vector (zero).")
    return np.ascontiguousarray(vectors / norms, dtype=np.float32)


def _encode(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode()
