"""Rerank the best moments of a search by a judge, within a time limit."""

import math
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TypeVar

from vidlocal.engines.judge import Judge
from vidlocal.engines.prompts import rerank_prompts
from vidlocal.errors import AnswerRejected, EngineError, StoreError
from vidlocal.records import Moment
from vidlocal.search.run import LOW_CONFIDENCE, SearchResult
from vidlocal.store.database import Library
from vidlocal.store.history import judgements

K = TypeVar("K", bound=Hashable)

# Moments are sorted by logit(probability) - RANK_WEIGHT * ln(rank): the posterior, if the prior falls with the square
# of the rank. MRR by simulated judges (`benchmarks/judge.py`), the least gain over four sets, in points:
#
#     wrong answers      2 %    5 %   10 %   20 %   30 %
#     weight 0            27     22     11    -15    -31
#     weight 1            28     25     20      8     -6
#     weight 2            25     21     17     11      3
#     weight 4            15     13     11      6      2
RANK_WEIGHT = 2.0
# Models are surer than they are right.
_MAX_PROBABILITY = 0.98

# Nothing matches if none of the best NOTHING_DEPTH moments gets MATCH, and none of the others CERTAIN. With 2 % wrong
# answers 79 to 84 % of the queries without an answer are noticed, with 5 % 53 to 55 %; 1 to 7 % of the others are lost.
NOTHING_DEPTH = 10
MATCH = 0.5
CERTAIN = 0.9
MIN_JUDGED = 5

# Wait for each open request after an error.
_MAX_JOIN_S = 1.0

NOTHING = "Nothing here shows that."

# Queries with a matching and another text. A judge that mixes them up is not used.
_CONTROLS = (
    ("a dog on the beach", 'seen "A brown dog runs along the beach."', 'said "The invoice is due on Monday."'),
    ("how to change a wheel", 'said "Loosen the nuts, then lift the wheel off."', 'seen "Children eat ice cream."'),
)


def can_judge(judge: Judge, *, slots: int, deadline: float) -> bool | None:
    """Ask control questions. Returns True if matching texts are more probable than all others, None after a timeout.

    A model without a clear answer to one of them is no judge either.
    """
    questions = {(query, text): (query, text) for query, *texts in _CONTROLS for text in texts}
    answers = ask_all(judge, questions, slots=slots, deadline=deadline)
    if len(answers) < len(questions):
        return None if time.monotonic() >= deadline else False
    worst_match = min(answers[query, match] for query, match, _ in _CONTROLS)
    return worst_match > max(answers[query, other] for query, _, other in _CONTROLS)


def judge_moments(
    judge: Judge,
    query: str,
    moments: Sequence[Moment],
    *,
    slots: int,
    deadline: float,
    library: Library,
    keep: bool = True,
) -> dict[Moment, float]:
    """Ask a judge about moments in this order. Skips moments without text. See `ask_all`.

    `keep` stores the answers in the library. The same question is not asked again.
    """
    described = {moment: (query, rerank_prompts.describe_moment(moment)) for moment in moments}
    questions = {moment: question for moment, question in described.items() if question[1]}
    version = rerank_prompts.TEXT_JUDGE_VERSION
    cached = judgements.get(library, judge.digest, version, list(questions.values()))
    new = {moment: question for moment, question in questions.items() if question not in cached}
    judged = ask_all(judge, new, slots=slots, deadline=deadline)
    if keep and judged:
        with suppress(StoreError):  # asked again next time
            answers = {new[moment]: probability for moment, probability in judged.items()}
            judgements.put(library, judge.digest, version, answers)
    return judged | {moment: cached[question] for moment, question in questions.items() if question in cached}


def ask_all(judge: Judge, questions: Mapping[K, tuple[str, str]], *, slots: int, deadline: float) -> dict[K, float]:
    """Ask a judge about pairs of query and text in this order, `slots` at a time, until `deadline` (monotonic).

    Returns the probabilities of those answered in time; skips unclear answers. Raises EngineError if the model cannot
    be used. Requests open at the deadline run on in daemon threads.
    """
    waiting: SimpleQueue[K] = SimpleQueue()
    answers: SimpleQueue[tuple[K, float | Exception]] = SimpleQueue()
    ended = threading.Event()
    for key in questions:
        waiting.put(key)

    def work() -> None:
        while not ended.is_set():
            try:
                key = waiting.get_nowait()
            except Empty:
                return
            try:
                answers.put((key, judge.probability(*questions[key])))
            except Exception as error:
                answers.put((key, error))

    threads = [
        threading.Thread(target=work, daemon=True, name=f"judge {judge.name}")
        for _ in range(min(slots, len(questions)))
    ]
    for thread in threads:
        thread.start()
    try:
        return _collect(answers, len(questions), deadline)
    except EngineError:
        ended.set()
        for thread in threads:  # the others mostly fail as soon: let them close their connections
            thread.join(max(0.0, min(_MAX_JOIN_S, deadline - time.monotonic())))
        raise
    finally:
        ended.set()


def _collect(answers: "SimpleQueue[tuple[K, float | Exception]]", count: int, deadline: float) -> dict[K, float]:
    judged: dict[K, float] = {}
    for _ in range(count):
        try:
            key, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        if isinstance(answer, AnswerRejected):
            continue
        if isinstance(answer, Exception):
            raise answer
        judged[key] = answer
    return judged


def apply(result: SearchResult, judged: Mapping[Moment, float]) -> SearchResult:
    """Sort the moments of a search by rank and judgement; a moment without a judgement counts as undecided."""
    if not judged:
        return result
    keys = {
        moment: _logit(judged.get(moment, 0.5)) - RANK_WEIGHT * math.log(rank)
        for rank, moment in enumerate(result.moments, 1)
    }
    moments = tuple(sorted(result.moments, key=lambda moment: -keys[moment]))
    other_notices = (result.notice or "").removesuffix(LOW_CONFIDENCE).strip()
    is_nothing = _shows_nothing(result.moments, judged)
    return replace(
        result,
        moments=moments,
        judged=judged,
        notice=" ".join(filter(None, (other_notices, NOTHING if is_nothing else ""))) or None,
        is_confident=not is_nothing,
    )


def _shows_nothing(moments: Sequence[Moment], judged: Mapping[Moment, float]) -> bool:
    """True if the judge has seen enough moments and found no match."""
    best = moments[:NOTHING_DEPTH]
    return (
        len(judged) >= min(MIN_JUDGED, len(moments))
        and all(judged.get(moment, 1.0) < MATCH for moment in best)
        and max(judged.values()) < CERTAIN
    )


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1 - _MAX_PROBABILITY), _MAX_PROBABILITY)
    return math.log(bounded / (1 - bounded))
