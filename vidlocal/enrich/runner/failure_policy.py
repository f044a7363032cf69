"""Who is charged when an answer fails: the item, unless so many fail alike that it is the model."""

import random
from collections import defaultdict, deque
from collections.abc import Callable

from vidlocal.engines.backoff import wait_s
from vidlocal.errors import AnswerRejected, EngineError, MediaError, ToolError, VidlocalError
from vidlocal.records import Fault, Job, JobKind
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# More than half of the last 20 failing alike.
WATCHED = 20

_Endings = deque[tuple[Job, str | None]]


def fault_of(error: VidlocalError) -> Fault | None:
    """What the item failed on, by the sort of its error."""
    faults = ((AnswerRejected, Fault.ANSWER), (MediaError, Fault.FILE), (ToolError, Fault.TOOL))
    return next((fault for sort, fault in faults if isinstance(error, sort)), None)


class Blame:
    """Remembers how the last items ended."""

    def __init__(self, library: Library, now: Callable[[], float]) -> None:
        self._library = library
        self._now = now
        self._of_kind: dict[JobKind, _Endings] = defaultdict(lambda: deque(maxlen=WATCHED))
        self._chance = random.Random()

    def acquit(self, job: Job) -> None:
        """An item was done."""
        self._of_kind[job.kind].append((job, None))

    def charge(self, job: Job, error: VidlocalError) -> bool:
        """Charge an item one attempt. Whether that was its last.

        Raises EngineError, and takes back what was charged, when it must be the model.
        """
        reason = str(error)
        recent = self._of_kind[job.kind]
        recent.append((job, reason))
        alike = sum(why == reason for _, why in recent)
        if alike > WATCHED // 2:
            self._take_back(job, reason)
            raise EngineError(
                f"{alike} of the last {len(recent)} answers ({job.kind.value}) failed in the same way, so it is the "
                f"model. {reason} Nothing is lost; try another model with --model, or look at the server's own log."
            )
        delay = wait_s(job.attempts + 1, chance=self._chance)
        return jobs.fail(self._library, job, reason, fault=fault_of(error), not_before=self._now() + delay)

    def _take_back(self, job: Job, reason: str) -> None:
        """Queue the item in hand again, and undo what the recent failures were charged."""
        jobs.give_back(self._library, job, reason)
        for charged, why in list(self._of_kind[job.kind])[:-1]:
            if why is not None:
                jobs.uncharge(self._library, charged)
