"""Words and their times from the tokens of a speech model. Pure."""

import math
import re
from collections.abc import Iterable, Sequence

from vidlocal.records import Word

# Scripts without spaces between words: each letter or syllable is a word of its own.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]$"
)

# Bytes of a token, and its start and end in seconds.
Token = tuple[bytes, float, float]


def group_tokens(tokens: Iterable[Token]) -> tuple[Word, ...]:
    """Group tokens into words. A word begins with a space, or after a letter of a script without spaces.

    Tokens may hold parts of a letter, and no token of punctuation alone is a word.
    """
    words: list[Token] = []
    for text, start, end in tokens:
        if words and not _begins_word(words[-1][0], text):
            before, first, _ = words[-1]
            words[-1] = before + text, first, end
        else:
            words.append((text, start, end))
    decoded = ((text.decode("utf-8", "replace").strip(), start, end) for text, start, end in words)
    return tuple(Word(text, start, end) for text, start, end in decoded if text)


def mean_probability(probabilities: Sequence[float]) -> float:
    """Return the geometric mean of probabilities of tokens, 0 without any."""
    logs = [math.log(max(1e-10, probability)) for probability in probabilities]
    return math.exp(sum(logs) / len(logs)) if logs else 0.0


def _begins_word(before: bytes, text: bytes) -> bool:
    if text.startswith(b" "):
        return True
    try:
        last, letters = before.decode(), text.decode()
    except UnicodeDecodeError:  # within a letter
        return False
    return bool(_UNSPACED.search(last)) and any(letter.isalnum() for letter in letters)
