"""Rerank the best moments of a search by a decision model or the text model (`search --deep`, `ask`)."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

from vidlocal.app.engines.decision_models import open_decision_model
from vidlocal.app.engines.hosts import open_judge
from vidlocal.engines.judge import Judge
from vidlocal.errors import EngineError, StoreError
from vidlocal.search import judging
from vidlocal.search.query import parse
from vidlocal.search.run import MAX_JUDGED, SearchResult
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.history import facts

# Requests at a time where the settings name no number: a server with fewer slots queues the rest.
_DEFAULT_SLOTS = 4


_log = logging.getLogger(__name__)


def rerank_by_text(
    library: Library,
    settings: Settings,
    result: SearchResult,
    *,
    keep: bool = True,
    notify: Callable[[str], None] = _log.info,
) -> SearchResult:
    """Rerank the best moments within the time of the settings.

    `keep` stores the answers, as hashes of the texts. Without a usable model `notify` gets the reason, and the result
    stays as it is.
    """
    words = parse(result.query).words
    if not words or not result.moments or not settings.rerank_seconds:
        return result
    deadline = time.monotonic() + settings.rerank_seconds
    slots = settings.slots or _DEFAULT_SLOTS
    try:
        with ExitStack() as stack:
            for judge in _judges(stack, settings):
                is_able = _can_judge(library, judge, slots=slots, deadline=deadline)
                if is_able is not False:
                    break
            else:
                notify(
                    f"Not reranked: {judge.name} cannot tell matching texts from others. "
                    "To choose another model, run: vidlocal config text_model NAME"
                )
                return result
            moments = result.moments[:MAX_JUDGED] if is_able else ()
            judged = judging.judge_moments(
                judge, words, moments, slots=slots, deadline=deadline, library=library, keep=keep
            )
    except EngineError as error:
        notify(f"Not reranked. {error}")
        return result
    if not judged and time.monotonic() < deadline:
        notify(f"Not reranked: {judge.name} gave no clear answer.")
    elif not judged:
        notify(
            f"Not reranked: {judge.name} did not answer within {settings.rerank_seconds:g} s. "
            "To allow more, run: vidlocal config rerank_seconds 30"
        )
    return judging.apply(result, judged)


def _judges(stack: ExitStack, settings: Settings) -> Iterator[Judge]:
    """Open the judges of texts, best first, closed with `stack`: a decision model if available, the text model.

    Raises EngineError without a text model.
    """
    decision = open_decision_model(stack, settings)
    if decision is not None:
        yield decision
    yield open_judge(stack, settings)


def _can_judge(library: Library, judge: Judge, *, slots: int, deadline: float) -> bool | None:
    """Ask the control questions, once per build of a model. None after a timeout."""
    key = facts.judge_key(judge.digest)
    stored = facts.get(library, key)
    if stored is not None:
        return stored == facts.YES
    is_able = judging.can_judge(judge, slots=slots, deadline=deadline)
    if is_able is not None:
        with suppress(StoreError):  # asked again next time
            facts.put(library, key, facts.YES if is_able else facts.NO)
    return is_able
