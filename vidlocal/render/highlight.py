"""Where the words of a query stand in a text. Pure.

The text index finds inflections, accents and parts of words; what is marked here is meant to look the
same to a reader, and is a courtesy: nothing is found or lost by it.
"""

import re
import unicodedata
from collections.abc import Sequence

_word = re.compile(r"\w+")
_ENDINGS = ("ing", "ed", "es", "s", "e", "y")
_MIN_STEM = 3


def query_words(query: str) -> tuple[str, ...]:
    """The words of a query, folded so that `José` and `jose` are the same."""
    return tuple(dict.fromkeys(_fold(word) for word in _word.findall(query)))


def find_matches(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of `text`, as character positions, that match one of `words` (from `words_of`)."""
    stems = [(word, _stem(word)) for word in words]
    found = (_match(match, stems) for match in _word.finditer(text))
    return [span for span in found if span is not None]


def best_excerpt(text: str, spans: Sequence[tuple[int, int]], *, length: int) -> tuple[int, int]:
    """The part of `text`, at most `length` characters, that shows the most of `spans`; cut between words."""
    if len(text) <= length:
        return 0, len(text)
    starts = [0, *(max(0, start - length // 4) for start, _ in spans)]
    start = max(starts, key=lambda at: sum(at <= first and last <= at + length for first, last in spans))
    start = min(start, len(text) - length)
    end = start + length
    if start:
        start = _next_gap(text, start, end)
    if end < len(text):
        end = max(text.rfind(" ", start, end), 0) or end
        end = end if end > start else start + length
    return start, end


def _next_gap(text: str, start: int, end: int) -> int:
    """The first beginning of a word from `start` on; `start` itself in a script without spaces."""
    gap = text.find(" ", start - 1, end)
    return start if gap < 0 or gap - start > (end - start) // 2 else gap + 1


def _match(match: re.Match[str], stems: Sequence[tuple[str, str]]) -> tuple[int, int] | None:
    word = _fold(match[0])
    if any(word == query or (len(stem) >= _MIN_STEM and word.startswith(stem)) for query, stem in stems):
        return match.span()
    if len(word) != len(match[0]):
        return None
    # Scripts without spaces make one "word" of a sentence: only the part that was asked for is marked.
    for query, _ in stems:
        at = word.find(query)
        if at >= 0 and (len(query) >= _MIN_STEM or not query.isascii()):
            return match.start() + at, match.start() + at + len(query)
    return None


def _stem(word: str) -> str:
    """A word without its most common English endings: enough for `dances`, `dancing` and `dance`."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)]
    return word


def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
