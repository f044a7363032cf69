"""Decision models: probabilities of yes about texts, images and captions."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.fake_ollama import Behaviour, Exchange, FakeOllama, busy
from tests.support.images import plain_colour
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.served.caption_check import CaptionCheck
from vidlocal.engines.served.decisions import DecisionModel
from vidlocal.engines.served.json_client import JsonClient
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing

RED = plain_colour((220, 20, 20), side_px=64)
SHORT = Timeouts(connect=1.0, first_byte=1.0, between_chunks=1.0, total=2.0)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(["clef-flash:latest", "llava:7b"]) as running:
        yield running


@pytest.fixture
def judge(server: FakeOllama) -> Iterator[DecisionModel]:
    with Ollama(server.host) as ollama:
        model = next(model for model in ollama.models() if "decision" in (model.capabilities or ()))
    with DecisionModel(JsonClient(server.host, timeouts=SHORT), model) as opened:
        yield opened


def reply(status: int, body: object) -> Behaviour:
    def answer(exchange: Exchange) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        exchange.send_bytes(status, raw, "application/json")

    return answer


def test_texts_images_and_captions_are_judged(judge: DecisionModel, server: FakeOllama) -> None:
    assert judge.probability("wedding cake", 'seen "A cake is cut."') > 0.9
    assert judge.probability("a dog", 'seen "A cake is cut."') < 0.1
    assert judge.image_probability(RED, "a red wall") > 0.9
    assert judge.image_probability(RED, "a blue wall") < 0.1
    assert judge.caption_probability(RED, "A plain red wall.") > 0.9
    assert judge.caption_probability(RED, "A crowd cheers.") < 0.1
    asked = server.asked("/v1/systemone")
    assert [len(request.body.get("images", [])) for request in asked] == [0, 0, 1, 1, 1, 1]
    assert asked[2].picture == RED
    assert {request.body["keep_alive"] for request in asked} == {"30m"}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"answers": []},
        {"answers": {"answer": {"type": "noul"}}},
        {"answers": {"answer": {"noul": "0.5"}}},
        {"answers": {"answer": {"noul": True}}},
        {"answers": {"answer": {"noul": 1.5}}},
        {"answers": {"answer": {"noul": float("nan")}}},
    ],
)
def test_an_answer_without_a_probability_is_rejected(judge: DecisionModel, server: FakeOllama, body: object) -> None:
    server.script(reply(200, body), path="/v1/systemone")
    with pytest.raises(AnswerRejected, match="has no probability"):
        judge.probability("x", "y")


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        (reply(404, {"error": "not found"}), ModelMissing, "is not on the model server"),
        (reply(400, {"error": "does not support decisions"}), EngineError, "cannot do this"),
        (busy(retry_after=2), EngineBusy, "busy"),
        (reply(200, b"<html>"), AnswerRejected, "invalid response"),
        (reply(200, b"[" * 100_000), AnswerRejected, "invalid response"),
        (reply(200, b'"' + b"x" * (70 << 20) + b'"'), AnswerRejected, "larger than 64 MB"),
        (reply(200, {"remote_host": "https://ollama.com", "answers": {}}), EngineError, "hosted"),
    ],
)
def test_faults_are_sentences(
    judge: DecisionModel, server: FakeOllama, behaviour: Behaviour, error: type[Exception], message: str
) -> None:
    server.script(behaviour, path="/v1/systemone")
    with pytest.raises(error, match=message):
        judge.probability("x", "y")


def test_a_server_that_is_gone_is_a_sentence(judge: DecisionModel, server: FakeOllama) -> None:
    server.down()
    with pytest.raises(EngineUnreachable, match="No answer of the model server"):
        judge.probability("x", "y")


def test_a_remote_or_hosted_model_is_refused(server: FakeOllama) -> None:
    with pytest.raises(EngineError, match="another machine"):
        JsonClient("http://192.0.2.1:11434")
    with Ollama(server.host) as ollama:
        hosted = replace(ollama.models()[0], name="clef:cloud")
    with pytest.raises(EngineError, match="hosted"):
        DecisionModel(JsonClient(server.host), hosted)


def test_a_caption_check_never_raises_and_ends_with_its_model(judge: DecisionModel, server: FakeOllama) -> None:
    check = CaptionCheck(judge)
    assert check.probability(RED, "A blue wall.") < CaptionCheck.MIN_PROBABILITY
    server.script(reply(200, {}), path="/v1/systemone")
    assert check.probability(RED, "A blue wall.") == 1.0
    assert check.probability(RED, "A blue wall.") < 0.1
    server.script(reply(404, {}), path="/v1/systemone")
    assert check.probability(RED, "A blue wall.") == 1.0
    before = len(server.asked("/v1/systemone"))
    assert check.probability(RED, "A blue wall.") == 1.0
    assert len(server.asked("/v1/systemone")) == before
