"""Several servers as one pool: each takes work as fast as it can, one that fails rests and is tried again.

Requests run on threads of their own and touch no library; the thread that owns the pool claims jobs, hands
them out and stores what comes back.
"""

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from vidlocal.engines.backoff import wait_s
from vidlocal.engines.base import EmbedEngine, TextEngine, VisionEngine
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.records import Job, JobKind

# More than that at a time has never helped one server; its own queue holds 512.
MOST_SLOTS = 16

# A second request at a time is worth it when the server does a tenth more for it.
_WORTH_IT = 1.1
_LEAST_SAMPLE = 6

# An outage is polled after 1, 2, 4 ... seconds, never less often than this.
_LONGEST_PAUSE_S = 60.0

Store = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Host:
    """A server and its models. None: it lacks that model.

    `check` gives the reason why it must not go on, None when all is well. `slots` is how many requests it gets
    at a time, None to find out.
    """

    name: str
    vision: VisionEngine | None
    embedder: EmbedEngine | None
    is_up: Callable[[], bool]
    check: Callable[[], str | None] = lambda: None
    slots: int | None = 1
    writer: TextEngine | None = None


Ask = Callable[[Host], Store]


@dataclass(slots=True, eq=False)
class Seat:
    """What the pool knows of one host. Times are wall clock, seconds."""

    host: Host
    slots: int
    in_flight: int = 0
    rests_until: float = 0.0
    silent: bool = False
    probing: bool = False
    pause: float = 1.0
    busy_in_a_row: int = 0
    gone: dict[JobKind, EngineError] = field(default_factory=dict)
    finished: int = 0
    since: float = 0.0
    best_rate: float = 0.0
    settled: bool = False

    def is_gone(self, kind: JobKind) -> bool:
        """Whether this host does no more work of a kind in this run."""
        return kind in self.gone


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back: how to store the answer, or why there is none. `seconds` is how long it took."""

    seat: Seat
    job: Job
    answer: Store | Exception
    seconds: float

    def kept(self) -> str:
        """Store the answer, and say it in one line. Raises what went wrong while it was asked for."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer()


@dataclass(slots=True)
class Pool:
    """The hosts at work. Use it from one thread only.

    `waits` is told why no host at all can be asked for the moment, and None once one can be again.
    """

    hosts: Sequence[Host]
    now: Callable[[], float]
    say: Callable[[str], None]
    waits: Callable[[str | None], None] = lambda why: None
    chance: random.Random = field(default_factory=random.Random)
    seats: list[Seat] = field(init=False)
    flying: dict[int, Job] = field(init=False, default_factory=dict)
    _back: "SimpleQueue[Returned | Seat]" = field(init=False, default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        self.seats = [Seat(host, host.slots or 1, settled=host.slots is not None) for host in self.hosts]

    def free(self, kind: JobKind, serves: Callable[[Host], bool]) -> Seat | None:
        """A host that could take a request now: the one with the most free slots."""
        now = self.now()
        ready = [
            seat
            for seat in self._serving(kind, serves)
            if not seat.silent and seat.rests_until <= now and seat.in_flight < seat.slots
        ]
        return max(ready, key=lambda seat: seat.slots - seat.in_flight, default=None)

    def wakes_at(self, kind: JobKind, serves: Callable[[Host], bool]) -> float | None:
        """When a host may be asked for work of a kind (wall clock), None when none will be any more."""
        return min((seat.rests_until for seat in self._serving(kind, serves)), default=None)

    def reason_gone(self, kind: JobKind) -> EngineError | None:
        """Why a host does no more work of a kind."""
        return next((seat.gone[kind] for seat in self.seats if seat.is_gone(kind)), None)

    def submit(self, seat: Seat, job: Job, ask: Ask) -> None:
        """Have a host asked, on a thread that cannot keep the program from ending."""
        seat.in_flight += 1
        self.flying[job.id] = job
        began = self.now()
        seat.since = seat.since or began

        def work() -> None:
            answer: Store | Exception
            try:
                answer = ask(seat.host)
            except Exception as error:
                answer = error
            self._back.put(Returned(seat, job, answer, self.now() - began))

        threading.Thread(target=work, daemon=True, name=f"ask {seat.host.name}").start()

    def wait(self, seconds: float) -> Returned | None:
        """The next answer; None when none came in time, or when what came was news of a host."""
        try:
            back = self._back.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(back, Seat):
            self._end_probe(back)
            return None
        back.seat.in_flight -= 1
        del self.flying[back.job.id]
        if not isinstance(back.answer, Exception):
            self._note_success(back.seat)
        return back

    def busy(self) -> bool:
        """Whether anything is to come back: an answer, or news of a host."""
        return bool(self.flying) or any(seat.probing for seat in self.seats)

    def rest(self, seat: Seat, error: EngineUnreachable | EngineBusy) -> None:
        """Ask a host nothing for a while: until it answers again, or until it is less busy."""
        if isinstance(error, EngineBusy):
            seat.busy_in_a_row += 1
            if seat.busy_in_a_row == 1:
                self.say(f"Trying again in a moment. {error}")
            pause = wait_s(seat.busy_in_a_row, chance=self.chance, retry_after=error.retry_after)
            seat.rests_until = self.now() + pause
        elif not seat.silent:
            self.say(f"Waiting for {seat.host.name}; nothing is lost. {error}")
            seat.silent, seat.pause = True, 1.0
            seat.rests_until = self.now() + seat.pause
        if all(other.rests_until > self.now() for other in self.seats):
            self.waits(str(error))

    def dismiss(self, seat: Seat, kind: JobKind, error: EngineError) -> None:
        """Give a host no more work of a kind in this run."""
        seat.gone[kind] = error
        if any(not other.is_gone(kind) for other in self.seats):
            self.say(f"Going on without {seat.host.name}. {error}")

    def unload(self) -> None:
        """Free the cards. A host that cannot be reached has nothing to free."""
        for seat in self.seats:
            for engine in (seat.host.vision, seat.host.writer):
                if engine is not None and not seat.silent:
                    with suppress(EngineError):
                        engine.unload()

    def probe_silent(self) -> None:
        """Look, where it is time to, whether a silent host answers again."""
        for seat in self.seats:
            if seat.silent and not seat.probing and self.now() >= seat.rests_until:
                seat.probing = True
                threading.Thread(target=self._probe, args=(seat,), daemon=True).start()

    def _probe(self, seat: Seat) -> None:
        seat.silent = not seat.host.is_up()
        self._back.put(seat)

    def _end_probe(self, seat: Seat) -> None:
        seat.probing = False
        if seat.silent:
            seat.pause = min(_LONGEST_PAUSE_S, seat.pause * 2)
            seat.rests_until = self.now() + seat.pause
        else:
            self.say(f"{seat.host.name} answers again.")
            self.waits(None)

    def _serving(self, kind: JobKind, serves: Callable[[Host], bool]) -> list[Seat]:
        return [seat for seat in self.seats if not seat.is_gone(kind) and serves(seat.host)]

    def _note_success(self, seat: Seat) -> None:
        """Count, and where the number of slots is ours to find, double it while that makes the server faster."""
        seat.busy_in_a_row = 0
        seat.finished += 1
        self.waits(None)
        if seat.settled or seat.finished < max(_LEAST_SAMPLE, 3 * seat.slots):
            return
        rate = seat.finished / max(self.now() - seat.since, 1e-6)
        if rate < seat.best_rate * _WORTH_IT:
            seat.slots, seat.settled = max(1, seat.slots // 2), True
        elif seat.slots >= MOST_SLOTS:
            seat.settled = True
        else:
            seat.slots *= 2
        seat.best_rate = max(rate, seat.best_rate)
        seat.finished, seat.since = 0, self.now()
