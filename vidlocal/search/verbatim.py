"""Scores of hits with the whole query in their text."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from vidlocal.folding import fold
from vidlocal.records import Hit
from vidlocal.store.index.tokenizer import UNSPACED
from vidlocal.store.index.tokenizer import words as tokens

# The same in every text: BM25 depends on the length of a passage and on the rest of the library.
VERBATIM_SCORE = 0.99
MAX_OTHER_SCORE = 0.98


def raise_verbatim(hits: Sequence[Hit], words: str, stop_words: Collection[str]) -> list[Hit]:
    """Give hits with the query word for word the score VERBATIM_SCORE, other hits at most MAX_OTHER_SCORE.

    Stop words do not count: "bride walks down aisle" is in "The bride walks down the aisle." Hits with the stop words
    of the query, too, come first: "ask not what your country" before "ask what you can do for your country". Otherwise
    the order stays as it is.
    """
    folded = fold(words)
    ignored = stop_words if _spaced(folded, stop_words).strip() else ()
    query = _spaced(folded, ignored)
    if not query.strip():
        return list(hits)
    raised = [replace(hit, score=_score(hit.score, fold(hit.text), query, ignored)) for hit in hits]
    whole = _spaced(folded, ())
    if whole == query:
        return raised
    return sorted(raised, key=lambda hit: hit.score < VERBATIM_SCORE or not _contains(fold(hit.text), whole, ()))


def _score(score: float, text: str, query: str, ignored: Collection[str]) -> float:
    return VERBATIM_SCORE if _contains(text, query, ignored) else min(score, MAX_OTHER_SCORE)


def _contains(text: str, query: str, ignored: Collection[str]) -> bool:
    """True for a folded text with the words of a query. Texts without all words are not tokenized."""
    if not all(token in text for token in query.split()):
        return False
    text = _spaced(text, ignored)
    return query in text or (UNSPACED.search(query) is not None and query.strip() in text)


def _spaced(text: str, ignored: Collection[str]) -> str:
    return f" {' '.join(token for token in tokens(text) if token not in ignored)} "
