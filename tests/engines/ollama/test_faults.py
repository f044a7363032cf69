"""Attribution of failures: to the server, the model, or a single image."""

import gzip
import json

import pytest

from tests.support.fake_ollama import (
    GARBAGE,
    Behaviour,
    Exchange,
    FakeOllama,
    Model,
    break_off,
    broken,
    busy,
    delay,
    hang,
    redirect,
    refuse,
    say,
    stall,
    trickle,
)
from vidlocal.engines.base import ImageRejected, PromptTooLong, RunnerFailed, SchemaMismatch
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.served.models import ServedEmbeddings, ServedVision
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing

TOO_LONG = (
    '{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (4096 tokens), try '
    'increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}'
)
NESTED = '{"error":{"code":500,"message":"image input is not supported - hint: mmproj","type":"server_error"}}'


@pytest.mark.parametrize("plain", [False, True], ids=["schema", "plain"])
@pytest.mark.parametrize("reply", sorted(GARBAGE.keys() - {"error_line", "nested_error_line"}))
def test_a_malformed_reply_is_a_failed_attempt(
    server: FakeOllama, vision: ServedVision, red: bytes, reply: str, plain: bool
) -> None:
    server.script(GARBAGE[reply])
    with pytest.raises(AnswerRejected):
        vision.describe(red, plain=plain)
    assert vision.describe(red, plain=plain).description  # the next request works


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, I cannot see any image.",
        "I cannot view images. Please describe it to me.",
        "As an AI language model, I don't have eyes.",
        "Sure! I'm unable to view the image.",
        "Please provide the image you want me to describe.",
        "",
        "   \n ",
        "null",
        "...",
        "A man walks, " * 40,
        "she smiles and he smiles and " * 30,
        "笑っている" * 50,
        '{"description": "A bride walks down the ai',
        '```json\n{"description": "A bride"}',
        '[{"description": "A bride walks down the aisle."}]',
    ],
)
def test_an_answer_without_a_scene_is_rejected(
    server: FakeOllama, vision: ServedVision, red: bytes, answer: str
) -> None:
    server.script(say(answer))
    with pytest.raises(AnswerRejected):
        vision.describe(red, plain=True)


def test_plain_text_instead_of_json_is_a_schema_mismatch(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    for answer in ("A bride walks down the aisle.", "{}", '{"description": ""}', '{"description": 7}', '{"tags": []}'):
        server.script(say(answer))
        with pytest.raises(SchemaMismatch):
            vision.describe(red)


def test_a_busy_server_may_state_the_time_of_the_next_try(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    server.script(busy(retry_after=7), busy(status=429), broken("timed out waiting for llama-server to start"))
    with pytest.raises(EngineBusy) as caught:
        vision.describe(red)
    assert caught.value.retry_after == 7.0
    for _ in range(2):
        with pytest.raises(EngineBusy) as caught:
            vision.describe(red)
        assert caught.value.retry_after is None


def test_a_stopped_server_is_unreachable_until_restarted(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    vision.describe(red)
    server.down()
    with pytest.raises(EngineUnreachable, match="ollama serve"):
        vision.describe(red)
    server.up()
    assert vision.describe(red)


def test_server_stopping_during_an_answer_is_unreachable(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    server.script(lambda exchange: server.down())
    with pytest.raises(EngineUnreachable):
        vision.describe(red)


@pytest.mark.parametrize(
    "behaviour", [hang(), stall(), trickle(0.02), refuse()], ids=["hang", "stall", "trickle", "reset"]
)
def test_a_timeout_rejects_the_answer_while_the_server_runs(
    server: FakeOllama, vision: ServedVision, red: bytes, behaviour: object
) -> None:
    server.script(behaviour)  # type: ignore[arg-type]
    with pytest.raises(AnswerRejected, match="incomplete answer"):
        vision.describe(red)
    assert vision.describe(red)


def test_silent_server_is_unreachable(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    server.choose = lambda asked: hang()
    with pytest.raises(EngineUnreachable):
        vision.describe(red)


def test_loading_may_take_longer_than_a_pause_between_chunks(server: FakeOllama, red: bytes) -> None:
    server.script(delay(0.6))
    timeouts = Timeouts(connect=1, first_byte=5, between_chunks=0.3, total=10, small=1)
    with Ollama(server.host, timeouts=timeouts) as ollama:
        assert ServedVision(ollama, ollama.preflight("llava:7b", "vision")).describe(red)


@pytest.mark.parametrize(
    "behaviour",
    [broken(), broken("got exception: Chunk not found"), break_off("boom"), GARBAGE["nested_error_line"]],
    ids=["crash", "broken", "line", "nested line"],
)
def test_a_failed_engine_is_loaded_again_and_asked_once_more(
    server: FakeOllama, vision: ServedVision, red: bytes, behaviour: Behaviour
) -> None:
    vision.describe(red)
    server.script(behaviour)
    assert "red" in vision.describe(red).description
    assert server.unloads["llava:7b"] == vision.reloads == 1
    assert len({json.dumps(asked.body) for asked in server.asked("/api/chat")}) == 1
    server.script(behaviour, behaviour)
    with pytest.raises(RunnerFailed):
        vision.describe(red)
    assert "red" in vision.describe(red).description


def test_an_engine_that_cannot_even_load_the_model_ends_the_run(
    server: FakeOllama, vision: ServedVision, red: bytes
) -> None:
    died = "llama runner process has terminated: signal: illegal instruction (core dumped)"
    server.choose = lambda asked: broken(died) if asked.path in ("/api/chat", "/api/generate") else None
    with pytest.raises(EngineError, match=r"cannot be loaded.*illegal instruction.*vidlocal doctor") as caught:
        vision.describe(red)
    assert not isinstance(caught.value, AnswerRejected)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (broken("Failed to load image or audio file", 400), ImageRejected),
        (broken(TOO_LONG, 400), PromptTooLong),
        (broken("JSON schema conversion failed: unrecognized type x", 400), SchemaMismatch),
    ],
    ids=["image", "prompt", "schema"],
)
def test_a_refused_request_is_named_in_the_error(
    server: FakeOllama, vision: ServedVision, red: bytes, behaviour: Behaviour, error: type[EngineError]
) -> None:
    server.script(behaviour)
    with pytest.raises(error) as caught:
        vision.describe(red)
    assert type(caught.value) is error
    assert server.unloads["llava:7b"] == 0


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        (broken(NESTED), EngineError, "cannot do this .image input is not supported"),
        (broken("model requires more system memory (9 GiB) than is available"), EngineError, "smaller"),
        (broken('model "llava:7b" not found, try pulling it first', 404), ModelMissing, "ollama pull llava:7b"),
        (broken("", 403), EngineError, "denied"),
        (redirect("http://192.0.2.1/api/chat"), EngineError, "redirects"),
    ],
)
def test_permanent_failures_end_the_run(
    server: FakeOllama, vision: ServedVision, red: bytes, behaviour: object, error: type[EngineError], message: str
) -> None:
    server.script(behaviour)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match=message) as caught:
        vision.describe(red)
    assert type(caught.value) is error


def test_a_model_deleted_during_the_run_is_missing(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    del server.models["llava:7b"]
    with pytest.raises(ModelMissing):
        vision.describe(red)


def test_images_for_a_text_model_are_a_permanent_failure(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    server.models["llava:7b"] = Model("llava:7b")
    with pytest.raises(EngineError, match="cannot do this") as caught:
        vision.describe(red)
    assert type(caught.value) is EngineError


def test_an_unloaded_model_is_loaded_again(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    vision.describe(red)
    vision.unload()
    vision.describe(red)
    assert server.loads["llava:7b"] == 2
    assert server.unloads["llava:7b"] == 1


def test_unloading_on_an_unreachable_server_is_no_failure(server: FakeOllama, vision: ServedVision) -> None:
    server.down()
    vision.unload()
    assert not server.unloads


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"embeddings": []},
        {"embeddings": [[]]},
        {"embeddings": [[1.0], [1.0, 2.0]]},
        {"embeddings": "x"},
        [],
        {"embeddings": [[0.0, 0.0]]},
        {"embeddings": [[1.0, None]]},
        {"embeddings": [[1.0], [1.0]]},
    ],
)
def test_malformed_vectors_are_rejected(server: FakeOllama, embeddings: ServedEmbeddings, content: object) -> None:
    server.script(lambda exchange: exchange.send_json(content), path="/api/embed")
    with pytest.raises(AnswerRejected):
        embeddings.embed(["one text"])


def test_nan_vectors_are_rejected(server: FakeOllama, embeddings: ServedEmbeddings) -> None:
    server.script(lambda exchange: exchange.send_json({"embeddings": [[float("nan"), 1.0]]}), path="/api/embed")
    with pytest.raises(AnswerRejected):
        embeddings.embed(["one text"])


def test_vectors_of_another_build_of_the_model_are_refused(server: FakeOllama, embeddings: ServedEmbeddings) -> None:
    server.models["embeddinggemma:latest"] = Model("embeddinggemma:latest", ("embedding",), digest="f" * 64)
    with pytest.raises(EngineError, match="replaced by another build"):
        embeddings.embed(["one text"])


def test_an_answer_sent_twice_is_not_taken_for_the_next_answer(
    server: FakeOllama, vision: ServedVision, red: bytes
) -> None:
    def send_twice(exchange: Exchange) -> None:
        line = json.dumps(exchange.part("Of the first image.") | {"done": True, "done_reason": "stop"}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(line)
        exchange.wfile.write(2 * (head + line))

    server.script(send_twice, say("Of the second image."))
    assert vision.describe(red, plain=True).description == "Of the first image."
    assert vision.describe(red, plain=True).description == "Of the second image."


def test_lines_after_the_end_of_an_answer_are_ignored(server: FakeOllama, vision: ServedVision, red: bytes) -> None:
    def repeat(exchange: Exchange) -> None:
        answer = [exchange.part("A red wall."), exchange.part("") | {"done": True, "done_reason": "stop"}]
        exchange.send_lines(answer * 2)

    server.script(repeat)
    assert vision.describe(red, plain=True).description == "A red wall."


def test_a_compressed_answer_is_refused_before_it_is_unpacked(
    server: FakeOllama, vision: ServedVision, red: bytes
) -> None:
    packed = gzip.compress(b'{"models": [' + b" " * (200 << 20) + b"]}", 1)

    def compress(exchange: Exchange) -> None:
        exchange.send_bytes(200, packed, "application/json", {"Content-Encoding": "gzip"})

    server.script(compress)
    with pytest.raises(AnswerRejected, match="compresses its answers"):
        vision.describe(red)
    server.script(compress, path="/api/tags")
    with Ollama(server.host) as ollama, pytest.raises(AnswerRejected, match="compresses its answers"):
        ollama.models()
