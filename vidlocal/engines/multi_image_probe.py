"""Whether a vision model truly takes several pictures in order (found out once per build of it).

Servers and models drop all but the first picture, take only the last, or mix them up, without a word; others refuse
with an error. So it is shown three plain colours at once, and asked for them in order, twice.
"""

import random
import re
from collections.abc import Sequence

from vidlocal.engines.base import VisionEngine
from vidlocal.engines.canary import COLOURS, SIDE_PX, named_colours
from vidlocal.engines.jpeg import plain_colour
from vidlocal.errors import AnswerRejected

QUESTION = (
    "You are shown {count} pictures, each of one colour. Name the colours in the order of the pictures, "
    "separated by commas. Answer with the colours only."
)
IMAGES = 3
ROUNDS = 2

# A picture costs 768 to 1,024 tokens (Ollama's own estimate, and its least for Qwen-VL); the rest is for words.
_TOKENS_PER_PICTURE = 1_024
_TOKENS_FOR_WORDS = 1_536
# Fewer show less of what happens than one sheet of eight does.
MIN_IMAGES = 4


def probe(engine: VisionEngine, *, rng: random.Random | None = None) -> bool:
    """Whether the model names the colours of several pictures in their order, every time it is asked.

    By luck one guess in 14,400 passes. A server that refuses the question says no; other errors pass through.
    """
    rng = rng or random.Random()
    return all(_in_order(engine, rng.sample(sorted(COLOURS), IMAGES)) for _ in range(ROUNDS))


def max_images(num_ctx: int) -> int:
    """How many pictures one question has room for."""
    return max(1, (num_ctx - _TOKENS_FOR_WORDS) // _TOKENS_PER_PICTURE)


def _in_order(engine: VisionEngine, shown: Sequence[str]) -> bool:
    first, *more = [plain_colour(COLOURS[colour], side_px=SIDE_PX) for colour in shown]
    try:
        answer = engine.ask_image(first, QUESTION.format(count=len(shown)), more_jpegs=more)
    except AnswerRejected:
        return False
    said = [next(iter(colours)) for word in re.findall(r"\w+", answer) if len(colours := named_colours(word)) == 1]
    return said == list(shown)
