"""Rerank the best moments of a search by a vision model (`search --look`)."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from vidlocal.app.hosts import open_vision
from vidlocal.errors import EngineError
from vidlocal.records import Moment, SecondLook
from vidlocal.search.query import parse
from vidlocal.search.rerank import VisionReranker, reorder
from vidlocal.search.run import SearchResult
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock


def rerank_by_vision(
    library: Library, settings: Settings, result: SearchResult, count: int, *, keep: bool, notify: Callable[[str], None]
) -> tuple[SearchResult, dict[Moment, SecondLook]]:
    """Rerank the best `count` moments by the vision model. Returns the result and the answers.

    `keep` stores the answers with the words of the query. Without a server, or when it goes away, `notify` gets the
    reason and the remaining moments keep their order.
    """
    looks: dict[Moment, SecondLook] = {}
    words = parse(result.query).words
    if not words or not result.moments:
        return result, looks
    try:
        with ExitStack() as stack:
            engine, ready = open_vision(stack, settings, notify=notify)
            lock = stack.enter_context(ProcessLock(library.folder))
            reranker = VisionReranker(library, engine, words, worker=lock.token, check=ready, keep=keep)
            for moment, look in reranker.rerank(result.moments[:count]):
                looks[moment] = look
    except EngineError as error:
        checked = f"Checked {len(looks)} of {count} moments." if looks else "Not checked by the vision model."
        notify(f"{checked} {error}")
    return replace(result, moments=reorder(result.moments, looks)), looks
