"""Whether a vision model really sees: three pictures of one plain colour, drawn afresh.

Servers have dropped pictures without a word and let the model invent a description; capability flags do
not show it. A model that cannot name plain colours has no business describing frames.
"""

import random
import re
from dataclasses import dataclass

from vidlocal.engines.base import VisionEngine
from vidlocal.engines.jpeg import plain_colour
from vidlocal.errors import AnswerRejected

QUESTION = "What colour is this picture? Answer with one word."
# LLaVA's own input size: nothing is lost by scaling.
SIDE_PX = 336
IMAGES = 3
MIN_CORRECT = 2

COLOURS = {
    "red": (220, 20, 20),
    "green": (20, 160, 40),
    "blue": (20, 40, 220),
    "yellow": (245, 225, 20),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
_SAID = {
    "red": "red|crimson|scarlet|rojo|rot|rouge",
    "green": "green|lime|emerald|verde|grün|vert",
    "blue": "blue|navy|azure|azul|blau|bleu",
    "yellow": "yellow|gold|golden|amarillo|gelb|jaune",
    "black": "black|negro|schwarz|noir",
    "white": "white|blanco|weiß|blanc",
}


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """How many of the colours were named rightly, and what was shown and said, in order."""

    correct: int
    colours: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.correct >= MIN_CORRECT


def check_vision(engine: VisionEngine, *, rng: random.Random | None = None) -> CanaryResult:
    """Show the model three of the six colours. Its errors pass through, but an unusable answer is a wrong one."""
    shown = tuple((rng or random.Random()).sample(sorted(COLOURS), IMAGES))
    said = tuple(_ask(engine, colour) for colour in shown)
    right = sum(named_colours(answer) == {colour} for colour, answer in zip(shown, said, strict=True))
    return CanaryResult(right, shown, said)


def named_colours(answer: str) -> set[str]:
    """The colours of ours that an answer names. Naming all of them is no answer: the result has to be one."""
    return {colour for colour, words in _SAID.items() if re.search(rf"\b(?:{words})\b", answer, re.I)}


def _ask(engine: VisionEngine, colour: str) -> str:
    try:
        return engine.ask_image(plain_colour(COLOURS[colour], side_px=SIDE_PX), QUESTION)
    except AnswerRejected as error:
        return f"({error})"
