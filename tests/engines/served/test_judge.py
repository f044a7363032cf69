from collections.abc import Iterator

import pytest

from tests.support.fake_ollama import Behaviour, Exchange, FakeOllama, say
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served.judge import ServedJudge
from vidlocal.errors import AnswerRejected

CAKE = 'seen "A cake is cut."'


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


@pytest.fixture
def judge(server: FakeOllama) -> Iterator[ServedJudge]:
    with Ollama(server.host) as ollama:
        model = ollama.preflight("phi3.5", "completion")
        yield ServedJudge(ollama, model, num_ctx=4096, keep_alive="30m")


def without_probabilities(answer: str) -> Behaviour:
    def reply(exchange: Exchange) -> None:
        exchange.body.pop("logprobs", None)
        exchange.speak(answer, "length")

    return reply


def test_one_token_decides(server: FakeOllama, judge: ServedJudge) -> None:
    assert judge.probability("wedding cake", CAKE) == pytest.approx(1.0)
    assert judge.probability("a dog", CAKE) == pytest.approx(0.0)
    asked = server.asked("/api/chat")
    assert len(asked) == 2
    assert asked[0].body["options"]["num_predict"] == 1
    assert asked[0].body["options"]["num_ctx"] == 4096
    assert (asked[0].body["logprobs"], asked[0].body["top_logprobs"]) == (True, 20)


def test_server_without_probabilities_is_asked_for_json(server: FakeOllama, judge: ServedJudge) -> None:
    server.script(without_probabilities("yes"), path="judge")
    server.script(say('{"matches": true}'), say('{"matches": false}'))
    assert judge.probability("wedding cake", CAKE) == 1.0
    assert judge.probability("a dog", CAKE) == 0.0
    formats = [asked.body.get("format") is not None for asked in server.asked("/api/chat")]
    assert formats == [False, True, True]


def test_model_that_begins_with_another_word_is_asked_for_json(server: FakeOllama, judge: ServedJudge) -> None:
    server.script(say("The moment shows a cake."), path="judge")
    server.script(say('{"matches": true}'))
    assert judge.probability("wedding cake", CAKE) == 1.0


def test_unclear_answer_is_rejected(server: FakeOllama, judge: ServedJudge) -> None:
    server.script(say("Perhaps."), path="judge")
    server.script(say('{"matches": "perhaps"}'))
    with pytest.raises(AnswerRejected):
        judge.probability("wedding cake", CAKE)
