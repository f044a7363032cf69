"""Pool of model servers with parallel requests, and back-off after failures.

A request is plain data and runs on a thread of its own, without the library. The thread that owns the pool claims
jobs, submits requests and stores the responses.
"""

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from vidlocal.engines.backoff import wait_s
from vidlocal.engines.base import EmbedEngine, TextEngine, VisionEngine
from vidlocal.engines.served.caption_check import CaptionCheck
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.records import Job, JobKind

# More parallel requests never helped a server; Ollama's own queue holds 512.
MAX_SLOTS = 16

# Slots are doubled while that raises throughput by at least this factor, measured over MIN_SAMPLE answers.
_MIN_SPEEDUP = 1.1
_MIN_SAMPLE = 6

# During an outage a server is probed after 1, 2, 4 ... seconds, up to this interval.
_MAX_PROBE_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True)
class Host:
    """A server with models; None for a missing model.

    `check` returns the reason to stop using the server, or None. `slots`: parallel requests, None to measure.
    `vision_kinds`: the jobs of the vision model. `caption_check`: a judge of its captions.
    """

    name: str
    vision: VisionEngine | None
    embedder: EmbedEngine | None
    is_up: Callable[[], bool]
    check: Callable[[], str | None] = lambda: None
    slots: int | None = 1
    writer: TextEngine | None = None
    vision_kinds: frozenset[JobKind] = frozenset({JobKind.DESCRIBE, JobKind.WATCH})
    caption_check: CaptionCheck | None = None

    def require_vision(self) -> VisionEngine:
        """Return the vision model. Raises EngineError if there is none."""
        if self.vision is None:
            raise EngineError(f"{self.name} has no vision model.")
        return self.vision

    def require_writer(self) -> TextEngine:
        """Return the text model. Raises EngineError if there is none."""
        if self.writer is None:
            raise EngineError(f"{self.name} has no text model.")
        return self.writer

    def require_embedder(self) -> EmbedEngine:
        """Return the embedding model. Raises EngineError if there is none."""
        if self.embedder is None:
            raise EngineError(f"{self.name} has no embedding model.")
        return self.embedder


class Request(Protocol):
    """A request to a model as plain data: a frozen dataclass to pickle and send to another process.

    `perform` needs the models of a host, never the library, and returns a response of the same nature.
    """

    def perform(self, host: Host) -> object:
        """Ask the model.

        Raises EngineError and its subclasses.
        """
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A request, and a function to store the response in the library; returns a line about the result."""

    request: Request
    store: Callable[[Any], str]


@dataclass(slots=True, eq=False)
class HostState:
    """State of a host in the pool. Times are monotonic, in seconds."""

    host: Host
    slots: int
    in_flight: int = 0
    retry_at: float = 0.0
    is_silent: bool = False
    is_probed: bool = False
    probe_interval_s: float = 1.0
    busy_count: int = 0
    excluded: dict[JobKind, EngineError] = field(default_factory=dict)
    finished: int = 0
    since: float = 0.0
    best_rate: float = 0.0
    slots_settled: bool = False

    def is_excluded(self, kind: JobKind) -> bool:
        """True if the host does no more work of a kind in this run."""
        return kind in self.excluded


@dataclass(frozen=True, slots=True)
class Returned:
    """A response, or the exception raised instead. `seconds`: duration of the request."""

    state: HostState
    job: Job
    task: Task
    response: object
    error: Exception | None
    seconds: float

    def result(self) -> object:
        """Return the response. Raises the error of a failed request."""
        if self.error is not None:
            raise self.error
        return self.response


@dataclass(slots=True)
class Pool:
    """The hosts of a run. Use from one thread only.

    `on_wait` gets the reason when every host is unavailable, and None when one is back. `newcomers` returns hosts to
    add during the run, without blocking.
    """

    hosts: Sequence[Host]
    now: Callable[[], float]
    notify: Callable[[str], None]
    on_wait: Callable[[str | None], None] = lambda reason: None
    chance: random.Random = field(default_factory=random.Random)
    newcomers: Callable[[], Sequence[Host]] = tuple
    states: list[HostState] = field(init=False)
    in_flight: dict[int, Job] = field(init=False, default_factory=dict)
    _returned: "SimpleQueue[Returned | HostState]" = field(init=False, default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        self.states = []
        self._add(self.hosts)

    def admit_newcomers(self) -> None:
        """Add the hosts opened since the last call."""
        self._add(self.newcomers())

    def _add(self, hosts: Iterable[Host]) -> None:
        self.states += [HostState(host, host.slots or 1, slots_settled=host.slots is not None) for host in hosts]

    def free_host(self, kind: JobKind, serves: Callable[[Host], bool]) -> HostState | None:
        """Return the host with the most free slots, or None if no host can take a request now."""
        now = self.now()
        ready = [
            state
            for state in self._serving(kind, serves)
            if not state.is_silent and state.retry_at <= now and state.in_flight < state.slots
        ]
        return max(ready, key=lambda state: state.slots - state.in_flight, default=None)

    def retry_at(self, kind: JobKind, serves: Callable[[Host], bool]) -> float | None:
        """Monotonic time of the next attempt for a kind of work; None if no host is left for this kind."""
        return min((state.retry_at for state in self._serving(kind, serves)), default=None)

    def exclusion_reason(self, kind: JobKind) -> EngineError | None:
        """Error of the first host excluded from work of a kind."""
        return next((state.excluded[kind] for state in self.states if state.is_excluded(kind)), None)

    def submit(self, state: HostState, job: Job, task: Task) -> None:
        """Start a request on a daemon thread."""
        state.in_flight += 1
        self.in_flight[job.id] = job
        started = self.now()
        state.since = state.since or started

        def run() -> None:
            response, failure = None, None
            try:
                response = task.request.perform(state.host)
            except Exception as error:
                failure = error
            self._returned.put(Returned(state, job, task, response, failure, self.now() - started))

        threading.Thread(target=run, daemon=True, name=f"request to {state.host.name}").start()

    def wait(self, seconds: float) -> Returned | None:
        """Wait for the next response; None after `seconds`, or if a probe of a host ended instead."""
        try:
            returned = self._returned.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(returned, HostState):
            self._end_probe(returned)
            return None
        returned.state.in_flight -= 1
        del self.in_flight[returned.job.id]
        if returned.error is None:
            self._record_success(returned.state)
        return returned

    def is_busy(self) -> bool:
        """True while a response or the result of a probe is outstanding."""
        return bool(self.in_flight) or any(state.is_probed for state in self.states)

    def back_off(self, state: HostState, error: EngineUnreachable | EngineBusy) -> None:
        """Send a host no requests for a while: until a probe succeeds, or until the server is less busy."""
        if isinstance(error, EngineBusy):
            state.busy_count += 1
            if state.busy_count == 1:
                self.notify(f"Retrying. {error}")
            pause = wait_s(state.busy_count, rng=self.chance, retry_after=error.retry_after)
            state.retry_at = self.now() + pause
        elif not state.is_silent:
            self.notify(f"Waiting for {state.host.name}; progress is saved. {error}")
            state.is_silent, state.probe_interval_s = True, 1.0
            state.retry_at = self.now() + state.probe_interval_s
        if all(other.retry_at > self.now() for other in self.states):
            self.on_wait(str(error))

    def exclude(self, state: HostState, kind: JobKind, error: EngineError) -> None:
        """Give a host no more work of a kind in this run."""
        state.excluded[kind] = error
        if any(not other.is_excluded(kind) for other in self.states):
            self.notify(f"Going on without {state.host.name}. {error}")

    def unload(self) -> None:
        """Unload the models, to free GPU memory. Skips unreachable hosts."""
        for state in self.states:
            for engine in (state.host.vision, state.host.writer):
                if engine is not None and not state.is_silent:
                    with suppress(EngineError):
                        engine.unload()

    def probe_silent(self) -> None:
        """Probe every silent host due for a probe."""
        for state in self.states:
            if state.is_silent and not state.is_probed and self.now() >= state.retry_at:
                state.is_probed = True
                threading.Thread(target=self._probe, args=(state,), daemon=True).start()

    def _probe(self, state: HostState) -> None:
        state.is_silent = not state.host.is_up()
        self._returned.put(state)

    def _end_probe(self, state: HostState) -> None:
        state.is_probed = False
        if state.is_silent:
            state.probe_interval_s = min(_MAX_PROBE_INTERVAL_S, state.probe_interval_s * 2)
            state.retry_at = self.now() + state.probe_interval_s
        else:
            self.notify(f"{state.host.name} answers again.")
            self.on_wait(None)

    def _serving(self, kind: JobKind, serves: Callable[[Host], bool]) -> list[HostState]:
        return [state for state in self.states if not state.is_excluded(kind) and serves(state.host)]

    def _record_success(self, state: HostState) -> None:
        """Count a response; double automatic slots while throughput grows."""
        state.busy_count = 0
        state.finished += 1
        self.on_wait(None)
        if state.slots_settled or state.finished < max(_MIN_SAMPLE, 3 * state.slots):
            return
        rate = state.finished / max(self.now() - state.since, 1e-6)
        if rate < state.best_rate * _MIN_SPEEDUP:
            state.slots, state.slots_settled = max(1, state.slots // 2), True
        elif state.slots >= MAX_SLOTS:
            state.slots_settled = True
        else:
            state.slots *= 2
        state.best_rate = max(rate, state.best_rate)
        state.finished, state.since = 0, self.now()
