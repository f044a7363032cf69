"""The machines of a cluster with the same engine, as one engine: each call goes to a free one, and again to another
one if that leaves or is in use."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vidlocal.cluster.messages import OfferedModel, Result
from vidlocal.cluster.remote_engines import Machine
from vidlocal.errors import EngineBusy, EngineUnreachable

# Time for a machine to come back when all are gone or in use; the job then waits for the next run.
GRACE_S = 120.0
_RETRY_S = 5.0
_POLL_S = 1.0


@dataclass(slots=True)
class _Seat:
    """A machine with the number of its calls, and the earliest time of the next call (monotonic)."""

    machine: Machine
    slots: int
    calls: int = 0
    retry_at: float = 0.0


@dataclass(slots=True)
class EnginePool:
    """Calls of an engine on the machines with the build `identity`. Thread-safe.

    A machine gets one call more than it performs at a time, so that it never waits for the network.
    """

    engine: str
    model: OfferedModel
    now: Callable[[], float] = time.monotonic
    _seats: dict[str, _Seat] = field(init=False, default_factory=dict)
    _free: threading.Condition = field(init=False, default_factory=threading.Condition)

    def add(self, machine: Machine, slots: int) -> None:
        """Add a machine."""
        with self._free:
            self._seats[machine.name] = _Seat(machine, slots + 1)
            self._free.notify_all()

    @property
    def slots(self) -> int:
        """Number of simultaneous calls of all machines."""
        with self._free:
            return sum(seat.slots for seat in self._seats.values())

    @property
    def machines(self) -> int:
        """Number of machines."""
        return len(self._seats)

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method on a free machine. Raises EngineUnreachable or EngineBusy if all are gone or in use."""
        give_up = self.now() + GRACE_S
        while True:
            seat = self._acquire(give_up)
            try:
                result: Result = seat.machine.call(
                    self.engine, method, *arguments, identity=self.model.identity, **options
                )
                return result.value
            except (EngineUnreachable, EngineBusy) as error:
                pause = getattr(error, "retry_after", None) or _RETRY_S
                seat.retry_at = self.now() + pause
                if self.now() >= give_up:
                    raise
            finally:
                with self._free:
                    seat.calls -= 1
                    self._free.notify()

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        """Reserve a free machine for several related calls."""
        seat = self._acquire(self.now() + GRACE_S)
        try:
            yield seat.machine
        except (EngineUnreachable, EngineBusy):
            seat.retry_at = self.now() + _RETRY_S
            raise
        finally:
            with self._free:
                seat.calls -= 1
                self._free.notify()

    def _acquire(self, give_up: float) -> _Seat:
        """Wait for a free machine, the least busy one."""
        with self._free:
            while True:
                now = self.now()
                usable = [seat for seat in self._seats.values() if seat.retry_at <= now]
                free = [seat for seat in usable if seat.calls < seat.slots]
                if free:
                    seat = min(free, key=lambda seat: seat.calls / seat.slots)
                    seat.calls += 1
                    return seat
                if usable:
                    give_up = now + GRACE_S  # they are at work
                elif now >= give_up:
                    raise EngineUnreachable(f"No machine of the cluster is free for {self.engine}.")
                self._free.wait(_POLL_S)
