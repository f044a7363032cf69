"""Several hosts as one pool."""

import threading

from vidlocal.enrich.runner.pool import MOST_SLOTS, Host, Pool, Returned, Seat, Store
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.records import Job, JobKind

DESCRIBE = JobKind.DESCRIBE


def job(number: int) -> Job:
    return Job(number, DESCRIBE, number, 1, 0, 0.0)


def host(name: str = "here", *, slots: int | None = 1, up: bool = True) -> Host:
    return Host(name, None, None, lambda: up, slots=slots)


def pool_of(*hosts: Host, now: list[float] | None = None, said: list[str] | None = None) -> Pool:
    clock = now if now is not None else [0.0]
    return Pool(hosts, lambda: clock[0], (said if said is not None else []).append)


def everyone(_: Host) -> bool:
    return True


def answered(_: Host) -> Store:
    return lambda: "done"


def returned(pool: Pool) -> Returned:
    back = pool.wait(5.0)
    assert back is not None
    return back


def free(pool: Pool) -> Seat:
    seat = pool.free(DESCRIBE, everyone)
    assert seat is not None
    return seat


def test_a_host_gets_as_many_requests_at_a_time_as_it_has_slots() -> None:
    pool = pool_of(host(slots=2))
    gate = threading.Event()

    def wait_for_it(_: Host) -> Store:
        gate.wait(5.0)
        return lambda: "done"

    pool.submit(free(pool), job(1), wait_for_it)
    pool.submit(free(pool), job(2), wait_for_it)
    assert pool.free(DESCRIBE, everyone) is None
    gate.set()
    assert {returned(pool).job.id, returned(pool).job.id} == {1, 2}
    assert not pool.busy()


def test_an_error_comes_back_with_its_job() -> None:
    pool = pool_of(host())

    def fail(_: Host) -> Store:
        raise EngineError("no")

    pool.submit(free(pool), job(1), fail)
    assert isinstance(returned(pool).answer, EngineError)


def test_a_silent_host_rests_while_the_others_go_on_and_is_said_once() -> None:
    said: list[str] = []
    waits: list[str | None] = []
    pool = pool_of(host("a", up=False), host("b"), said=said)
    pool.waits = waits.append
    first = free(pool)
    for _ in range(3):
        pool.rest(first, EngineUnreachable("a is gone."))
    assert free(pool).host.name == "b"
    assert said == ["Waiting for a; nothing is lost. a is gone."]
    pool.rest(free(pool), EngineUnreachable("b is gone."))
    assert waits == ["b is gone."]  # only when no host is left


def test_a_silent_host_is_probed_less_and_less_often_and_welcomed_back() -> None:
    said: list[str] = []
    now = [0.0]
    is_up = [False]
    pool = pool_of(Host("a", None, None, lambda: is_up[0]), now=now, said=said)
    waits: list[str | None] = []
    pool.waits = waits.append
    pool.rest(free(pool), EngineUnreachable("a is gone."))
    rests: list[float] = []
    for _ in range(9):
        wakes = pool.wakes_at(DESCRIBE, everyone)
        assert wakes is not None
        rests.append(wakes - now[0])
        now[0] = wakes
        pool.probe_silent()
        while pool.busy():
            pool.wait(5.0)
    assert rests == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    is_up[0] = True
    now[0] += 60.0
    pool.probe_silent()
    while pool.busy():
        pool.wait(5.0)
    assert free(pool).host.name == "a"
    assert said[-1] == "a answers again."
    assert waits == ["a is gone.", None]


def test_a_busy_host_rests_as_long_as_it_asks() -> None:
    now = [0.0]
    pool = pool_of(host(), now=now)
    pool.rest(free(pool), EngineBusy("busy", retry_after=30.0))
    assert pool.free(DESCRIBE, everyone) is None
    now[0] = 30.0
    assert pool.free(DESCRIBE, everyone) is not None


def test_a_host_without_the_model_leaves_that_work_to_the_others_and_is_named() -> None:
    said: list[str] = []
    pool = pool_of(host("a"), host("b"), said=said)
    pool.dismiss(pool.seats[0], DESCRIBE, EngineError("a lacks llava."))
    assert free(pool).host.name == "b"
    assert said == ["Going on without a. a lacks llava."]
    assert not pool.seats[0].is_gone(JobKind.EMBED)


def run(pool: Pool, now: list[float], *, answers: int, parallel: int) -> None:
    """A server that answers `parallel` requests a second, one at a time each taking a second."""
    flying = 0
    for number in range(answers):
        while (seat := pool.free(DESCRIBE, everyone)) is not None:
            pool.submit(seat, job(1000 * number + flying), answered)
            flying += 1
        now[0] += 1.0 / min(parallel, max(1, flying))
        returned(pool)
        flying -= 1


def test_slots_are_raised_while_that_makes_the_server_faster() -> None:
    for parallel, expected in ((1, 1), (4, 4), (16, MOST_SLOTS)):
        now = [1.0]
        pool = pool_of(host(slots=None), now=now)
        run(pool, now, answers=400, parallel=parallel)
        assert pool.seats[0].slots == expected
