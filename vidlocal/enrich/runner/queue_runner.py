"""Run the queued jobs of a kind on all hosts: when to start, when to wait, how to treat failures."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from vidlocal.engines.base import Usage
from vidlocal.enrich.runner.canary_guard import CanaryGuard
from vidlocal.enrich.runner.failure_policy import FailurePolicy
from vidlocal.enrich.runner.pool import Host, Pool, Returned, Task
from vidlocal.enrich.runner.schedule import Scheduler
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
from vidlocal.job_specs import JOB_SPECS, ModelRole
from vidlocal.records import Job, JobKind, JobState
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter

# Jobs of one kind in a row: many, so that models rarely replace each other on a small GPU.
MAX_JOBS_IN_A_ROW = 200

# Interval between checks of the schedule while nothing else happens.
_POLL_S = 1.0
_MIN_PAUSE_S = 0.02

# Answers in the moving average of seconds per frame, and between two stored values.
_PACE_SAMPLES = 50
_PACE_STORE_INTERVAL = 5


@dataclass(frozen=True, slots=True)
class Clock:
    """Clocks of the deep pass: monotonic seconds, local time, and a sleep function.

    The wall clock may be set during a run, and decides nothing but the hours of work.
    """

    now: Callable[[], float] = time.monotonic
    local: Callable[[], datetime] = lambda: datetime.now().astimezone()
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class EnrichProgress:
    """Position of the run. `seconds_each` and `eta` (seconds) are None before the first measurement.

    `position` and `duration`: of the video at work, in seconds, where a job is a whole video.
    """

    kind: JobKind
    done: int
    total: int
    video: str
    last: str
    seconds_each: float | None
    eta: float | None
    position: float | None = None
    duration: float | None = None


@dataclass(slots=True)
class RunSummary:
    """Result of a run. `stopped`: the reason for an early end, None if the queue is empty.

    `sent_bytes`: to other machines of a cluster.
    """

    done: dict[JobKind, int] = field(default_factory=dict)
    failed: int = 0
    remaining: dict[JobKind, int] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: str | None = None
    notes: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    def as_data(self) -> dict[str, object]:
        """Return the summary as plain data for JSON."""
        return {
            "done": dict(self.done),
            "failed": self.failed,
            "left": dict(self.remaining),
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "notes": self.notes,
            "sent_bytes": self.sent_bytes,
        }


@dataclass(frozen=True, slots=True)
class JobHandler:
    """Handler of a job kind: builds tasks from jobs, and selects hosts.

    `prepare` needs the library and may finish a job by itself; then it returns None. `limit`: jobs in a row.
    """

    kind: JobKind
    prepare: Callable[[Job], Task | None]
    serves: Callable[[Host], bool]
    limit: int | None = None


def remaining_jobs(library: Library, job_filter: JobFilter = ALL_JOBS) -> dict[JobKind, int]:
    """Count queued and running jobs per kind.

    With unverified descriptions in the library, DESCRIBE is present even if 0: the run needs the vision model.
    """
    remaining: dict[JobKind, int] = {}
    for (kind, state), number in jobs.counts(library, job_filter).items():
        if state in (JobState.QUEUED, JobState.RUNNING):
            remaining[kind] = remaining.get(kind, 0) + number
    if passages.has_unverified(library):
        remaining.setdefault(JobKind.DESCRIBE, 0)
    return remaining


@dataclass(slots=True)
class QueueRunner:
    """A run over the queue.

    Use from the thread that owns the library.
    """

    library: Library
    pool: Pool
    guard: CanaryGuard
    schedule: Scheduler
    clock: Clock
    lock: ProcessLock
    job_filter: JobFilter
    on_progress: Callable[[EnrichProgress], None]
    summary: RunSummary = field(default_factory=RunSummary)
    _failures: FailurePolicy = field(init=False)
    _answer_times: deque[float] = field(init=False, default_factory=lambda: deque(maxlen=_PACE_SAMPLES))
    _remaining: int = field(init=False, default=0)
    _is_resting: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._failures = FailurePolicy(self.library, self.clock.now)

    def run(self, handler: JobHandler) -> int:
        """Run jobs of a kind, at most `handler.limit`. Returns the number of finished jobs.

        Raises EngineError if the models, not the items, are at fault.
        """
        started = finished = 0
        self._remaining = remaining_jobs(self.library, self.job_filter).get(handler.kind, 0)
        while True:
            wants_more = (handler.limit is None or started < handler.limit) and not self.guard.is_due()
            on_hold = not self.is_over() and not self.schedule.decide().go
            if wants_more and not on_hold and not self.is_over():
                started += self._start(handler, limit=MAX_JOBS_IN_A_ROW)
            self.pool.probe_silent()
            self.pool.admit_newcomers()
            if self.pool.is_busy():
                returned = self.pool.wait(_POLL_S)
                finished += returned is not None and self._settle(returned)
            elif on_hold:
                self._rest()
            elif not wants_more or self.is_over() or not self._wait_for_work(handler):
                return finished

    def wait_until_allowed(self) -> bool:
        """Wait while the schedule holds. Returns False if the run is over."""
        while not self.is_over():
            if self.schedule.decide().go:
                return True
            self._rest()
        return False

    def is_over(self) -> bool:
        """True once the schedule has ended the run."""
        self.summary.stopped = self.summary.stopped or self.schedule.decide().over
        return self.summary.stopped is not None

    def release_in_flight(self) -> None:
        """Release all jobs claimed by this run without charging an attempt, even after a signal during a claim."""
        with suppress(StoreError):  # the disk may be full; the next run releases the jobs
            jobs.release_claimed(self.library, self.lock.token)

    def _start(self, handler: JobHandler, *, limit: int) -> int:
        """Submit jobs to every free host. Returns their number."""
        started = 0
        while started < limit and (state := self.pool.free_host(handler.kind, handler.serves)) is not None:
            now = self.clock.now()
            job = jobs.claim(
                self.library,
                handler.kind,
                worker=self.lock.token,
                now=now,
                lease_s=jobs.LEASE_S,
                job_filter=self.job_filter,
            )
            if job is None:
                break
            task = self._prepare(handler, job)
            if task is not None:
                self.pool.submit(state, job, task)
                started += 1
        return started

    def _prepare(self, handler: JobHandler, job: Job) -> Task | None:
        try:
            return handler.prepare(job)
        except (AnswerRejected, MediaError, ToolError) as error:
            self._record_failure(job, error)
        except BaseException:
            with suppress(StoreError):
                jobs.release(self.library, job)
            raise
        return None

    def _wait_for_work(self, handler: JobHandler) -> bool:
        """Wait for a due job or an available host. Returns False if there is nothing to wait for."""
        self.library.require_in_place()
        now = self.clock.now()
        due = jobs.next_due(self.library, handler.kind, now=now, job_filter=self.job_filter)
        if due is None:
            return jobs.requeue_orphans(self.library) > 0
        retry_at = self.pool.retry_at(handler.kind, handler.serves)
        if retry_at is None:
            self._skip_kind(handler.kind)
            return False
        self.clock.sleep(min(_POLL_S, max(_MIN_PAUSE_S, due - now, retry_at - now)))
        return True

    def _skip_kind(self, kind: JobKind) -> None:
        """End the run if no host can describe; note the reason for any other kind, and go on."""
        reason = self.pool.exclusion_reason(kind)
        if reason is not None and kind is JobKind.DESCRIBE:
            raise reason
        if reason is not None:
            self.summary.notes.append(str(reason))

    def _rest(self) -> None:
        """On hold: verify new descriptions, unload the models, and wait."""
        self.library.require_in_place()
        if not self._is_resting:
            self.guard.verify(at_the_end=True)
            self.pool.unload()
        self._is_resting = True
        self._answer_times.clear()
        self.clock.sleep(_POLL_S)

    def _settle(self, returned: Returned) -> bool:
        """Store a response, or record the failure. Returns True if the job is finished."""
        job = returned.job
        try:
            line = self._store(returned)
        except (EngineUnreachable, EngineBusy) as error:
            jobs.release(self.library, job, str(error))
            self.pool.back_off(returned.state, error)
        except (AnswerRejected, MediaError, ToolError) as error:
            self._record_failure(job, error)
        except EngineError as error:
            jobs.release(self.library, job, str(error))
            self.pool.exclude(returned.state, job.kind, error)
        except BaseException:
            with suppress(StoreError):
                jobs.release(self.library, job)
            raise
        else:
            if line is not None:
                self._record_success(job, line, returned)
                return True
        return False

    def _store(self, returned: Returned) -> str | None:
        """Store a response. Returns a line about it, or None for a job removed with its video."""
        response = returned.result()
        with self.library.writing():
            return returned.task.store(response) if jobs.exists(self.library, returned.job) else None

    def _record_failure(self, job: Job, failure: VidlocalError) -> None:
        """Charge the job an attempt; if the model is at fault, skip the kind, or end the run (DESCRIBE)."""
        try:
            self.summary.failed += self._failures.record_failure(job, failure)
        except EngineError as verdict:
            if job.kind is JobKind.DESCRIBE:
                raise
            for state in self.pool.states:
                self.pool.exclude(state, job.kind, verdict)

    def _record_success(self, job: Job, line: str, returned: Returned) -> None:
        self._is_resting = False
        self._failures.record_success(job)
        done = self.summary.done[job.kind] = self.summary.done.get(job.kind, 0) + 1
        self._remaining = max(0, self._remaining - 1)
        seconds_each = eta = None
        if JOB_SPECS[job.kind].role is ModelRole.VISION:
            self.guard.count()
        if job.kind is JobKind.DESCRIBE:
            seconds_each = self._measure_pace(returned.seconds)
            eta = None if seconds_each is None else seconds_each * self._remaining
            if seconds_each is not None and done % _PACE_STORE_INTERVAL == 0:
                facts.put(self.library, facts.SECONDS_PER_FRAME, f"{seconds_each:.3f}")
                facts.put(self.library, facts.server_pace_key(returned.state.host.name), f"{returned.seconds:.3f}")
                self._store_token_rate()
        video = videos.get(self.library, job.video_id)
        title = video.title if video else ""
        self.on_progress(EnrichProgress(job.kind, done, done + self._remaining, title, line, seconds_each, eta))

    def _store_token_rate(self) -> None:
        """Store the mean speed of all vision models of the run, if reported by the servers."""
        engines = (state.host.vision for state in self.pool.states)
        usage = sum((engine.usage for engine in engines if engine is not None), Usage())
        if usage.seconds:
            facts.put(self.library, facts.CAPTION_TOKENS_PER_SECOND, f"{usage.tokens / usage.seconds:.3g}")
        else:
            facts.delete(self.library, facts.CAPTION_TOKENS_PER_SECOND)

    def _measure_pace(self, seconds: float) -> float | None:
        """Mean interval between the last answers of all hosts; for the first answer, the duration.

        None if the machine slept meanwhile.
        """
        now = self.clock.now()
        if self._answer_times and not 0 <= now - self._answer_times[-1] <= jobs.LEASE_S:
            self._answer_times.clear()
        self._answer_times.append(now)
        if len(self._answer_times) < 2:
            return seconds if 0 <= seconds <= jobs.LEASE_S else None
        return (self._answer_times[-1] - self._answer_times[0]) / (len(self._answer_times) - 1)
