"""Connection of the owner of a library to a Dask scheduler: machines, and calls to a machine."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vidlocal.cluster import dask_nodes
from vidlocal.cluster.addresses import SchedulerAddress
from vidlocal.cluster.diagnosis import require_reachable
from vidlocal.cluster.task import perform
from vidlocal.errors import EngineUnreachable

if TYPE_CHECKING:
    from distributed import Client, Future

# Interval between two looks at the machines. One that left loses its calls within this time.
_WATCH_S = 1.0
_CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Member:
    """A machine. `tags`: engines with the number of calls at a time; `tasks`: calls at work or waiting there."""

    name: str
    address: str
    tags: Mapping[str, float]
    tasks: int


class Connection:
    """A connection with automatic reconnection. A context manager; thread-safe.

    `sent_bytes` counts the payload of all calls.
    """

    def __init__(self, address: SchedulerAddress, folder: Path) -> None:
        self.address = address
        self._folder = folder
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._calls: dict[str, set[Future[bytes]]] = defaultdict(set)
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="cluster")
        self.sent_bytes = 0

    def __enter__(self) -> Self:
        """Connect. Raises EngineUnreachable."""
        dask_nodes.configure(self._folder)
        self._connect()
        self._look()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._drop()

    @property
    def members(self) -> Mapping[str, Member]:
        """The machines by name, as of the last second."""
        return dict(self._members)

    def call(self, member: str, payload: bytes) -> bytes:
        """Perform a call on a machine, and wait for the result. Raises EngineUnreachable for a lost machine."""
        future = self._submit(member, payload)
        try:
            return future.result()
        except Exception as error:  # the task itself raises none
            raise _lost(member, error) from error
        finally:
            with self._lock:
                self._calls[member].discard(future)
            with suppress(Exception):  # the connection may be gone
                future.release()

    def _submit(self, member: str, payload: bytes) -> "Future[bytes]":
        with self._lock:
            machine, client = self._members.get(member), self._client
            if machine is None or client is None:
                raise EngineUnreachable(f"{member} is not connected to the cluster.")
            try:
                future = client.submit(perform, payload, workers=[machine.address], pure=False)
            except Exception as error:
                raise _lost(member, error) from error
            self._calls[member].add(future)
            self.sent_bytes += len(payload)
        return future

    def _connect(self) -> None:
        from distributed import Client

        try:
            self._client = Client(
                str(self.address),
                security=dask_nodes.security_of(self._folder, self.address),
                timeout=_CONNECT_S,
                set_as_default=False,
                name="vidlocal",
            )
        except Exception as error:
            require_reachable(self._folder, self.address)
            raise EngineUnreachable(f"{self.address} does not answer ({type(error).__name__}).") from error

    def _drop(self) -> None:
        """Close the client; its calls are lost."""
        with self._lock:
            client, self._client, self._members = self._client, None, {}
        if client is not None:
            with suppress(Exception):
                client.close(timeout=2)

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_S):
            try:
                if self._client is None or self._client.status != "running":
                    self._drop()
                    self._connect()
                self._look()
            except Exception:
                self._drop()

    def _look(self) -> None:
        """Update the machines, and cancel calls to departed machines."""
        client = self._client
        if client is None:
            return
        info = client.scheduler_info(n_workers=-1)
        members = {member.name: member for member in starmap(_member, info["workers"].items())}
        with self._lock:
            before, self._members = self._members, members
            lost = [
                future
                for name, member in before.items()
                if name not in members or members[name].address != member.address
                for future in self._calls.pop(name, ())
            ]
        if lost:
            client.cancel(lost, force=True)


def _member(address: str, worker: Mapping[str, Any]) -> Member:
    counts = worker["metrics"].get("task_counts", {})
    return Member(str(worker["name"]), address, dict(worker["resources"]), int(counts.get("executing", 0)))


def _lost(member: str, error: Exception) -> EngineUnreachable:
    return EngineUnreachable(f"{member} left the cluster in the middle of a task ({type(error).__name__}).")
