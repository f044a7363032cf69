"""Scores of hits that contain the whole query."""

from collections.abc import Sequence
from dataclasses import replace

from vidlocal.folding import fold
from vidlocal.records import Hit
from vidlocal.store.index.tokenizer import UNSPACED
from vidlocal.store.index.tokenizer import words as tokens

# The same in every text: BM25 depends on the length of a passage and on the rest of the library.
VERBATIM_SCORE = 0.99
MAX_OTHER_SCORE = 0.98


def raise_verbatim(hits: Sequence[Hit], words: str) -> list[Hit]:
    """Give hits with the query in their text, word for word, the score VERBATIM_SCORE, others at most MAX_OTHER_SCORE.

    The order of the hits stays as it is.
    """
    query = _spaced(words)
    if not query.strip():
        return list(hits)
    return [replace(hit, score=_score(hit, query)) for hit in hits]


def _score(hit: Hit, query: str) -> float:
    return VERBATIM_SCORE if _contains(_spaced(hit.text), query) else min(hit.score, MAX_OTHER_SCORE)


def _contains(text: str, query: str) -> bool:
    return query in text or (UNSPACED.search(query) is not None and query.strip() in text)


def _spaced(text: str) -> str:
    return f" {' '.join(tokens(fold(text)))} "
