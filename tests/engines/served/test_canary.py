"""The canary tells models with vision from models without."""

import random
from typing import ClassVar

import pytest

from tests.support.fake_ollama import Asked, Behaviour, FakeOllama, Model, caption, say
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served import canary
from vidlocal.engines.served.models import ServedVision
from vidlocal.errors import EngineUnreachable


def test_a_seeing_model_passes_with_every_draw(vision: ServedVision) -> None:
    for seed in range(20):
        result = canary.check_vision(vision, rng=random.Random(seed))
        assert result.passed
        assert len(set(result.colours)) == 3


def test_colours_are_random(vision: ServedVision) -> None:
    assert len({canary.check_vision(vision).colours for _ in range(12)}) > 1


def test_a_blind_model_fails(server: FakeOllama, ollama: Ollama) -> None:
    server.models["blind:latest"] = Model("blind:latest", ("completion", "vision"), blind=True)
    assert not canary.check_vision(ServedVision(ollama, ollama.preflight("blind", "vision"))).passed


def test_canary_fails_a_server_dropping_images() -> None:
    with FakeOllama([Model("phi3.5:latest", None, blind=True)], old=True) as server, Ollama(server.host) as ollama:
        assert not canary.check_vision(ServedVision(ollama, ollama.preflight("phi3.5", "vision"))).passed


def test_naming_every_colour_is_wrong(server: FakeOllama, vision: ServedVision) -> None:
    server.script(*[say("red, green, blue, yellow, black, white")] * 3)
    assert canary.check_vision(vision).correct == 0


def test_one_unusable_answer_is_forgiven_and_two_are_not(server: FakeOllama, vision: ServedVision) -> None:
    server.script(say("", reason="length"))
    assert canary.check_vision(vision).passed
    server.script(say("", reason="length"), say("the picture is lovely"))
    assert not canary.check_vision(vision).passed


def test_an_unreachable_server_is_not_a_blind_model(server: FakeOllama, vision: ServedVision) -> None:
    server.down()
    with pytest.raises(EngineUnreachable):
        canary.check_vision(vision)


class Polyglot:
    """A judge of captions with Japanese colours, or without any standards."""

    name = "polyglot"
    WORDS: ClassVar = {"red": "赤い", "blue": "青い", "green": "緑", "yellow": "黄色", "black": "黒い", "white": "白い"}

    def __init__(self, *, agrees: bool = False) -> None:
        self._agrees = agrees

    def caption_probability(self, jpeg: bytes, caption_: str) -> float:
        shown = caption(jpeg).split(" scene")[0].split()[-1]
        return 0.9 if self._agrees or self.WORDS[shown] in caption_ else 0.2


def test_a_judge_understands_other_words(server: FakeOllama, vision: ServedVision) -> None:
    def in_japanese(asked: Asked) -> Behaviour | None:
        if canary.QUESTION not in asked.prompt or asked.picture is None:
            return None
        return say(Polyglot.WORDS[caption(asked.picture).split(" scene")[0].split()[-1]])

    server.choose = in_japanese
    assert canary.check_vision(vision).correct == 0
    assert canary.check_vision(vision, judge=Polyglot()).correct == canary.IMAGES
    assert canary.check_vision(vision, judge=Polyglot(agrees=True)).correct == 0


def test_a_judge_does_not_help_a_blind_model(server: FakeOllama, vision: ServedVision) -> None:
    server.script(*[say("すてきな絵")] * 3)
    assert canary.check_vision(vision, judge=Polyglot()).correct == 0


@pytest.mark.parametrize(
    ("answer", "colours"),
    [("Red.", {"red"}), ("The colour is dark BLUE", {"blue"}), ("coloured", set()), ("navy", {"blue"}), ("", set())],
)
def test_colours_are_recognised_as_whole_words(answer: str, colours: set[str]) -> None:
    assert canary.named_colours(answer) == colours
