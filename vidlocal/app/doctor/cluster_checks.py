"""Check of the cluster, for `vidlocal doctor`."""

from collections.abc import Iterator

from vidlocal.app.cluster import membership
from vidlocal.app.doctor.check import Check, CheckState
from vidlocal.errors import VidlocalError
from vidlocal.settings import Settings


def scheduler(loaded: Settings) -> Iterator[Check]:
    """Check the scheduler of a cluster that is set, started or joined; no line without one."""
    if not loaded.cluster and membership.stored_address(loaded) is None:
        return
    try:
        membership.require_dask()
        from vidlocal.cluster.diagnosis import require_reachable  # needs an optional package

        address = membership.scheduler_address(loaded)
        require_reachable(membership.cluster_folder(loaded), address)
    except VidlocalError as error:
        fix = str(error).partition("Run: ")[2] or "vidlocal cluster start"
        yield Check("cluster", CheckState.WARNING, str(error), fix)
    else:
        yield Check("cluster", CheckState.OK, f"scheduler at {address}", "vidlocal cluster status")
