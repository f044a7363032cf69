"""Find the words of a query in a text, for highlighting. Pure.

Approximates the matches of the text index (inflections, accents, parts of words) for readers. Has no effect on search
results.
"""

import re
import unicodedata
from collections.abc import Sequence

_word = re.compile(r"\w+")
_ENDINGS = ("ing", "ed", "es", "s", "e", "y")
_MIN_STEM = 3


def query_words(query: str) -> tuple[str, ...]:
    """Words of a query without case and accents: `José` becomes `jose`."""
    return tuple(dict.fromkeys(_fold(word) for word in _word.findall(query)))


def find_matches(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of `text` with one of `words` (from `query_words`), as character positions."""
    stems = [(word, _stem(word)) for word in words]
    spans = (_match(match, stems) for match in _word.finditer(text))
    return [span for span in spans if span is not None]


def best_excerpt(text: str, spans: Sequence[tuple[int, int]], *, length: int) -> tuple[int, int]:
    """The part of `text` with the most `spans`, at most `length` characters, cut between words."""
    if len(text) <= length:
        return 0, len(text)
    starts = [0, *(max(0, start - length // 4) for start, _ in spans)]
    start = max(starts, key=lambda begin: sum(begin <= first and last <= begin + length for first, last in spans))
    start = min(start, len(text) - length)
    end = start + length
    if start:
        start = _next_gap(text, start, end)
    if end < len(text):
        end = max(text.rfind(" ", start, end), 0) or end
        end = end if end > start else start + length
    return start, end


def _next_gap(text: str, start: int, end: int) -> int:
    """The first start of a word from `start` on; `start` in a script without spaces."""
    gap = text.find(" ", start - 1, end)
    return start if gap < 0 or gap - start > (end - start) // 2 else gap + 1


def _match(match: re.Match[str], stems: Sequence[tuple[str, str]]) -> tuple[int, int] | None:
    word = _fold(match[0])
    if any(word == query or (len(stem) >= _MIN_STEM and word.startswith(stem)) for query, stem in stems):
        return match.span()
    if len(word) != len(match[0]):
        return None
    # In scripts without spaces, a whole sentence is one "word": only the part of the query is highlighted.
    for query, _ in stems:
        position = word.find(query)
        if position >= 0 and (len(query) >= _MIN_STEM or not query.isascii()):
            return match.start() + position, match.start() + position + len(query)
    return None


def _stem(word: str) -> str:
    """A word without common English suffixes: `danc` for `dances`, `dancing` and `dance`."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)]
    return word


def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
