"""Verb 2: the deep pass. Local models work through the queue, most valuable frames first.

    read, listen, look at pictures -> embed -> describe a stretch, watch -> tag, summarise -> embed -> ... until done

Every answer is stored together with the end of its job. Whatever stops the run, the next one goes on there.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from vidlocal.enrich.runner.canary_guard import Guard
from vidlocal.enrich.runner.pool import Host, Pool
from vidlocal.enrich.runner.schedule import Gate, Open
from vidlocal.enrich.runner.worker import STRETCH, Clock, Progress, Summary, Work, Worker, work_left
from vidlocal.enrich.workers import fast_pass
from vidlocal.enrich.workers.describe import Describer
from vidlocal.enrich.workers.embed import Embedder
from vidlocal.enrich.workers.summarise import Summariser
from vidlocal.enrich.workers.tag import Tagger
from vidlocal.enrich.workers.watch import Watcher
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import understanding
from vidlocal.store.content.sequences import MOST_PICTURES
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache
from vidlocal.store.process_locks import Owner
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.queue.job_filter import ALL, Among

# What a process waits for whose models are away.
SERVER = "server"


@dataclass(frozen=True, slots=True)
class Engines:
    """What this run works with. `guarded`: descriptions are shown once their model was seen to see again."""

    fast: fast_pass.Engines
    hosts: Sequence[Host]
    guarded: bool = True


def enrich(
    library: Library,
    engines: Engines,
    owner: Owner,
    *,
    among: Among = ALL,
    only: Collection[JobKind] | None = None,
    gate: Gate | None = None,
    clock: Clock | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Summary:
    """Work off the queue, or some of it, and sum up. `only` names the kinds of work, None for all.

    It ends when nothing is left or the gate rules that it is over. Raises EngineError when the models, not the
    frames, are at fault, and StoreError when nothing can be stored any more; no frame is charged for either.
    """
    clock = clock or Clock()
    pool = Pool(engines.hosts, clock.now, say, partial(_tell_waiting, owner))
    guard = Guard(library, pool, clock.now, guarded=engines.guarded)
    worker = Worker(library, pool, guard, gate or Open(), clock, owner, among, report)
    started = clock.now()
    jobs.release_dead(library)
    try:
        _fast_pass(worker, engines.fast, only)
        _work_off(worker, [work for work in _works(library, engines) if only is None or work.kind in only])
    finally:
        worker.give_everything_back()
        owner.go_on(SERVER)
    _mirror_vectors(worker, engines)
    worker.summary.left = work_left(library, among)
    worker.summary.seconds = clock.now() - started
    return worker.summary


def _tell_waiting(owner: Owner, why: str | None) -> None:
    if why is None:
        owner.go_on(SERVER)
    else:
        owner.wait_for(SERVER, why)


def _works(library: Library, engines: Engines) -> list[Work]:
    """What the models of this run can do, in the order of a round."""
    describer = Describer(library, guarded=engines.guarded)
    watcher = Watcher(library, speaks_plainly=describer.speaks_plainly, guarded=engines.guarded)
    for host in engines.hosts:
        if host.vision is not None:
            describer.learn(host.vision)
            watcher.learn(host.vision)
    works = [
        Work(JobKind.DESCRIBE, describer.prepare, _sees, limit=STRETCH),
        Work(JobKind.WATCH, watcher.prepare, _sees, limit=STRETCH // MOST_PICTURES),
        *_text_works(library, engines),
    ]
    key = _embedding_key(engines)
    if key is not None:
        works.insert(0, Work(JobKind.EMBED, Embedder(library, key).prepare, partial(_embeds_with, key)))
    return works


def _text_works(library: Library, engines: Engines) -> list[Work]:
    """What the text model of this run can do, on the hosts that have it."""
    writer = next((host.writer for host in engines.hosts if host.writer is not None), None)
    if writer is None:
        return []
    serves = partial(_writes_as, writer.name)
    return [
        Work(JobKind.TAG, Tagger(library, writer.name, writer.num_ctx).prepare, serves),
        Work(JobKind.SUMMARISE, Summariser(library, writer.name, writer.num_ctx).prepare, serves),
    ]


def _work_off(worker: Worker, works: Sequence[Work]) -> None:
    """Round after round, in long stretches per model, until a whole round finds nothing to do."""
    worker.guard.begin()
    performed = 1
    while performed and not worker.is_over():
        performed = 0
        priorities.reprioritise(worker.library)
        for work in works:
            if work.kind in (JobKind.TAG, JobKind.SUMMARISE):  # they are told what is visible only
                worker.guard.look(at_the_end=True)
                understanding.queue_grown(worker.library)
            performed += worker.perform(work)
        worker.guard.look()
    worker.guard.look(at_the_end=True)


def _mirror_vectors(worker: Worker, engines: Engines) -> None:
    """Have the fast copy of new vectors ready, which else the next search would have to wait for."""
    key = _embedding_key(engines)
    if key is not None and worker.summary.done.get(JobKind.EMBED):
        vector_cache.prepare(worker.library, key)


def _embedding_key(engines: Engines) -> str | None:
    return next((host.embedder.key for host in engines.hosts if host.embedder is not None), None)


def _fast_pass(worker: Worker, engines: fast_pass.Engines, only: Collection[JobKind] | None) -> None:
    """Speech, text on screen and pictures that ingest left, now that their models may be there."""
    if only is not None and not {*fast_pass.STAGES.values()} & {*only}:
        return
    before = jobs.counts(worker.library, worker.among)
    notes = fast_pass.work_off(
        worker.library,
        engines,
        worker.owner,
        among=worker.among,
        only=only,
        report=partial(_report_share, worker),
        stop=lambda: not worker.may_go(),
        hold=lambda: not worker.gate.look().go,
    )
    worker.summary.notes.extend(notes)
    after = jobs.counts(worker.library, worker.among)
    for kind in fast_pass.STAGES.values():
        done = after.get((kind, JobState.DONE), 0) - before.get((kind, JobState.DONE), 0)
        if done > 0:
            worker.summary.done[kind] = done


def _report_share(worker: Worker, stage: str, share: float | None) -> None:
    """How much of one video is read, heard or looked at, in hundredths of it."""
    worker.report(Progress(fast_pass.STAGES[stage], round(100 * (share or 0.0)), 100, "", "", None, None))


def _sees(host: Host) -> bool:
    return host.vision is not None


def _writes_as(model: str, host: Host) -> bool:
    return host.writer is not None and host.writer.name == model


def _embeds_with(key: str, host: Host) -> bool:
    """Vectors of two models never meet: a host with another build of the model does not embed."""
    return host.embedder is not None and host.embedder.key == key
