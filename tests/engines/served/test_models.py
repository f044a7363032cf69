"""Requests to models, and their parsed answers."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.fake_ollama import FakeOllama, caption
from tests.support.images import plain_colour
from vidlocal.engines.base import PromptTooLong
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.prompts import vision_prompts
from vidlocal.engines.served.models import MAX_TEXT_CHARACTERS, ServedEmbeddings, ServedText, ServedVision, truncate


def test_a_described_frame_has_every_field(vision: ServedVision, red: bytes) -> None:
    answer = vision.describe(red)
    assert answer.description == caption(red)
    assert answer.tags == ("red", "light")
    assert (answer.people_count, answer.excitement, answer.visible_text) == (1, 0.4, "")
    assert vision.provenance().prompt_version == vision_prompts.PROMPT_VERSION
    assert vision.provenance().digest == vision.digest


def test_plain_mode_fills_the_description_only(vision: ServedVision, server: FakeOllama, red: bytes) -> None:
    answer = vision.describe(red, plain=True)
    assert answer.description == caption(red)
    assert answer.tags == ()
    assert "format" not in server.asked("/api/chat")[0].body
    assert vision.provenance(plain=True).prompt_version == vision_prompts.PLAIN_PROMPT_VERSION


def test_every_request_carries_the_same_options(vision: ServedVision, server: FakeOllama, red: bytes) -> None:
    vision.describe(red)
    vision.describe(red, plain=True)
    vision.ask_image(red, "What colour is this? One word.")
    bodies = [asked.body for asked in server.asked("/api/chat")]
    assert all(body["options"] == dict(vision_prompts.VISION_PARAMETERS) for body in bodies)
    assert all(body["stream"] is True and body["think"] is False and body["keep_alive"] == "30m" for body in bodies)
    assert {asked.picture for asked in server.asked("/api/chat")} == {red}
    assert server.loads["llava:7b"] == 1


def test_the_tokens_of_all_answers_are_counted(vision: ServedVision, red: bytes) -> None:
    vision.describe(red, plain=True)
    first = vision.usage
    vision.describe(red, plain=True)
    assert first.tokens > 3
    assert first.seconds == 0.005
    assert vision.usage - first == first


def test_embedding_on_the_cpu_keeps_the_vision_model_loaded(
    vision: ServedVision, embeddings: ServedEmbeddings, server: FakeOllama, red: bytes
) -> None:
    for _ in range(3):
        vision.describe(red)
        embeddings.embed(["a bride", "a dog"])
    assert server.loads == {"llava:7b": 1, "embeddinggemma:latest": 1}
    assert server.asked("/api/embed")[0].body["options"]["num_gpu"] == 0


def test_embedding_on_the_gpu_is_an_option(ollama: Ollama, server: FakeOllama) -> None:
    ServedEmbeddings(ollama, ollama.preflight("all-minilm", "embedding"), on_gpu=True).embed(["a"])
    assert "num_gpu" not in server.asked("/api/embed")[0].body["options"]


def test_vectors_are_unit_rows_in_order(embeddings: ServedEmbeddings, server: FakeOllama) -> None:
    server.vectors = {"first": [3.0, 4.0], "second": [0.0, 2.0]}
    vectors = embeddings.embed(["first", "second"])
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, [[0.6, 0.8], [0.0, 1.0]])
    assert embeddings.embed([]).shape[0] == 0


def test_documents_carry_the_prefix_of_the_model(embeddings: ServedEmbeddings, server: FakeOllama) -> None:
    embeddings.embed(["a bride"])
    assert server.asked("/api/embed")[0].body["input"] == ["title: none | text: a bride"]


@pytest.mark.parametrize("text", ["word " * 5_000, "x" * 10_000, "結婚式" * 2_000])
def test_long_texts_are_truncated_between_words(text: str) -> None:
    truncated = truncate(text)
    assert MAX_TEXT_CHARACTERS - 100 <= len(truncated) <= MAX_TEXT_CHARACTERS
    assert text.startswith(truncated)
    assert not truncated.endswith("wor")


def test_any_text_can_be_embedded(embeddings: ServedEmbeddings) -> None:
    assert embeddings.embed(["\x00", "🎉", "\u202e", "-", "title: none | text: "]).shape == (5, 256)


def test_different_images_have_different_captions(vision: ServedVision) -> None:
    images = [plain_colour(rgb, side_px=64) for rgb in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    assert len({vision.describe(jpeg).description for jpeg in images}) == 3


def test_a_prompt_that_the_server_cut_is_too_long(server: FakeOllama) -> None:
    server.models["phi3.5:latest"] = replace(server.models["phi3.5:latest"], context_length=200)
    with Ollama(server.host) as ollama:
        writer = ServedText(ollama, ollama.preflight("phi3.5", "completion"))
        assert writer.complete_json("A few words.", {"type": "object"})
        with pytest.raises(PromptTooLong, match="the prompt was cut"):
            writer.complete_json("Some interminable conversation happened yesterday. " * 100, {"type": "object"})
