"""Rerank the best moments of a search by a decision model or the vision model (`search --look`)."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from vidlocal.app.engines.decision_models import judges_images, open_image_judge
from vidlocal.app.engines.hosts import open_vision
from vidlocal.engines.prompts.rerank_prompts import IMAGE_JUDGE_VERSION
from vidlocal.errors import EngineError
from vidlocal.explanations import SecondLook
from vidlocal.records import Moment
from vidlocal.search.decision_look import look_at_moments
from vidlocal.search.judging import MIN_JUDGED, NOTHING
from vidlocal.search.query import parse
from vidlocal.search.rerank import VisionReranker, reorder
from vidlocal.search.run import SearchResult
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock


def rerank_by_vision(
    library: Library, settings: Settings, result: SearchResult, count: int, *, keep: bool, notify: Callable[[str], None]
) -> tuple[SearchResult, dict[Moment, SecondLook]]:
    """Rerank the best `count` moments by a decision model, else the vision model. Returns the result and the answers.

    `keep` stores the answers with the words of the query. Without a server, or when it goes away, `notify` gets the
    reason and the remaining moments keep their order.
    """
    looks: dict[Moment, SecondLook] = {}
    words = parse(result.query).words
    if not words or not result.moments:
        return result, looks
    try:
        with ExitStack() as stack:
            decision = open_image_judge(stack, library, settings)
            if decision is not None:
                looks.update(look_at_moments(library, decision, words, result.moments[:count], keep=keep))
                return _reordered(result, looks), looks
            engine, ready = open_vision(stack, settings, notify=notify)
            lock = stack.enter_context(ProcessLock(library.folder))
            is_judge = judges_images(library, engine, IMAGE_JUDGE_VERSION, check=ready)
            judge = engine if is_judge else None
            reranker = VisionReranker(library, engine, words, worker=lock.token, check=ready, judge=judge, keep=keep)
            for moment, look in reranker.rerank(result.moments[:count]):
                looks[moment] = look
    except EngineError as error:
        checked = f"Checked {len(looks)} of {count} moments." if looks else "Not checked by the vision model."
        notify(f"{checked} {error}")
    return _reordered(result, looks), looks


def _reordered(result: SearchResult, looks: dict[Moment, SecondLook]) -> SearchResult:
    """Sort the moments by the answers. If none is confirmed, of five or more or of all, the result has a notice."""
    shows_nothing = (
        bool(looks)
        and len(looks) >= min(MIN_JUDGED, len(result.moments))
        and not any(look.matches for look in looks.values())
    )
    notice = " ".join(filter(None, (result.notice, NOTHING))) if shows_nothing else result.notice
    return replace(
        result,
        moments=reorder(result.moments, looks),
        notice=notice,
        is_confident=result.is_confident and not shows_nothing,
    )
