"""The same faults for every kind of model server: a sentence each, and the next request works."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from threading import Event
from typing import Any, Protocol

import pytest

from tests.support.fake_ollama import Behaviour, Exchange, FakeOllama
from tests.support.fake_openai import LLAMA_CPP, LM_STUDIO, VLLM, Dialect, FakeOpenAi
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.openai.server import OpenAiServer
from vidlocal.engines.served.judge import ServedJudge
from vidlocal.engines.served.models import ServedEmbeddings, ServedText, ServedVision
from vidlocal.errors import EngineError, VidlocalError

SHORT = Timeouts(connect=1.0, first_byte=0.5, between_chunks=0.5, total=3.0, small=2.0)

Reply = tuple[int, bytes]


class Faulty(Protocol):
    """A server of ours, connected. `break_with` replaces the answers of models until `mend`."""

    server: ModelServer

    def break_with(self, fault: Callable[[], Reply]) -> None: ...

    def mend(self) -> None: ...

    def replace_models(self) -> None: ...


class FaultyOllama:
    def __init__(self, stack: ExitStack) -> None:
        self._fake = stack.enter_context(FakeOllama())
        self.server: ModelServer = stack.enter_context(Ollama(self._fake.host, timeouts=SHORT))

    def break_with(self, fault: Callable[[], Reply]) -> None:
        def choose(asked: Any) -> Behaviour | None:
            return _raw(fault) if asked.path in ("/api/chat", "/api/embed") else None

        self._fake.choose = choose

    def mend(self) -> None:
        self._fake.choose = lambda asked: None

    def replace_models(self) -> None:
        self._fake.models = {name: replace(model, digest="f" * 64) for name, model in self._fake.models.items()}


class FaultyOpenAi:
    def __init__(self, stack: ExitStack, dialect: Dialect) -> None:
        self._fake = stack.enter_context(FakeOpenAi(dialect))
        self.server: ModelServer = stack.enter_context(OpenAiServer(self._fake.host, timeouts=SHORT))

    def break_with(self, fault: Callable[[], Reply]) -> None:
        paths = ("/v1/chat/completions", "/v1/embeddings")
        self._fake.answer = lambda path, body: fault() if path in paths else None

    def mend(self) -> None:
        self._fake.answer = lambda path, body: None

    def replace_models(self) -> None:
        models = self._fake.inner.models
        self._fake.inner.models = {name: replace(model, size=model.size + 1) for name, model in models.items()}


def _raw(fault: Callable[[], Reply]) -> Behaviour:
    def reply(exchange: Exchange) -> None:
        status, body = fault()
        exchange.send_bytes(status, body, "application/json")

    return reply


KINDS: dict[str, Callable[[ExitStack], Faulty]] = {
    "Ollama": FaultyOllama,
    "llama.cpp": lambda stack: FaultyOpenAi(stack, LLAMA_CPP),
    "vLLM": lambda stack: FaultyOpenAi(stack, VLLM),
    "LM Studio": lambda stack: FaultyOpenAi(stack, LM_STUDIO),
}


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def faulty(request: pytest.FixtureRequest) -> Iterator[Faulty]:
    with ExitStack() as stack:
        yield request.param(stack)


@pytest.fixture
def silence() -> Iterator[Callable[[], Reply]]:
    """A reply later than the end of the test."""
    ended = Event()

    def wait() -> Reply:
        ended.wait(20)
        return 200, b""

    yield wait
    ended.set()


def work(faulty: Faulty, jpeg: bytes) -> dict[str, Callable[[], object]]:
    """The work of a server, by name."""
    server = faulty.server
    vision = ServedVision(server, server.preflight("llava:7b", "vision"))
    text = ServedText(server, server.preflight("phi3.5:latest", "completion"))
    judge = ServedJudge(server, server.preflight("phi3.5:latest", "completion"), num_ctx=4096, keep_alive="1m")
    embeddings = ServedEmbeddings(server, server.preflight("embeddinggemma:latest", "embedding"))
    return {
        "describe": lambda: vision.describe(jpeg, plain=True),
        "watch": lambda: vision.describe_sequence([jpeg, jpeg], "What happens?", plain=True),
        "text": lambda: text.complete("", "Say hello"),
        "judge": lambda: judge.probability("a cake", 'seen "A cake is cut."'),
        "embed": lambda: embeddings.embed(["a bride"]),
    }


FAULTS: dict[str, Reply] = {
    "a web page": (200, b"<!doctype html><title>Welcome</title>"),
    "nothing": (200, b""),
    "a list": (200, b"[]"),
    "half an object": (200, b'{"choices": [{"delta": {"content": "red'),
    "deep nesting": (200, b"[" * 100_000),
    "another protocol": (200, b'{"result": "ok"}'),
    "an error object": (200, b'{"error": {"message": "out of memory", "code": 500}}'),
    "an error as text": (200, b'{"error": "out of memory"}'),
    "HTTP 500": (500, b'{"error": "out of memory"}'),
    "HTTP 404": (404, b"404 page not found"),
    "HTTP 503": (503, b"busy"),
    "a redirect": (302, b""),
    "a hosted model": (200, b'{"remote_host": "https://ollama.com", "message": {"content": "x"}, "done": true}'),
}


@pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
def test_a_fault_is_a_sentence_and_the_next_request_works(faulty: Faulty, red: bytes, fault: Reply) -> None:
    for name, ask in work(faulty, red).items():
        faulty.break_with(lambda: fault)
        with pytest.raises(EngineError) as caught:
            ask()
        assert_sentence(caught.value, name)
        faulty.mend()
        assert ask() is not None


@pytest.mark.parametrize("megabytes", [40, 70])
def test_megabytes_of_text_are_no_caption(faulty: Faulty, red: bytes, megabytes: int) -> None:
    text = "and then " * ((megabytes << 20) // 9)
    texts = {
        "chat": json.dumps({"message": {"role": "assistant", "content": text}, "done": True, "done_reason": "stop"}),
        "openai": json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}),
    }
    body = texts["openai" if faulty.server.kind == "openai" else "chat"].encode()
    faulty.break_with(lambda: (200, body))
    with pytest.raises(EngineError) as caught:
        work(faulty, red)["describe"]()
    assert_sentence(caught.value, "describe")


def test_a_silent_server_is_a_sentence(faulty: Faulty, red: bytes, silence: Callable[[], Reply]) -> None:
    for name, ask in work(faulty, red).items():
        faulty.break_with(silence)
        with pytest.raises(EngineError, match="is running") as caught:
            ask()
        assert_sentence(caught.value, name)
        faulty.mend()
        assert ask() is not None


def test_a_model_replaced_under_way_is_noticed(faulty: Faulty, red: bytes) -> None:
    tasks = work(faulty, red)
    vision = faulty.server.preflight("llava:7b", "vision")
    tasks["embed"]()
    faulty.replace_models()
    assert faulty.server.digest("llava:7b") != vision.digest
    with pytest.raises(EngineError, match="was replaced by another build during the run"):
        tasks["embed"]()


@pytest.mark.parametrize("rows", [[], [[]], [[1.0], [1.0]], [["x"]], [[0.0, 0.0]], "x", None, [[1e400]]])
def test_odd_vectors_are_a_sentence(faulty: Faulty, red: bytes, rows: object) -> None:
    listed = rows if isinstance(rows, list) else []
    body = {"embeddings": rows, "data": [{"index": n, "embedding": row} for n, row in enumerate(listed)]}
    faulty.break_with(lambda: (200, json.dumps(body).encode()))
    with pytest.raises(EngineError) as caught:
        work(faulty, red)["embed"]()
    assert_sentence(caught.value, "embed")


def assert_sentence(error: VidlocalError, task: str) -> None:
    text = str(error)
    assert text, task
    assert "\n" not in text, (task, text)
    assert len(text) < 400, (task, text)
    assert text.endswith((".", ")")) or "un: " in text, (task, text)
