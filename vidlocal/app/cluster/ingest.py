"""Ingest with a cluster: decoding on machines with the files, then OCR, speech and vectors on all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from vidlocal.app.cluster.fast_engines import ClusterFastEngines, fast_identities
from vidlocal.app.cluster.hosts import ClusterHosts, models_of
from vidlocal.app.cluster.membership import open_connection
from vidlocal.app.cluster.sampler import ClusterSampler
from vidlocal.enrich.workers.fast_lanes import FastLanes
from vidlocal.enrich.workers.fast_pass import FastEngines, StageProgress, run_fast_pass
from vidlocal.ingest.outcome import Outcome
from vidlocal.ingest.prepared import FileSampler
from vidlocal.job_specs import FAST_KINDS
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS
from vidlocal.text import format_size


def ingest_with_cluster(
    start: Callable[[FileSampler], Iterable[Outcome]],
    library: Library,
    settings: Settings,
    lock: ProcessLock,
    local: FastEngines,
    *,
    on_stage: Callable[[StageProgress], None] = lambda stage: None,
    notify: Callable[[str], None],
) -> Iterator[Outcome]:
    """Yield the outcomes of an ingest, with OCR, speech and image vectors by the cluster in the meantime.

    `start` begins the ingest with a sampler: machines that share the files decode them. Works off the whole queue of
    these kinds. Raises EngineUnreachable without a scheduler.
    """
    with ExitStack() as stack:
        connection = open_connection(stack, settings)
        machines = ClusterHosts(connection, models_of(settings), notify, False, fast_identities(local))
        machines.first()
        remote = ClusterFastEngines(lambda: machines.pools, local)
        lanes = stack.enter_context(FastLanes(library.folder, remote, lock, ALL_JOBS, FAST_KINDS))
        stack.callback(jobs.release_claimed, library, lock.token)

        def follow(*_: object) -> bool:
            machines.newcomers()
            lanes.follow(library, True)
            return False

        sampler = stack.enter_context(ClusterSampler(lambda: machines.pools.get("files"), settings.every))
        for outcome in start(sampler):
            follow()
            yield outcome
        own = {kind for kind in FAST_KINDS if local.has(kind)}
        notes = run_fast_pass(library, local, lock, only=own, on_stage=on_stage, stop=follow)
        while lanes.is_working() or lanes.fill(library):
            follow()
            lanes.wait(on_stage)
        for note in dict.fromkeys([*notes, *lanes.notes]):
            notify(note)
        notify(f"{format_size(connection.sent_bytes)} sent to the cluster.")
