"""Working off one kind of queued job after the other, on all the hosts there are.

This loop decides when to start more, when to wait, and who is charged when something fails.
"""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from vidlocal.enrich.runner.canary_guard import Guard
from vidlocal.enrich.runner.failure_policy import Blame
from vidlocal.enrich.runner.pool import Ask, Host, Pool, Returned
from vidlocal.enrich.runner.schedule import Gate
from vidlocal.errors import (
    AnswerRejected,
    EngineBusy,
    EngineError,
    EngineUnreachable,
    MediaError,
    StoreError,
    ToolError,
    VidlocalError,
)
from vidlocal.records import Job, JobKind, JobState
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import Owner
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL, Among

# Answers between two changes of model: long, so that models seldom take turns on a small card.
STRETCH = 200

# Longer than the 600 s a frame may take at most.
LEASE_S = 900.0

# How often the gate is looked at while nothing else happens.
_LOOK_EVERY_S = 1.0
_LEAST_PAUSE_S = 0.02

_PACE_OVER = 50
_PACE_KEPT_EVERY = 5


@dataclass(frozen=True, slots=True)
class Clock:
    """The three clocks of the deep pass: wall time in seconds, local time, and how to wait."""

    now: Callable[[], float] = time.time
    local: Callable[[], datetime] = lambda: datetime.now().astimezone()
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the run stands. `seconds_each` and `eta` (seconds) are None until something was measured."""

    kind: JobKind
    done: int
    total: int
    video: str
    last: str
    seconds_each: float | None
    eta: float | None


@dataclass(slots=True)
class Summary:
    """What the run did. `stopped` says why it ended early, None when the queue is worked off."""

    done: dict[JobKind, int] = field(default_factory=dict)
    failed: int = 0
    left: dict[JobKind, int] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: str | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of queued work: what to ask about a job, and which hosts can answer.

    `prepare` runs where the library is; it returns None when there is nothing to ask and the job is finished.
    """

    kind: JobKind
    prepare: Callable[[Job], Ask | None]
    serves: Callable[[Host], bool]
    limit: int | None = None


def work_left(library: Library, among: Among = ALL) -> dict[JobKind, int]:
    """How many jobs of each kind wait or run, of all or of some.

    Descriptions that nobody has been shown yet count as work with the vision model, if there is no other.
    """
    left: dict[JobKind, int] = {}
    for (kind, state), number in jobs.counts(library, among).items():
        if state in (JobState.QUEUED, JobState.RUNNING):
            left[kind] = left.get(kind, 0) + number
    if passages.any_hidden(library):
        left.setdefault(JobKind.DESCRIBE, 0)
    return left


@dataclass(slots=True)
class Worker:
    """One run over the queue. Use it from the thread that owns the library."""

    library: Library
    pool: Pool
    guard: Guard
    gate: Gate
    clock: Clock
    owner: Owner
    among: Among
    report: Callable[[Progress], None]
    summary: Summary = field(default_factory=Summary)
    _blame: Blame = field(init=False)
    _pace: deque[float] = field(init=False, default_factory=lambda: deque(maxlen=_PACE_OVER))
    _left: int = field(init=False, default=0)
    _resting: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._blame = Blame(self.library, self.clock.now)

    def perform(self, work: Work) -> int:
        """One stretch of one kind of work. How many jobs it performed.

        Raises EngineError when the models, not the items, are at fault.
        """
        started = performed = 0
        self._left = work_left(self.library, self.among).get(work.kind, 0)
        while True:
            more = (work.limit is None or started < work.limit) and not self.guard.due()
            holding = not self.is_over() and not self.gate.look().go
            if more and not holding and not self.is_over():
                started += self._start(work, most=STRETCH)
            self.pool.probe_silent()
            if self.pool.busy():
                returned = self.pool.wait(_LOOK_EVERY_S)
                performed += returned is not None and self._settle(returned)
            elif holding:
                self._rest()
            elif not more or self.is_over() or not self._pause(work):
                return performed

    def may_go(self) -> bool:
        """Wait while the gate holds. Whether to go on: False when it is over."""
        while not self.is_over():
            if self.gate.look().go:
                return True
            self._rest()
        return False

    def is_over(self) -> bool:
        """Whether the gate has ruled that the run ends."""
        self.summary.stopped = self.summary.stopped or self.gate.look().over
        return self.summary.stopped is not None

    def give_everything_back(self) -> None:
        """What is in flight when the run ends, however it ends, is nobody's fault."""
        with suppress(StoreError):  # a full disk is what we may be leaving for; the next run releases the jobs
            for job in self.pool.flying.values():
                jobs.give_back(self.library, job)

    def _start(self, work: Work, *, most: int) -> int:
        """Hand out jobs to every host that is free. How many."""
        started = 0
        while started < most and (seat := self.pool.free(work.kind, work.serves)) is not None:
            now = self.clock.now()
            job = jobs.claim(
                self.library, work.kind, worker=self.owner.token, now=now, lease_s=LEASE_S, among=self.among
            )
            if job is None:
                break
            ask = self._prepared(work, job)
            if ask is not None:
                self.pool.submit(seat, job, ask)
                started += 1
        return started

    def _prepared(self, work: Work, job: Job) -> Ask | None:
        try:
            return work.prepare(job)
        except (AnswerRejected, MediaError, ToolError) as error:
            self._charge(job, error)
        except BaseException:
            with suppress(StoreError):
                jobs.give_back(self.library, job)
            raise
        return None

    def _pause(self, work: Work) -> bool:
        """Nothing is in flight: wait for a job or a host. False when there is nothing to wait for."""
        now = self.clock.now()
        due = jobs.next_due(self.library, work.kind, among=self.among)
        if due is None:
            return jobs.release_dead(self.library) > 0
        wakes = self.pool.wakes_at(work.kind, work.serves)
        if wakes is None:
            self._do_without(work.kind)
            return False
        self.clock.sleep(min(_LOOK_EVERY_S, max(_LEAST_PAUSE_S, due - now, wakes - now)))
        return True

    def _do_without(self, kind: JobKind) -> None:
        """No host is left for a kind of work. Without descriptions the run is over; search can do without vectors."""
        reason = self.pool.reason_gone(kind)
        if reason is not None and kind is JobKind.DESCRIBE:
            raise reason
        if reason is not None:
            self.summary.notes.append(str(reason))

    def _rest(self) -> None:
        """The gate holds: let the card go, show what was described, and look again in a moment."""
        if not self._resting:
            self.guard.look(at_the_end=True)
            self.pool.unload()
        self._resting = True
        self._pace.clear()
        self.clock.sleep(_LOOK_EVERY_S)

    def _settle(self, returned: Returned) -> bool:
        """Store an answer, or decide who is charged for there being none. Whether the job is done."""
        job = returned.job
        try:
            text = returned.kept()
        except (EngineUnreachable, EngineBusy) as trouble:
            jobs.give_back(self.library, job, str(trouble))
            self.pool.rest(returned.seat, trouble)
        except (AnswerRejected, MediaError, ToolError) as trouble:
            self._charge(job, trouble)
        except EngineError as trouble:
            jobs.give_back(self.library, job, str(trouble))
            self.pool.dismiss(returned.seat, job.kind, trouble)
        except BaseException:
            with suppress(StoreError):
                jobs.give_back(self.library, job)
            raise
        else:
            self._count(job, text, returned.seconds)
            return True
        return False

    def _charge(self, job: Job, trouble: VidlocalError) -> None:
        """Charge the item; when it must be the model, do without this kind of work, or end when it is describing."""
        try:
            self.summary.failed += self._blame.charge(job, trouble)
        except EngineError as verdict:
            if job.kind is JobKind.DESCRIBE:
                raise
            for seat in self.pool.seats:
                self.pool.dismiss(seat, job.kind, verdict)

    def _count(self, job: Job, text: str, seconds: float) -> None:
        self._resting = False
        self._blame.acquit(job)
        done = self.summary.done[job.kind] = self.summary.done.get(job.kind, 0) + 1
        self._left = max(0, self._left - 1)
        each = eta = None
        if job.kind in (JobKind.DESCRIBE, JobKind.WATCH):
            self.guard.count()
        if job.kind is JobKind.DESCRIBE:
            each = self._seconds_each(seconds)
            eta = None if each is None else each * self._left
            if each is not None and done % _PACE_KEPT_EVERY == 0:
                facts.put(self.library, facts.SECONDS_PER_FRAME, f"{each:.3f}")
        video = videos.get(self.library, job.video_id)
        title = video.title if video else ""
        self.report(Progress(job.kind, done, done + self._left, title, text, each, eta))

    def _seconds_each(self, seconds: float) -> float | None:
        """Between two answers, over the last ones, however many hosts gave them; of the first, how long it took.

        None when that cannot be told: the machine slept meanwhile, or its clock was set.
        """
        now = self.clock.now()
        if self._pace and not 0 <= now - self._pace[-1] <= LEASE_S:
            self._pace.clear()
        self._pace.append(now)
        if len(self._pace) < 2:
            return seconds if 0 <= seconds <= LEASE_S else None
        return (self._pace[-1] - self._pace[0]) / (len(self._pace) - 1)
