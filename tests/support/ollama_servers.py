"""Ollama servers for tests of the protocol: two fakes, and the real server of VIDLOCAL_TEST_OLLAMA.

Its models: VIDLOCAL_TEST_OLLAMA_VISION, VIDLOCAL_TEST_OLLAMA_TEXT and VIDLOCAL_TEST_OLLAMA_EMBED, else those that
`vidlocal setup` offers. Needs version 0.30 or newer. The tests create one model there and delete it.
"""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.fake_ollama import EMBEDDING, TEXT, VISION, FakeOllama, Model

Json = dict[str, Any]

# Read on import: within a test, no variable of ours is set.
REAL_URL = os.environ.get("VIDLOCAL_TEST_OLLAMA", "").rstrip("/")
_REAL_MODELS = (
    os.environ.get("VIDLOCAL_TEST_OLLAMA_VISION", "llava:7b"),
    os.environ.get("VIDLOCAL_TEST_OLLAMA_TEXT", "phi3.5"),
    os.environ.get("VIDLOCAL_TEST_OLLAMA_EMBED", "embeddinggemma"),
)
_FAKE_MODELS = ("llava:7b", "phi3.5:latest", "all-minilm:latest")

# A model on a processor may take minutes to load.
TIMEOUT_S = 600.0
# The same options in every request, so that no model is loaded again.
OPTIONS: Json = {"num_ctx": 4096, "num_predict": 64, "temperature": 0, "seed": 7}


@dataclass(frozen=True)
class OllamaServer:
    """A server, its three models, and a plain HTTP client."""

    url: str
    vision: str
    text: str
    embedding: str
    client: httpx.Client

    def get(self, path: str) -> Json:
        response = self.client.get(path)
        response.raise_for_status()
        answer: Json = response.json()
        return answer

    def post(self, path: str, body: Json) -> httpx.Response:
        return self.client.post(path, json=body)

    def chat(self, model: str, prompt: str, images: Sequence[bytes] = (), **fields: object) -> httpx.Response:
        """Response of /api/chat to a message, not streamed by default. `options` are added to OPTIONS."""
        message: Json = {"role": "user", "content": prompt}
        if images:
            message["images"] = [base64.b64encode(image).decode() for image in images]
        options = OPTIONS | dict(fields.pop("options", {}))  # type: ignore[call-overload]
        body = {"model": model, "messages": [message], "stream": False, "options": options}
        return self.post("/api/chat", body | fields)

    def listed(self, model: str) -> Json:
        """Entry of a model in the list of models."""
        return _entry(self.get("/api/tags")["models"], model)

    def show(self, model: str) -> Json:
        response = self.post("/api/show", {"model": model})
        response.raise_for_status()
        answer: Json = response.json()
        return answer

    def running(self, model: str) -> Json | None:
        """Entry of a model in memory, None if not loaded."""
        models = self.get("/api/ps")["models"]
        return _entry(models, model) if any(_is(entry, model) for entry in models) else None


def error_of(response: httpx.Response) -> str:
    """Error text of a response."""
    error = response.json()["error"]
    assert isinstance(error, str)
    return error


def engine_error_of(response: httpx.Response) -> Json:
    """Error of the engine, as JSON inside the error text."""
    inner: Json = json.loads(error_of(response))["error"]
    return inner


def lines_of(response: httpx.Response) -> list[Json]:
    """Objects of a streamed answer, one per line."""
    return [json.loads(line) for line in response.text.splitlines()]


@contextmanager
def serving(kind: str) -> Iterator[OllamaServer]:
    """Server of a kind: "templated" or "native" (fakes with prompts rendered by Ollama or the engine) or "real"."""
    if kind == "real":
        with httpx.Client(base_url=REAL_URL, timeout=TIMEOUT_S, trust_env=False) as client:
            yield OllamaServer(REAL_URL, *_REAL_MODELS, client=client)
        return
    abilities = zip(_FAKE_MODELS, (VISION, TEXT, EMBEDDING), strict=True)
    models = [
        Model(name, able, templated=kind == "templated", takes_several=True, dimensions=384, context_length=context)
        for (name, able), context in zip(abilities, (32_768, 32_768, 512), strict=True)
    ]
    with FakeOllama(models, slots=3) as fake, httpx.Client(base_url=fake.host, trust_env=False) as client:
        yield OllamaServer(fake.host, *_FAKE_MODELS, client=client)


def _entry(models: list[Json], model: str) -> Json:
    return next(entry for entry in models if _is(entry, model))


def _is(entry: Json, model: str) -> bool:
    return str(entry["name"]).lower() == (model if ":" in model else f"{model}:latest").lower()
