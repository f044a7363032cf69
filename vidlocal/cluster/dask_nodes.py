"""Dask processes in vidlocal's configuration: encrypted, on a single address, without code in calls."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidlocal.cluster.addresses import SchedulerAddress
from vidlocal.cluster.certificates import AUTHORITY, CERTIFICATE, KEY, has_certificate

if TYPE_CHECKING:
    from distributed import Scheduler, Worker
    from distributed.security import Security

# A machine that fell asleep is dropped after this time; a task that waits for it goes to another one.
WORKER_TTL_S = 30

# Threads of a worker. Each call waits for a server or a child process; limits per engine are kept by the engines.
WORKER_THREADS = 64

_CONFIG = {
    "distributed.scheduler.worker-ttl": f"{WORKER_TTL_S}s",
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.timeouts.tcp": "20s",
    "distributed.comm.retry.count": 0,
    "distributed.admin.large-graph-warning-threshold": "1 GB",
    "distributed.admin.tick.limit": "30s",
}

# Calls that run functions, load modules or forward messages. vidlocal needs none of them.
_WORKER_CODE = (
    "run",
    "run_coroutine",
    "upload_file",
    "actor_execute",
    "actor_attribute",
    "plugin-add",
    "plugin-remove",
    "benchmark_disk",
    "benchmark_memory",
    "benchmark_network",
)
_SCHEDULER_CODE = (
    "run_function",
    "broadcast",
    "feed",
    "register_scheduler_plugin",
    "unregister_scheduler_plugin",
    "register_worker_plugin",
    "unregister_worker_plugin",
    "register_nanny_plugin",
    "unregister_nanny_plugin",
    "dump_cluster_state_to_url",
)


def configure(folder: Path) -> None:
    """Set the options of Dask for this process, with its files in `folder`, and keep its log off the terminal."""
    import dask
    import distributed

    dask.config.set(_CONFIG | {"temporary-directory": str(folder)})
    for name in (distributed.__name__, "tornado", "asyncio", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def security_of(folder: Path, address: SchedulerAddress) -> "Security | None":
    """Return the certificates for a scheduler: from `folder`, else from Dask's own configuration.

    None for plain tcp on loopback.
    """
    from distributed.security import Security

    if address.protocol == "tcp":
        return None
    if not has_certificate(folder):
        return Security()
    files = {"ca_file": AUTHORITY}
    for role in ("client", "scheduler", "worker"):
        files |= {f"{role}_cert": CERTIFICATE, f"{role}_key": KEY}
    paths = {f"tls_{name}": str(folder / file) for name, file in files.items()}
    return Security(require_encryption=True, **paths)


def create_scheduler(folder: Path, host: str, port: int) -> "Scheduler":
    """Create the encrypted scheduler of a cluster on a single address."""
    from distributed import Scheduler

    security = security_of(folder, SchedulerAddress("tls", host, port))
    node = Scheduler(
        host=host,
        port=port,
        protocol="tls",
        security=security,
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        extensions={},
    )
    _forget(node.handlers, _SCHEDULER_CODE)
    return node


def create_worker(
    folder: Path, scheduler: SchedulerAddress, name: str, host: str, port: int, resources: Mapping[str, float]
) -> "Worker":
    """Create a worker on a single address. `resources`: tags of its engines with the number of simultaneous calls."""
    from distributed import Worker

    class ImpatientWorker(Worker):
        """A worker with immediate rejoining, without waiting for abandoned calls."""

        async def close(self, *arguments: Any, **options: Any) -> Any:
            return await super().close(*arguments, **options | {"executor_wait": False})

    node = ImpatientWorker(
        str(scheduler),
        name=name,
        host=host,
        port=port,
        protocol=scheduler.protocol,
        security=security_of(folder, scheduler),
        nthreads=WORKER_THREADS,
        resources=dict(resources),
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        extensions={},
    )
    _forget(node.handlers, _WORKER_CODE)
    return node


def _forget(handlers: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        handlers.pop(name, None)
