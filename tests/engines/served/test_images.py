"""Multimodal embeddings of servers, in both forms of images."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.fake_ollama import Behaviour, Exchange, FakeOllama
from tests.support.fake_openai import LLAMA_CPP, VLLM, FakeOpenAi
from tests.support.images import plain_colour
from vidlocal.engines.base import ModelInfo
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.openai.server import OpenAiServer
from vidlocal.engines.served.images import ServedImages
from vidlocal.engines.served.json_client import JsonClient
from vidlocal.errors import EngineError, EngineUnreachable

MODEL = "embeddinggemma-2:440m"
RED, BLUE = plain_colour((220, 30, 30), side_px=64), plain_colour((30, 60, 220), side_px=64)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama([MODEL, "embeddinggemma:latest"]) as running:
        yield running


def on_ollama(server: FakeOllama, name: str = MODEL) -> ServedImages:
    with Ollama(server.host) as ollama:
        model = ollama.preflight(name, "embedding")
    return ServedImages(JsonClient(server.host), model, kind="ollama")


def check(engine: ServedImages) -> None:
    vectors = engine.embed_images([RED, BLUE])
    query = engine.embed_text("red")
    assert vectors.dtype == query.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ query > 0.8 > vectors[1] @ query
    assert engine.key.startswith(f"{MODEL}@")


def test_images_and_texts_are_in_one_space_on_ollama(server: FakeOllama) -> None:
    check(on_ollama(server))
    bodies = [asked.body["input"] for asked in server.asked("/api/embed")]
    assert bodies[-2] == [{"image": base64.b64encode(jpeg).decode()} for jpeg in (RED, BLUE)]
    assert bodies[-1] == ["task: search result | query: red"]
    assert all("options" not in asked.body for asked in server.asked("/api/embed"))


def test_images_and_texts_are_in_one_space_on_llama_cpp() -> None:
    with FakeOpenAi(LLAMA_CPP, model=MODEL) as fake:
        with OpenAiServer(fake.host) as server:
            model = server.preflight(MODEL, "embedding")
        with JsonClient(fake.host) as client:
            check(ServedImages(client, model, kind="openai"))


def test_a_model_for_texts_has_no_image_vectors(server: FakeOllama) -> None:
    with pytest.raises(EngineError, match=r"embeddinggemma:latest on .* embeds no images \(.*invalid input type"):
        on_ollama(server, "embeddinggemma").probe()


def test_a_server_without_either_form_has_none() -> None:
    with (
        FakeOpenAi(VLLM, model=MODEL) as fake,
        JsonClient(fake.host) as client,
        pytest.raises(EngineError, match="embeds no images"),
    ):
        ServedImages(client, ModelInfo(MODEL, "0" * 64, None, 1), kind="openai").probe()


def vectors(*rows: list[float]) -> Behaviour:
    def reply(exchange: Exchange) -> None:
        exchange.send_json({"embeddings": rows})

    return reply


def one_hot(at: int, length: int = 256, value: float = 1.0) -> list[float]:
    return [value if position == at else 0.0 for position in range(length)]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([one_hot(0), one_hot(0)], "the same vector"),
        ([one_hot(0, 128), one_hot(1, 128)], "images have 128 dimensions, texts 256"),
        ([one_hot(0, value=3.0), one_hot(1, value=3.0)], "no unit vectors"),
        ([one_hot(0)], "vectors of shape"),
        ([], "vectors of shape"),
    ],
)
def test_vectors_that_tell_nothing_are_refused(server: FakeOllama, rows: list[list[float]], reason: str) -> None:
    engine = on_ollama(server)

    def choose(asked: Any) -> Behaviour | None:
        return vectors(*rows) if asked.path == "/api/embed" and "image" in json.dumps(asked.body) else None

    server.choose = choose
    with pytest.raises(EngineError, match=f"embeds no images .*{reason}"):
        engine.probe()


def test_a_server_that_is_gone_is_no_reason_against_it(server: FakeOllama) -> None:
    engine = on_ollama(server)
    server.down()
    with pytest.raises(EngineUnreachable):
        engine.probe()
