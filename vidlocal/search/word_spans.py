"""Times of the words of a query among the timed words of a transcript. Pure."""

from collections.abc import Sequence

from vidlocal.folding import fold
from vidlocal.records import Word
from vidlocal.store.index.tokenizer import UNSPACED
from vidlocal.store.index.tokenizer import words as tokens

Span = tuple[float, float]


def phrase_span(words: Sequence[Word], phrase: str) -> Span | None:
    """Return start and end of the first place with all words of a phrase in a row, else None."""
    terms = _tokens(phrase)
    spoken = [(token, word) for word in words for token in _tokens(word.text)]
    texts = [token for token, _ in spoken]
    for first in range(len(texts) - len(terms) + 1 if terms else 0):
        if texts[first : first + len(terms)] == terms:
            return spoken[first][1].start, spoken[first + len(terms) - 1][1].end
    return None


def words_span(words: Sequence[Word], query: str) -> Span | None:
    """Return the span of the phrase, else of the shortest place with as many words of the query as there are."""
    terms = set(_tokens(query))
    hits = [(token, word) for word in words for token in _tokens(word.text) if token in terms]
    count = len({token for token, _ in hits})
    spans = (
        (first.start, last.end)
        for position, (_, first) in enumerate(hits)
        if (last := _last_of(hits[position:], count)) is not None
    )
    return phrase_span(words, query) or min(spans, key=lambda span: span[1] - span[0], default=None)


def _last_of(hits: Sequence[tuple[str, Word]], count: int) -> Word | None:
    """Return the last word of the first `count` different tokens."""
    seen = set()
    for token, word in hits:
        seen.add(token)
        if len(seen) == count:
            return word
    return None


def _tokens(text: str) -> list[str]:
    """Tokens of a text; letters of scripts without spaces stand alone, as the words of a transcript do."""
    return [part for token in tokens(fold(text)) for part in (token if _is_unspaced(token) else (token,))]


def _is_unspaced(token: str) -> bool:
    return UNSPACED.fullmatch(token) is not None
