"""Canary: test the vision of a model with three images of a random colour each.

Some servers dropped images silently and let the model invent a description; capability flags do not show that.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from vidlocal.engines.base import RunnerFailed, VisionEngine
from vidlocal.engines.jpeg import noisy_colour
from vidlocal.engines.served.caption_check import CaptionJudge
from vidlocal.errors import AnswerRejected

QUESTION = "What colour is this picture? Answer with one word."
# Input size of LLaVA, so images are not rescaled.
SIDE_PX = 336
IMAGES = 3
MIN_CORRECT = 2
_MIN_FIT = 0.5
# Of an answer in a message.
MAX_SHOWN_CHARACTERS = 60

COLOURS = {
    "red": (220, 20, 20),
    "green": (20, 160, 40),
    "blue": (20, 40, 220),
    "yellow": (245, 225, 20),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
_COLOUR_WORDS = {
    "red": "red|crimson|scarlet|rojo|rot|rouge",
    "green": "green|lime|emerald|verde|grün|vert",
    "blue": "blue|navy|azure|azul|blau|bleu",
    "yellow": "yellow|gold|golden|amarillo|gelb|jaune",
    "black": "black|negro|schwarz|noir",
    "white": "white|blanco|weiß|blanc",
}


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """Number of correct answers, the colours of the images, and the raw answers in the same order."""

    correct: int
    colours: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.correct >= MIN_CORRECT

    def __str__(self) -> str:
        answers = "; ".join(shorten(" ".join(answer.split()), MAX_SHOWN_CHARACTERS) for answer in self.answers)
        return f"shown {', '.join(self.colours)}, it answered {answers}"


def check_vision(
    engine: VisionEngine, *, rng: random.Random | None = None, judge: CaptionJudge | None = None
) -> CanaryResult:
    """Show three of six colours to the model. A rejected answer counts as wrong.

    A `judge` decides about answers without a known word: they must fit their image, and none of the others.
    Other errors are raised, also RunnerFailed, which is no answer.
    """
    colours = tuple((rng or random.Random()).sample(sorted(COLOURS), IMAGES))
    answers = tuple(_ask(engine, colour) for colour in colours)
    correct = sum(
        named == {colour} if (named := named_colours(answer)) else _fits(judge, answer, colour, colours)
        for colour, answer in zip(colours, answers, strict=True)
    )
    return CanaryResult(correct, colours, answers)


def _fits(judge: CaptionJudge | None, answer: str, colour: str, colours: Sequence[str]) -> bool:
    """True if `judge` prefers `colour` over all other shown colours."""
    if judge is None:
        return False
    try:
        fits = {shown: judge.caption_probability(_image(shown), answer) for shown in colours}
    except AnswerRejected:
        return False
    return all((probability >= _MIN_FIT) == (shown == colour) for shown, probability in fits.items())


def named_colours(answer: str) -> set[str]:
    """Return the colours of COLOURS named in an answer."""
    return {colour for colour, words in _COLOUR_WORDS.items() if re.search(rf"\b(?:{words})\b", answer, re.I)}


def _ask(engine: VisionEngine, colour: str) -> str:
    try:
        return engine.ask_image(_image(colour), QUESTION)
    except RunnerFailed:  # no answer: proves nothing about the eyes of the model
        raise
    except AnswerRejected as error:
        return f"({error})"


def _image(colour: str) -> bytes:
    return noisy_colour(COLOURS[colour], side_px=SIDE_PX)
