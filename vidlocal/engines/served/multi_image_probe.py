"""Test if a vision model accepts several images in order. Done once per build of a model.

Some servers and models silently drop all images but the first or the last, or mix up their order; others fail. So the
model is shown three plain colours at once and asked to name them in order, twice.
"""

import random
import re
from collections.abc import Sequence

from vidlocal.engines.base import RunnerFailed, VisionEngine
from vidlocal.engines.jpeg import noisy_colour
from vidlocal.engines.served.canary import COLOURS, SIDE_PX, named_colours
from vidlocal.errors import AnswerRejected

QUESTION = (
    "You are shown {count} pictures, each of one colour. Name the colours in the order of the pictures, "
    "separated by commas. Answer with the colours only."
)
IMAGES = 3
ROUNDS = 2

# An image costs 768 to 1,024 tokens (Ollama's own estimate, and its minimum for Qwen-VL); the rest is for text.
_TOKENS_PER_IMAGE = 1_024
_TOKENS_FOR_TEXT = 1_536
# Fewer images show less of the action than one sheet of eight.
MIN_IMAGES = 4


def probe(engine: VisionEngine, *, rng: random.Random | None = None) -> bool:
    """Return True if the model names the colours of several images in order, in every round.

    Random guesses pass once in 14,400. A rejected question counts as False. Other errors are raised, also RunnerFailed,
    which is no answer.
    """
    rng = rng or random.Random()
    return all(_names_in_order(engine, rng.sample(sorted(COLOURS), IMAGES)) for _ in range(ROUNDS))


def max_images(num_ctx: int) -> int:
    """Return the number of images per question for a context size in tokens."""
    return max(1, (num_ctx - _TOKENS_FOR_TEXT) // _TOKENS_PER_IMAGE)


def _names_in_order(engine: VisionEngine, colours: Sequence[str]) -> bool:
    first, *more = [noisy_colour(COLOURS[colour], side_px=SIDE_PX) for colour in colours]
    try:
        answer = engine.ask_image(first, QUESTION.format(count=len(colours)), more_jpegs=more)
    except RunnerFailed:
        raise
    except AnswerRejected:
        return False
    word_colours = [named_colours(word) for word in re.findall(r"\w+", answer)]
    return [next(iter(names)) for names in word_colours if len(names) == 1] == list(colours)
