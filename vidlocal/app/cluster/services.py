"""The services of a cluster: the scheduler on the machine of the library, and a worker on each other machine."""

import asyncio
import errno
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.app.cluster.membership import (
    cluster_folder,
    open_connection,
    require_dask,
    scheduler_address,
    store_address,
    stored_address,
)
from vidlocal.app.cluster.shared_files import Mount
from vidlocal.app.cluster.site import open_site, site_tags
from vidlocal.cluster import certificates
from vidlocal.cluster.addresses import SchedulerAddress, local_address, parse_address
from vidlocal.cluster.certificates import parse_token
from vidlocal.enrich.runner.schedule import Condition, MachineIdle, NightWindow, OnMains, When
from vidlocal.enrich.runner.system_load import OtherProcessesLoad, lower_priority, on_battery
from vidlocal.enrich.runner.time_window import parse_window
from vidlocal.errors import EngineUnreachable, ToolError, UsageError
from vidlocal.settings import Settings

if TYPE_CHECKING:
    from vidlocal.cluster.connection import Member

# Exit code after SIGTERM: 128 + 15.
TERMINATED = 143

# Pauses between attempts to reach a scheduler that is gone: doubled from the first to the last.
_MIN_PAUSE_S, _MAX_PAUSE_S = 1.0, 15.0


@dataclass(frozen=True, slots=True)
class Started:
    """A running scheduler: its address, and the token for other machines."""

    address: SchedulerAddress
    token: str


def start_cluster(
    settings: Settings, *, listen: str | None, port: int, reset: bool, on_start: Callable[[Started], None]
) -> None:
    """Run the scheduler until a signal ends the process. Certificates are created on first use, and by `reset`.

    `listen`: address of this machine, None for its main network. Raises ToolError if the port cannot be used.
    """
    require_dask()
    from vidlocal.cluster.pickle_guard import guarded_pickles

    folder = cluster_folder(settings)
    if reset or not certificates.has_authority(folder):
        certificates.create_authority(folder)
    host = listen or local_address()
    with guarded_pickles():
        asyncio.run(_schedule(settings, folder, host, port, on_start))


async def _schedule(
    settings: Settings, folder: Path, host: str, port: int, on_start: Callable[[Started], None]
) -> None:
    from vidlocal.cluster import dask_nodes
    from vidlocal.cluster.enrollment import serve_enrollment

    dask_nodes.configure(folder)
    try:
        scheduler = dask_nodes.create_scheduler(folder, host, port)
        enrollment = await serve_enrollment(folder, host, port + 1)
        await scheduler
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"{host} is not an address of this machine. Run: vidlocal cluster start") from error
        raise ToolError(
            f"{host}: the ports {port} and {port + 1} cannot be used ({_reason(error)}). "
            "Choose others: vidlocal cluster start --port N"
        ) from error
    async with scheduler, enrollment:
        address = parse_address(scheduler.address)
        store_address(settings, address)
        on_start(Started(address, str(certificates.join_token(folder))))
        await _until_terminated(scheduler.finished())


async def _until_terminated(finished: Coroutine[object, object, object]) -> None:
    """Wait for the end of a node. Raises SystemExit after SIGTERM, outside the tasks of Dask."""
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    waits = [asyncio.ensure_future(finished), asyncio.ensure_future(terminated.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if terminated.is_set():
        raise SystemExit(TERMINATED)


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause)


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """Options of a worker. `listen`: address of this machine, by default the one facing the scheduler; `port` 0: any.

    `mounts`: folders shared with the owner.
    """

    name: str | None = None
    listen: str | None = None
    port: int = 0
    when: When = When.ANY
    window: str | None = None
    mounts: tuple[Mount, ...] = ()


def join_cluster(
    settings: Settings, address: str | None, token: str | None, options: JoinOptions, notify: Callable[[str], None]
) -> None:
    """Work for a cluster until a signal ends the process. The first time needs the address and the token.

    Raises UsageError without them, ToolError for a wrong token, EngineUnreachable if there is no scheduler to join.
    """
    require_dask()
    from vidlocal.cluster import dask_nodes
    from vidlocal.cluster.pickle_guard import guarded_pickles

    name = options.name or socket.gethostname()
    scheduler = parse_address(address) if address else scheduler_address(settings)
    _enroll(settings, scheduler, token, name)
    dask_nodes.configure(cluster_folder(settings))
    lower_priority()
    with open_site(settings, _conditions(options), notify, options.mounts) as site, guarded_pickles():
        del site
        asyncio.run(_work(settings, scheduler, name, options, notify))


def _enroll(settings: Settings, scheduler: SchedulerAddress, token: str | None, name: str) -> None:
    """Get a certificate from the scheduler unless stored."""
    from vidlocal.cluster.enrollment import enroll

    folder = cluster_folder(settings)
    if scheduler.protocol == "tcp":
        return
    if token is not None and not certificates.has_authority(folder):
        enroll(folder, scheduler.host, scheduler.port + 1, parse_token(token), name)
        store_address(settings, scheduler)
    elif not certificates.has_certificate(folder) or scheduler != stored_address(settings):
        raise UsageError(
            f"This machine has not joined {scheduler} yet. "
            f"Run: vidlocal cluster join {scheduler.host}:{scheduler.port} --token TOKEN"
        )


def _conditions(options: JoinOptions) -> Sequence[Condition]:
    conditions: list[Condition] = []
    if options.window is not None:
        conditions.append(NightWindow(parse_window(options.window), lambda: datetime.now().astimezone()))
    if options.when is not When.ANY:
        conditions.append(OnMains(on_battery, time.monotonic))
    if options.when is When.IDLE:
        conditions.append(MachineIdle(OtherProcessesLoad(), time.monotonic))
    return conditions


async def _work(
    settings: Settings, scheduler: SchedulerAddress, name: str, options: JoinOptions, notify: Callable[[str], None]
) -> None:
    """Work for the scheduler; rejoin after each interruption."""
    from vidlocal.cluster import dask_nodes

    host = options.listen or local_address(scheduler.host)
    pause, waiting = _MIN_PAUSE_S, False
    while True:
        tags = site_tags(settings, options.mounts)
        worker = dask_nodes.create_worker(cluster_folder(settings), scheduler, name, host, options.port, tags)
        try:
            async with asyncio.timeout(_MAX_PAUSE_S):
                await worker
        except (TimeoutError, OSError, ValueError, RuntimeError) as error:
            with suppress(Exception):
                await worker.close()
            if not waiting:
                notify(_waiting_reason(cluster_folder(settings), scheduler, name, error))
            waiting = True
            await asyncio.sleep(pause)
            pause = min(_MAX_PAUSE_S, pause * 2)
            continue
        pause, waiting = _MIN_PAUSE_S, False
        notify(f"Joined {scheduler} as {name} with: {', '.join(sorted(tags))}.")
        async with worker:
            await _until_terminated(worker.finished())
        notify("The scheduler is gone.")


def _waiting_reason(folder: Path, scheduler: SchedulerAddress, name: str, error: Exception) -> str:
    """Return a sentence about a failed attempt to join. Raises ToolError if joining again with a token would help."""
    from vidlocal.cluster.diagnosis import require_reachable

    if "name taken" in f"{error} {error.__cause__}":
        return f"Waiting: another machine is called {name}. Choose another name: vidlocal cluster join --name NAME"
    try:
        require_reachable(folder, scheduler)
    except EngineUnreachable as reason:
        return f"Waiting. {reason}"
    return f"Waiting for the scheduler {scheduler}."


def cluster_status(settings: Settings) -> "tuple[SchedulerAddress, str | None, list[Member]]":
    """Return address, join token (on the machine of the authority) and machines. Raises EngineUnreachable."""
    with ExitStack() as stack:
        connection = open_connection(stack, settings)
        machines = sorted(connection.members.values(), key=lambda member: member.name)
    folder = cluster_folder(settings)
    token = str(certificates.join_token(folder)) if certificates.has_authority(folder) else None
    return connection.address, token, machines
