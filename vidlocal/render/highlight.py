"""Find the words of a query in a text, for highlighting. Pure.

Approximates the matches of the text index (inflections, spellings, parts of words) for readers. Has no effect on search
results.
"""

from collections.abc import Iterator, Sequence

from vidlocal.folding import fold, fold_with_offsets, is_word_character
from vidlocal.store.index.tokenizer import UNSPACED

_ENDINGS = ("ing", "ed", "es", "s", "e", "y")
_MIN_STEM = 3


def query_words(query: str) -> tuple[str, ...]:
    """Folded words of a query: `José` becomes `jose`."""
    folded = fold(query)
    return tuple(dict.fromkeys(folded[start:end] for start, end in _word_spans(folded)))


def find_matches(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of `text` with one of `words` (from `query_words`), as character positions."""
    stems = [(word, _stem(word)) for word in words]
    folded, offsets = fold_with_offsets(text)
    spans = (_match(folded, start, end, stems) for start, end in _word_spans(folded))
    return [(offsets[span[0]], offsets[span[1]]) for span in spans if span is not None]


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


def _word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every word: letters, digits, marks and underscores."""
    start = None
    for position, letter in enumerate(text):
        if letter == "_" or is_word_character(letter):
            start = position if start is None else start
        elif start is not None:
            yield start, position
            start = None
    if start is not None:
        yield start, len(text)


def _match(text: str, start: int, end: int, stems: Sequence[tuple[str, str]]) -> tuple[int, int] | None:
    """The part of a word of the folded `text` to highlight."""
    word = text[start:end]
    if not UNSPACED.search(word) and any(word == query or _starts_with(word, stem) for query, stem in stems):
        return start, end
    # In scripts without spaces, a whole sentence is one "word": only the part of the query is highlighted.
    for query, _ in stems:
        position = word.find(query)
        if position >= 0 and (len(query) >= _MIN_STEM or not query.isascii()):
            return start + position, start + position + len(query)
    return None


def _starts_with(word: str, stem: str) -> bool:
    return len(stem) >= _MIN_STEM and word.startswith(stem)


def _stem(word: str) -> str:
    """A word without common English suffixes: `danc` for `dances`, `dancing` and `dance`."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)]
    return word
