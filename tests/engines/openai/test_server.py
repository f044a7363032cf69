"""Servers with the OpenAI API, in all dialects."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.fake_ollama import caption
from tests.support.fake_openai import DIALECTS, LLAMA_CPP, LM_STUDIO, LM_STUDIO_RAW, PLAIN, VLLM, Dialect, FakeOpenAi
from vidlocal.engines.base import AnswerTruncated, PromptTooLong, RunnerFailed, Usage
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.openai.server import OpenAiServer
from vidlocal.engines.served import canary
from vidlocal.engines.served.judge import ServedJudge
from vidlocal.engines.served.models import ServedEmbeddings, ServedText, ServedVision
from vidlocal.engines.served.query_vector import embed_query
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing

SHORT = Timeouts(connect=1.0, first_byte=2.0, between_chunks=1.0, total=4.0, small=2.0)
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
}


@pytest.fixture(params=list(DIALECTS.values()), ids=list(DIALECTS))
def fake(request: pytest.FixtureRequest) -> Iterator[FakeOpenAi]:
    with FakeOpenAi(request.param) as running:
        yield running


@pytest.fixture
def server(fake: FakeOpenAi) -> Iterator[OpenAiServer]:
    with OpenAiServer(fake.host, timeouts=SHORT) as connected:
        yield connected


def vision_of(server: OpenAiServer) -> ServedVision:
    return ServedVision(server, server.preflight("llava:7b", "vision"))


def test_a_frame_is_described_in_every_dialect(server: OpenAiServer, red: bytes) -> None:
    answer = vision_of(server).describe(red)
    assert answer.description == caption(red)
    assert answer.tags == ("red", "light")


def test_plain_answers_and_the_canary_work(server: OpenAiServer, red: bytes) -> None:
    vision = vision_of(server)
    assert vision.describe(red, plain=True).description == caption(red)
    assert canary.check_vision(vision).passed


def test_the_tokens_of_an_answer_are_counted_where_the_server_tells_them(
    server: OpenAiServer, fake: FakeOpenAi, red: bytes
) -> None:
    vision = vision_of(server)
    vision.describe(red, plain=True)
    tells = fake.dialect in (LLAMA_CPP, VLLM, PLAIN)
    assert (vision.usage.tokens > 3) == tells
    assert vision.usage.seconds == (0.005 if fake.dialect is LLAMA_CPP else 0)


@pytest.mark.parametrize("odd", [5, None, "x", {"predicted_n": "x", "predicted_ms": []}, {"completion_tokens": -1}])
def test_an_odd_token_count_is_ignored(odd: object) -> None:
    chunk = {"choices": [{"delta": {"content": "red"}, "finish_reason": "stop"}], "usage": odd, "timings": odd}
    counted: list[Usage] = []
    with FakeOpenAi() as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        fake.answer = lambda path, body: (200, json.dumps(chunk).encode()) if "chat" in path else None
        options = {"num_predict": 9}
        answer = server.chat(
            "llava:7b", system="", prompt="x", options=options, keep_alive="1m", on_usage=counted.append
        )
    assert (answer, counted) == ("red", [])


def test_the_url_of_a_picture_names_its_type(red: bytes) -> None:
    with FakeOpenAi() as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        images = [red, b"\x89PNG\r\n\x1a\n"]
        fake.answer = lambda path, body: (400, b"{}") if path == "/v1/chat/completions" else None
        with pytest.raises(EngineError):
            server.chat("llava:7b", system="", prompt="x", images=images, options={}, keep_alive="1m")
        parts = fake.asked("/v1/chat/completions")[0]["messages"][0]["content"]
        assert [part["image_url"]["url"].partition(";")[0] for part in parts[:2]] == [
            "data:image/jpeg",
            "data:image/png",
        ]


def test_provenance_names_kind_model_and_build(server: OpenAiServer) -> None:
    provenance = vision_of(server).provenance()
    assert (provenance.engine, provenance.model) == ("openai", "llava:7b")
    assert len(provenance.digest) == 64


def test_text_is_streamed(server: OpenAiServer) -> None:
    text = ServedText(server, server.preflight("phi3.5:latest", "completion"))
    pieces: list[str] = []
    answer = text.complete("Be brief.", "Say hello", on_token=pieces.append)
    assert answer
    assert "".join(pieces) == answer


def test_vectors_come_in_the_order_of_the_texts(server: OpenAiServer, fake: FakeOpenAi) -> None:
    fake.inner.vectors = {"first": [3.0, 4.0], "second": [0.0, 2.0]}
    embeddings = ServedEmbeddings(server, server.preflight("embeddinggemma:latest", "embedding"))
    assert np.allclose(embeddings.embed(["first", "second"]), [[0.6, 0.8], [0.0, 1.0]])


def test_a_query_has_the_key_of_its_passages(server: OpenAiServer, fake: FakeOpenAi) -> None:
    embeddings = ServedEmbeddings(server, server.preflight("embeddinggemma:latest", "embedding"))
    vector = embed_query(fake.host, "embeddinggemma:latest", "a bride", kind="openai")
    assert vector.key == embeddings.key
    assert np.isclose(np.linalg.norm(vector.values), 1.0)


def test_the_form_of_pictures_is_found_once(red: bytes) -> None:
    with FakeOpenAi(LM_STUDIO_RAW) as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        vision = vision_of(server)
        for _ in range(2):
            assert vision.describe(red, plain=True).description == caption(red)
        bodies = fake.asked("/v1/chat/completions")
    urls = [body["messages"][-1]["content"][0]["image_url"]["url"] for body in bodies]
    assert [url.startswith("data:image/jpeg") for url in urls] == [True, False, False]


def test_the_form_of_schemas_is_found_once(red: bytes) -> None:
    with FakeOpenAi(PLAIN) as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        vision = vision_of(server)
        vision.describe(red)
        first = len(fake.asked("/v1/chat/completions"))
        vision.describe(red)
        assert (first, len(fake.asked("/v1/chat/completions"))) == (3, 4)
        assert "Answer with a JSON object" in json.dumps(fake.asked("/v1/chat/completions")[-1])


def test_reasoning_is_no_part_of_the_answer() -> None:
    with FakeOpenAi(VLLM) as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        text = ServedText(server, server.preflight("phi3.5:latest", "completion"))
        assert "think" not in text.complete("", "Say hello")


def test_context_slots_and_vision_come_from_the_server() -> None:
    with FakeOpenAi(LLAMA_CPP, model="phi3.5:latest") as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        assert (server.context("any", 8192), server.context("any", 2048), server.slots()) == (4096, 2048, 2)
        assert server.preflight("any name", "completion").name == "phi3.5:latest"
        with pytest.raises(EngineError, match="does not support images"):
            server.preflight("any name", "vision")
    with FakeOpenAi(VLLM) as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        assert (server.context("llava:7b", 8192), server.slots()) == (3000, None)


def test_a_missing_model_is_reported_with_the_installed_models(server: OpenAiServer) -> None:
    with pytest.raises(ModelMissing, match=r"nope is not on the model server.*llava:7b"):
        server.preflight("nope", "vision")


def test_the_judge_reads_the_first_token_or_asks_for_json(server: OpenAiServer) -> None:
    judge = ServedJudge(server, server.preflight("phi3.5:latest", "completion"), num_ctx=2048, keep_alive="5m")
    assert 0.0 <= judge.probability("a dog", "A dog runs.") <= 1.0


def test_a_key_is_sent_and_never_shown(red: bytes) -> None:
    with FakeOpenAi(Dialect(key="sk-secret")) as fake:
        with OpenAiServer(fake.host, api_key="sk-secret", timeouts=SHORT) as server:
            assert vision_of(server).describe(red).description
        with OpenAiServer(fake.host, api_key="sk-wrong", timeouts=SHORT) as server:
            with pytest.raises(EngineError, match="access denied") as refused:
                server.models()
            assert "sk-" not in str(refused.value)
        with OpenAiServer(fake.host, timeouts=SHORT) as server, pytest.raises(EngineError, match="access denied"):
            server.models()


FAULTS: list[tuple[int, bytes, type[EngineError]]] = [
    (200, b'data: {"error": {"message": "boom", "code": 500}}\n\n', RunnerFailed),
    (200, b'{"error": "the model crashed"}', RunnerFailed),
    (200, b"data: {not json}\n\n", AnswerRejected),
    (200, b"<html>proxy</html>", AnswerRejected),
    (200, b"", AnswerRejected),
    (200, b'data: {"choices": [{"delta": {"content": "cut"}}]}\n\n', AnswerRejected),
    (200, b'data: {"choices": [{"delta": {"content": "cut"}, "finish_reason": "length"}]}\n\n', AnswerTruncated),
    (200, b'data: {"choices": 5}\n\n', AnswerRejected),
    (200, b"data: " + b"[" * 100_000 + b"\n\n", AnswerRejected),
    (500, b'{"error": {"message": "failed"}}', RunnerFailed),
    (502, b"<html>Bad gateway</html>", RunnerFailed),
    (503, b"", EngineBusy),
    (429, b"", EngineBusy),
    (404, b'{"error": {"message": "model not found"}}', ModelMissing),
    (301, b"", EngineError),
    (400, b'{"error": {"message": "the request exceeds the available context size", "n_ctx": 4096}}', PromptTooLong),
]


@pytest.mark.parametrize(("status", "content", "kind"), FAULTS, ids=[f"{s}-{c[:20]!r}" for s, c, _ in FAULTS])
def test_every_odd_answer_is_one_error(status: int, content: bytes, kind: type[EngineError]) -> None:
    with FakeOpenAi() as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        fake.answer = lambda path, body: (status, content) if path == "/v1/chat/completions" else None
        with pytest.raises(kind) as raised:
            server.chat("llava:7b", system="", prompt="x", options={"num_predict": 9}, keep_alive="1m")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"<html></html>", b"[]", b"{}", b'{"data": 5}', b"\xff", b"[" * 100_000])
def test_something_else_on_the_port_is_named(content: bytes) -> None:
    with FakeOpenAi() as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        fake.answer = lambda path, body: (200, content)
        with pytest.raises(EngineError, match="no OpenAI API"):
            server.version()


def test_no_server_and_another_machine_are_named() -> None:
    with OpenAiServer("http://127.0.0.1:9", timeouts=SHORT) as server, pytest.raises(EngineUnreachable):
        server.version()
    with pytest.raises(EngineError, match="another machine"):
        OpenAiServer("http://192.0.2.1:8080")


def test_a_schema_that_no_form_takes_is_answered_in_words() -> None:
    with FakeOpenAi(LM_STUDIO) as fake, OpenAiServer(fake.host, timeouts=SHORT) as server:
        text = ServedText(server, server.preflight("phi3.5:latest", "completion"))
        assert text.complete_json("summarise", SCHEMA)
        assert fake.asked("/v1/chat/completions")[-1]["response_format"]["json_schema"]["strict"] is True
