"""Canary checks: descriptions become visible only between two passed checks of the model.

Servers have dropped images silently while the model went on inventing descriptions. Descriptions between two checks
stay hidden from search, and are redone if the second check fails.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from vidlocal.engines.base import RunnerFailed
from vidlocal.enrich.runner.pool import HostState, Pool
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.records import JobKind
from vidlocal.store.content import frames, passages, sequences
from vidlocal.store.database import Library

# Check after this many descriptions per host, or after this time: a slow machine must not hide descriptions for hours.
MAX_UNVERIFIED = 500
MAX_UNVERIFIED_S = 600.0

_KIND = JobKind.DESCRIBE


class CanaryGuard:
    """Checks the vision models of a pool regularly; does nothing with `guarded` false."""

    def __init__(self, library: Library, pool: Pool, now: Callable[[], float], *, guarded: bool) -> None:
        self._library = library
        self._pool = pool
        self._now = now
        self._guarded = guarded
        self._described = 0
        self._checked_at = now()

    def begin(self) -> None:
        """Publish descriptions left unverified by an interrupted run of the same models. Call after a passed canary.

        Requeues unverified descriptions of other models. Does nothing without a vision host.
        """
        digests = self._digests()
        if digests:
            passages.publish(self._library, digests)
            self._redo_unverified()

    def count(self) -> None:
        """Count a stored description of a frame or a sequence."""
        self._described += 1

    def is_due(self) -> bool:
        """True if a check is due before more is described."""
        return self._guarded and (
            self._described >= MAX_UNVERIFIED * max(1, len(self._digests()))
            or (self._described > 0 and self._now() - self._checked_at >= MAX_UNVERIFIED_S)
        )

    def verify(self, *, at_the_end: bool = False) -> None:
        """Check the hosts if due, or `at_the_end` if anything is unverified. Call with nothing in flight.

        A failed host is excluded. Raises EngineError if it was the last one.
        """
        if not (self.is_due() or (at_the_end and self._guarded and self._described)):
            return
        states = [
            state for state in self._pool.states if state.host.vision is not None and not state.is_excluded(_KIND)
        ]
        verdicts = [self._judge(state, outcome) for state, outcome in zip(states, _check_all(states), strict=True)]
        self._described, self._checked_at = 0, self._now()
        if False in verdicts:
            self._redo_unverified()
        elif None not in verdicts:
            passages.publish(self._library, self._digests())
        if states and all(state.is_excluded(_KIND) for state in states):
            raise states[0].excluded[_KIND]

    def _judge(self, state: HostState, outcome: str | EngineError | None) -> bool | None:
        """Exclude a host after a failed check. Returns None without an answer, a proof of nothing."""
        if isinstance(outcome, EngineUnreachable | EngineBusy | RunnerFailed):
            return None
        if outcome:
            redo = "Captions since the last check are redone."
            self._pool.exclude(state, _KIND, EngineError(f"{outcome} {redo}"))
            state.excluded[JobKind.WATCH] = state.excluded[_KIND]
        return not outcome

    def _redo_unverified(self) -> None:
        frames.describe_again(self._library, passages.unverified_frames(self._library))
        sequences.requeue_unverified(self._library)

    def _digests(self) -> list[str]:
        engines = (state.host.vision for state in self._pool.states)
        return [engine.digest for engine in engines if engine is not None]


def _check_all(states: Sequence[HostState]) -> list[str | EngineError | None]:
    """Check all hosts at the same time. Returns the reason to stop using each, the error of its server, or None."""
    if len(states) <= 1:
        return [_check(state) for state in states]
    with ThreadPoolExecutor(max_workers=len(states)) as threads:
        return list(threads.map(_check, states))


def _check(state: HostState) -> str | EngineError | None:
    try:
        return state.host.check()
    except EngineError as error:
        return error
