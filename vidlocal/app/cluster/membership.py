"""Membership of this machine in a cluster: folder, address of the scheduler, connection."""

from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from vidlocal.cluster.addresses import SchedulerAddress, parse_address
from vidlocal.cluster.certificates import write_private
from vidlocal.cluster.connection import Connection
from vidlocal.errors import ToolError, UsageError
from vidlocal.installation import extra_command
from vidlocal.settings import Settings

# Value of the setting: the cluster that this machine started or joined.
OWN = "own"

_ADDRESS = "address"


def cluster_folder(settings: Settings) -> Path:
    """Return the folder of the certificates and of the address."""
    return settings.home / "cluster"


def stored_address(settings: Settings) -> SchedulerAddress | None:
    """Return the scheduler of the started or joined cluster."""
    file = cluster_folder(settings) / _ADDRESS
    return parse_address(file.read_text("utf-8")) if file.exists() else None


def store_address(settings: Settings, address: SchedulerAddress) -> None:
    """Remember the scheduler of the started or joined cluster."""
    write_private(cluster_folder(settings) / _ADDRESS, str(address).encode())


def scheduler_address(settings: Settings) -> SchedulerAddress:
    """Return the address of the scheduler by the settings. Raises UsageError if there is none."""
    if settings.cluster not in ("", OWN):
        return parse_address(settings.cluster)
    address = stored_address(settings)
    if address is None:
        raise UsageError("This machine belongs to no cluster. Run: vidlocal cluster start")
    return address


def require_dask() -> None:
    """Raise ToolError if the optional packages are not installed."""
    missing = [name for name in ("distributed", "cryptography") if find_spec(name) is None]
    if missing:
        raise ToolError(f"Not installed: {', '.join(missing)}. Run: {extra_command('cluster')}")


def open_connection(stack: ExitStack, settings: Settings) -> Connection:
    """Connect to the scheduler of the settings; closed with `stack`. Raises EngineUnreachable."""
    require_dask()
    from vidlocal.cluster.pickle_guard import guarded_pickles

    address = scheduler_address(settings)
    stack.enter_context(guarded_pickles())
    return stack.enter_context(Connection(address, cluster_folder(settings)))
