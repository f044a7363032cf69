"""Failure policy: retries per item, and a circuit breaker per job kind.

If more than half of the last 20 answers fail with the same message, the model is at fault: the items are refunded.
"""

import random
from collections import defaultdict, deque
from collections.abc import Callable

from vidlocal.engines.backoff import wait_s
from vidlocal.errors import AnswerRejected, EngineError, MediaError, ToolError, VidlocalError
from vidlocal.records import Fault, Job, JobKind
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

RECENT_ANSWERS = 20

_Results = deque[tuple[Job, str | None]]


def fault_of(error: VidlocalError) -> Fault | None:
    """Return the cause of a failure by the class of the error."""
    faults = ((AnswerRejected, Fault.ANSWER), (MediaError, Fault.FILE), (ToolError, Fault.TOOL))
    return next((fault for sort, fault in faults if isinstance(error, sort)), None)


class FailurePolicy:
    """Counts failures per item, and per message over the last answers of a job kind."""

    def __init__(self, library: Library, now: Callable[[], float]) -> None:
        self._library = library
        self._now = now
        self._results: dict[JobKind, _Results] = defaultdict(lambda: deque(maxlen=RECENT_ANSWERS))
        self._chance = random.Random()

    def record_success(self, job: Job) -> None:
        """Record a finished job."""
        self._results[job.kind].append((job, None))

    def record_failure(self, job: Job, error: VidlocalError) -> bool:
        """Charge a job an attempt.

        Returns True if that was its last.
        Raises EngineError, after refunding the recent attempts, if the model is at fault.
        """
        reason = str(error)
        recent = self._results[job.kind]
        recent.append((job, reason))
        same = sum(message == reason for _, message in recent)
        if same > RECENT_ANSWERS // 2:
            self._refund(job, reason)
            raise EngineError(
                f"{same} of the last {len(recent)} answers ({job.kind.value}) failed in the same way: the model is at "
                f"fault. {reason} Try another model with --model, or see the log of the server."
            )
        delay = wait_s(job.attempts + 1, rng=self._chance)
        return jobs.fail(self._library, job, reason, fault=fault_of(error), not_before=self._now() + delay)

    def _refund(self, job: Job, reason: str) -> None:
        """Release the job, and refund the attempts of the recent failures."""
        jobs.release(self._library, job, reason)
        for charged_job, message in list(self._results[job.kind])[:-1]:
            if message is not None:
                jobs.refund_attempt(self._library, charged_job)
