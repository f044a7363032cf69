"""Engines of a run on this machine and on the machines of a cluster."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from vidlocal.app.cluster.fast_engines import ClusterFastEngines, fast_identities
from vidlocal.app.cluster.hosts import ClusterHosts, identities_of, models_of
from vidlocal.app.cluster.membership import open_connection
from vidlocal.app.engines.hosts import open_hosts
from vidlocal.cluster.remote_engines import Carrier
from vidlocal.enrich.run import EnrichEngines
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.workers.fast_pass import FastEngines
from vidlocal.errors import EngineError
from vidlocal.records import JobKind
from vidlocal.settings import Settings
from vidlocal.store.database import Library


def open_cluster_engines(
    stack: ExitStack,
    settings: Settings,
    remaining: Mapping[JobKind, int],
    fast: FastEngines,
    *,
    library: Library,
    canary: bool,
    patient: bool,
    notify: Callable[[str], None],
) -> EnrichEngines:
    """Open the servers of this machine and the machines of the cluster. Raises EngineError if none can do the work.

    `patient` waits a while for a first machine if this one has no server.
    """
    connection = open_connection(stack, settings)
    return add_machines(
        stack,
        settings,
        remaining,
        fast,
        connection,
        library=library,
        canary=canary,
        patient=patient,
        notify=notify,
    )


def add_machines(
    stack: ExitStack,
    settings: Settings,
    remaining: Mapping[JobKind, int],
    fast: FastEngines,
    connection: Carrier,
    *,
    library: Library,
    canary: bool,
    patient: bool,
    notify: Callable[[str], None],
) -> EnrichEngines:
    """Open the servers of this machine, and add the machines of a connection."""
    own: list[Host] = []
    error: EngineError | None = None
    try:
        own = open_hosts(stack, settings, remaining, library=library, canary=canary, notify=notify)
    except EngineError as failure:
        error = failure
    identities = identities_of(own) | fast_identities(fast)
    machines = ClusterHosts(connection, models_of(settings), notify, canary, identities)
    others = machines.first(patient=patient and error is not None)
    if error is not None and not others:
        raise type(error)(f"No machine of the cluster captions or writes now, and this one cannot. {error}")
    if error is not None:
        notify(f"The cluster does the work of the models. {error}")
    if not others and not machines.pools:
        notify("No other machine of the cluster can help now. Run there: vidlocal cluster join")
    return EnrichEngines(
        fast,
        [*own, *others],
        guarded=canary,
        newcomers=machines.newcomers,
        sent_bytes=lambda: connection.sent_bytes,
        remote=ClusterFastEngines(lambda: machines.pools, fast),
    )
