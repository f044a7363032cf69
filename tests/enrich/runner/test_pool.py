"""Pool of several hosts."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from vidlocal.enrich.runner.pool import MAX_SLOTS, Host, HostState, Pool, Returned, Task
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.records import Job, JobKind

DESCRIBE = JobKind.DESCRIBE


def job(number: int) -> Job:
    return Job(number, DESCRIBE, number, 1, 0)


def host(name: str = "here", *, slots: int | None = 1, up: bool = True) -> Host:
    return Host(name, None, None, lambda: up, slots=slots)


def pool_of(*hosts: Host, now: list[float] | None = None, messages: list[str] | None = None) -> Pool:
    clock = now if now is not None else [0.0]
    return Pool(hosts, lambda: clock[0], (messages if messages is not None else []).append)


def everyone(_: Host) -> bool:
    return True


@dataclass(frozen=True)
class Call:
    """A request with a function to call."""

    function: Callable[[], str]

    def perform(self, host: Host) -> str:
        return self.function()


def task(function: Callable[[], str] = lambda: "done") -> Task:
    return Task(Call(function), str)


def returned(pool: Pool) -> Returned:
    back = pool.wait(5.0)
    assert back is not None
    return back


def free(pool: Pool) -> HostState:
    state = pool.free_host(DESCRIBE, everyone)
    assert state is not None
    return state


def test_a_host_gets_as_many_requests_at_a_time_as_it_has_slots() -> None:
    pool = pool_of(host(slots=2))
    gate = threading.Event()

    def wait_for_gate() -> str:
        gate.wait(5.0)
        return "done"

    pool.submit(free(pool), job(1), task(wait_for_gate))
    pool.submit(free(pool), job(2), task(wait_for_gate))
    assert pool.free_host(DESCRIBE, everyone) is None
    gate.set()
    assert {returned(pool).job.id, returned(pool).job.id} == {1, 2}
    assert not pool.is_busy()


def test_an_error_comes_back_with_its_job() -> None:
    pool = pool_of(host())

    def fail() -> str:
        raise EngineError("no")

    pool.submit(free(pool), job(1), task(fail))
    assert isinstance(returned(pool).error, EngineError)


def test_a_silent_host_pauses_while_the_others_continue_and_is_reported_once() -> None:
    messages: list[str] = []
    waits: list[str | None] = []
    pool = pool_of(host("a", up=False), host("b"), messages=messages)
    pool.on_wait = waits.append
    first = free(pool)
    for _ in range(3):
        pool.back_off(first, EngineUnreachable("a is gone."))
    assert free(pool).host.name == "b"
    assert messages == ["Waiting for a; progress is saved. a is gone."]
    pool.back_off(free(pool), EngineUnreachable("b is gone."))
    assert waits == ["b is gone."]  # only when no host is left


def test_a_silent_host_is_probed_less_and_less_often_and_welcomed_back() -> None:
    messages: list[str] = []
    now = [0.0]
    is_up = [False]
    pool = pool_of(Host("a", None, None, lambda: is_up[0]), now=now, messages=messages)
    waits: list[str | None] = []
    pool.on_wait = waits.append
    pool.back_off(free(pool), EngineUnreachable("a is gone."))
    pauses: list[float] = []
    for _ in range(9):
        retry_at = pool.retry_at(DESCRIBE, everyone)
        assert retry_at is not None
        pauses.append(retry_at - now[0])
        now[0] = retry_at
        pool.probe_silent()
        while pool.is_busy():
            pool.wait(5.0)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    is_up[0] = True
    now[0] += 60.0
    pool.probe_silent()
    while pool.is_busy():
        pool.wait(5.0)
    assert free(pool).host.name == "a"
    assert messages[-1] == "a answers again."
    assert waits == ["a is gone.", None]


def test_a_busy_host_is_left_alone_as_long_as_it_asks() -> None:
    now = [0.0]
    pool = pool_of(host(), now=now)
    pool.back_off(free(pool), EngineBusy("busy", retry_after=30.0))
    assert pool.free_host(DESCRIBE, everyone) is None
    now[0] = 30.0
    assert pool.free_host(DESCRIBE, everyone) is not None


def test_host_without_the_model_is_named_and_skipped() -> None:
    messages: list[str] = []
    pool = pool_of(host("a"), host("b"), messages=messages)
    pool.exclude(pool.states[0], DESCRIBE, EngineError("a lacks llava."))
    assert free(pool).host.name == "b"
    assert messages == ["Going on without a. a lacks llava."]
    assert not pool.states[0].is_excluded(JobKind.EMBED)


def run(pool: Pool, now: list[float], *, answers: int, parallel: int) -> None:
    """A server for `parallel` requests a second; each takes a second alone."""
    in_flight = 0
    for number in range(answers):
        while (state := pool.free_host(DESCRIBE, everyone)) is not None:
            pool.submit(state, job(1000 * number + in_flight), task())
            in_flight += 1
        now[0] += 1.0 / min(parallel, max(1, in_flight))
        returned(pool)
        in_flight -= 1


def test_slots_are_raised_while_throughput_grows() -> None:
    for parallel, expected in ((1, 1), (4, 4), (16, MAX_SLOTS)):
        now = [1.0]
        pool = pool_of(host(slots=None), now=now)
        run(pool, now, answers=400, parallel=parallel)
        assert pool.states[0].slots == expected
