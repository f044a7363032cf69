"""Verb 2, the deep pass: local models work through the queue, most valuable frames first.

    fast pass (OCR, speech, image vectors) -> embed -> describe, watch -> tag, summarise -> embed -> ... until done

Every answer is stored in a transaction with the end of its job. Whatever stops the run, the next one continues.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from vidlocal.enrich.runner.canary_guard import CanaryGuard
from vidlocal.enrich.runner.pool import Host, Pool
from vidlocal.enrich.runner.queue_runner import (
    MAX_JOBS_IN_A_ROW,
    Clock,
    EnrichProgress,
    JobHandler,
    QueueRunner,
    RunSummary,
    remaining_jobs,
)
from vidlocal.enrich.runner.schedule import AlwaysOn, Scheduler
from vidlocal.enrich.workers.describe import Describer
from vidlocal.enrich.workers.embed import Embedder
from vidlocal.enrich.workers.fast_lanes import FastLanes, RemoteEngines
from vidlocal.enrich.workers.fast_pass import FastEngines, StageProgress, run_fast_pass
from vidlocal.enrich.workers.summarise import Summariser
from vidlocal.enrich.workers.tag import Tagger
from vidlocal.enrich.workers.watch import Watcher
from vidlocal.job_specs import FAST_KINDS, ModelRole, kinds_with_role
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import frames, understanding, videos
from vidlocal.store.content.sequences import MAX_FRAMES
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter
from vidlocal.text import pluralize

# Share of the time for putting the queue into order again: it takes 2 s for a million frames.
_MAX_REPRIORITISE_SHARE = 0.02

# Shown by `status` for a process that waits for its model servers.
SERVER = "server"


@dataclass(frozen=True, slots=True)
class EnrichEngines:
    """Engines of a run. `guarded`: descriptions stay hidden until their model passes the next canary check.

    `newcomers` returns the hosts that came since the last call, `sent_bytes` the bytes sent to other machines of a
    cluster to date; `remote`: their engines of the fast pass.
    """

    fast: FastEngines
    hosts: Sequence[Host]
    guarded: bool = True
    newcomers: Callable[[], Sequence[Host]] = tuple
    sent_bytes: Callable[[], int] = int
    remote: RemoteEngines | None = None


def enrich(
    library: Library,
    engines: EnrichEngines,
    lock: ProcessLock,
    *,
    job_filter: JobFilter = ALL_JOBS,
    only: Collection[JobKind] | None = None,
    schedule: Scheduler | None = None,
    clock: Clock | None = None,
    on_progress: Callable[[EnrichProgress], None] = lambda progress: None,
    notify: Callable[[str], None] = lambda message: None,
) -> RunSummary:
    """Run the queue, or the part selected by `job_filter` and `only` (kinds of work), until empty.

    Also ends when the schedule ends the run. Raises EngineError if the models, not the frames, are at fault, and
    StoreError if nothing can be stored any more; neither costs a frame an attempt.
    """
    clock = clock or Clock()
    pool = Pool(engines.hosts, clock.now, notify, partial(_show_waiting, lock), newcomers=engines.newcomers)
    guard = CanaryGuard(library, pool, clock.now, guarded=engines.guarded)
    runner = QueueRunner(library, pool, guard, schedule or AlwaysOn(), clock, lock, job_filter, on_progress)
    started = clock.now()
    frames.requeue_readable(library)
    failed_before = _failed_now(library, job_filter)
    jobs.requeue_orphans(library)
    try:
        _fast_pass(runner, engines, only)
        _run_rounds(
            runner,
            [handler for handler in _handlers(library, engines, job_filter) if only is None or handler.kind in only],
        )
    finally:
        runner.release_in_flight()
        lock.clear_waiting(SERVER)
    _update_vector_cache(runner, engines)
    runner.summary.notes.extend(_reload_notes([state.host for state in pool.states]))
    runner.summary.notes.extend(_caption_notes([state.host for state in pool.states]))
    runner.summary.failed = max(0, _failed_now(library, job_filter) - failed_before)
    runner.summary.remaining = remaining_jobs(library, job_filter)
    runner.summary.seconds = clock.now() - started
    runner.summary.sent_bytes = engines.sent_bytes()
    return runner.summary


def _failed_now(library: Library, job_filter: JobFilter) -> int:
    """Count the failed jobs in the queue: a job may also fail by crashes, or be requeued during the run."""
    counts = jobs.counts(library, job_filter)
    return sum(number for (_, state), number in counts.items() if state is JobState.FAILED)


def _reload_notes(hosts: Sequence[Host]) -> list[str]:
    """Return a sentence for each model loaded again because the engine of the server failed."""
    return [
        f"{engine.name} on {host.name} was loaded again {pluralize(engine.reloads, 'time')}, because the server failed."
        for host in hosts
        for engine in (host.vision, host.writer)
        if engine is not None and engine.reloads
    ]


def _caption_notes(hosts: Sequence[Host]) -> list[str]:
    """Return a sentence for each judge with rejected captions."""
    checks = [host.caption_check for host in hosts if host.caption_check is not None]
    return [
        f"{pluralize(check.redone, 'caption')} did not fit the image according to {check.name}, and "
        f"{'was' if check.redone == 1 else 'were'} asked for again."
        for check in checks
        if check.redone
    ]


def _show_waiting(lock: ProcessLock, reason: str | None) -> None:
    if reason is None:
        lock.clear_waiting(SERVER)
    else:
        lock.set_waiting(SERVER, reason)


def _handlers(library: Library, engines: EnrichEngines, job_filter: JobFilter) -> list[JobHandler]:
    """Handlers for the models of this run, in the order of a round."""
    # In proportion to the hosts: each works off a long stretch before all wait for the next kind.
    in_a_row = MAX_JOBS_IN_A_ROW * max(1, len(engines.hosts))
    describer = Describer(library, guarded=engines.guarded)
    watcher = Watcher(library, plain_models=describer.plain_models, guarded=engines.guarded)
    for host in engines.hosts:
        if host.vision is not None:
            describer.load_trials(host.vision)
            watcher.load_abilities(host.vision)
    handlers = [
        JobHandler(JobKind.DESCRIBE, describer.prepare, partial(_has_vision, JobKind.DESCRIBE), limit=in_a_row),
        JobHandler(JobKind.WATCH, watcher.prepare, partial(_has_vision, JobKind.WATCH), limit=in_a_row // MAX_FRAMES),
        *_text_handlers(library, engines),
    ]
    key = _embedding_key(engines)
    if key is not None:
        embedder = Embedder(library, key, job_filter)
        handlers.insert(0, JobHandler(JobKind.EMBED, embedder.prepare, partial(_embeds_with, key)))
    return handlers


def _text_handlers(library: Library, engines: EnrichEngines) -> list[JobHandler]:
    """Handlers for the text model of this run, on the hosts with this model."""
    writer = next((host.writer for host in engines.hosts if host.writer is not None), None)
    if writer is None:
        return []
    serves = partial(_writes_with, writer.name)
    return [
        JobHandler(JobKind.TAG, Tagger(library, writer.name, writer.num_ctx).prepare, serves),
        JobHandler(JobKind.SUMMARISE, Summariser(library, writer.name, writer.num_ctx).prepare, serves),
    ]


def _run_rounds(runner: QueueRunner, handlers: Sequence[JobHandler]) -> None:
    """Run all handlers in turn, many jobs each, until a whole round finds nothing to do."""
    runner.guard.begin()
    text_kinds = kinds_with_role(ModelRole.TEXT)
    finished, reprioritise_at = 1, runner.clock.now()
    while finished and not runner.is_over():
        finished = 0
        began = runner.clock.now()
        if began >= reprioritise_at:
            priorities.reprioritise(runner.library)
            reprioritise_at = began + (runner.clock.now() - began) / _MAX_REPRIORITISE_SHARE
        for handler in handlers:
            if handler.kind in text_kinds:  # their prompts contain verified passages only
                runner.guard.verify(at_the_end=True)
                understanding.requeue_grown(runner.library)
            finished += runner.run(handler)
        runner.guard.verify()
    runner.guard.verify(at_the_end=True)


def _update_vector_cache(runner: QueueRunner, engines: EnrichEngines) -> None:
    """Rebuild the vector cache after new vectors, to keep the next search fast."""
    key = _embedding_key(engines)
    if key is not None and runner.summary.done.get(JobKind.EMBED):
        vector_cache.prepare(runner.library, key)


def _embedding_key(engines: EnrichEngines) -> str | None:
    return next((host.embedder.key for host in engines.hosts if host.embedder is not None), None)


def _fast_pass(runner: QueueRunner, engines: EnrichEngines, only: Collection[JobKind] | None) -> None:
    """Run jobs left over by ingest, for engines installed since, and on the machines of a cluster."""
    kinds = set(FAST_KINDS if only is None else {*FAST_KINDS} & {*only})
    if not kinds:
        return
    before = jobs.counts(runner.library, runner.job_filter)
    if engines.remote is None:
        notes = _run_here(runner, engines.fast, kinds, lambda allowed: None)
    else:
        notes = _run_in_lanes(runner, engines.fast, engines.remote, kinds)
    runner.summary.notes.extend(notes)
    after = jobs.counts(runner.library, runner.job_filter)
    for kind in FAST_KINDS:
        done = after.get((kind, JobState.DONE), 0) - before.get((kind, JobState.DONE), 0)
        if done > 0:
            runner.summary.done[kind] = done


def _run_here(
    runner: QueueRunner, engines: FastEngines, kinds: Collection[JobKind], on_decision: Callable[[bool], None]
) -> tuple[str, ...]:
    """Run the fast pass with the engines of this machine. `on_decision` gets each decision of the schedule."""

    def is_held() -> bool:
        go = runner.schedule.decide().go
        on_decision(go)
        return not go

    def is_over() -> bool:
        is_held()
        over = not runner.wait_until_allowed()
        is_held()
        return over

    def report(stage: StageProgress) -> None:
        is_held()
        _report_stage(runner, stage)

    return run_fast_pass(
        runner.library,
        engines,
        runner.lock,
        job_filter=runner.job_filter,
        only=kinds,
        on_stage=report,
        stop=is_over,
        hold=is_held,
    )


def _run_in_lanes(
    runner: QueueRunner, engines: FastEngines, remote: RemoteEngines, kinds: Collection[JobKind]
) -> tuple[str, ...]:
    """Run the fast pass here and on the machines of a cluster, until no doable jobs remain."""
    own = {kind for kind in kinds if engines.has(kind)}
    with FastLanes(runner.library.folder, remote, runner.lock, runner.job_filter, kinds) as lanes:
        lanes.fill(runner.library)
        here = _run_here(runner, engines, own, partial(lanes.follow, runner.library))
        while (lanes.is_working() or lanes.fill(runner.library)) and not runner.is_over():
            lanes.follow(runner.library, runner.schedule.decide().go)
            lanes.wait(partial(_report_stage, runner))
    queued = jobs.counts(runner.library, runner.job_filter)
    waiting = [kind for kind in kinds if kind not in own and queued.get((kind, JobState.QUEUED))]
    return (*here, *lanes.notes, *filter(None, map(engines.reason_without, waiting)))


def _report_stage(runner: QueueRunner, stage: StageProgress) -> None:
    """Report the video at work and the position in it."""
    video = videos.get(runner.library, stage.video_id)
    title, duration = (video.title, video.duration) if video is not None else ("", 0.0)
    position = None if stage.fraction is None or not duration else stage.fraction * duration
    runner.on_progress(
        EnrichProgress(stage.kind, stage.done, stage.total, title, "", None, None, position, duration or None)
    )


def _has_vision(kind: JobKind, host: Host) -> bool:
    return host.vision is not None and kind in host.vision_kinds


def _writes_with(model: str, host: Host) -> bool:
    return host.writer is not None and host.writer.name == model


def _embeds_with(key: str, host: Host) -> bool:
    """Vectors of two models never meet: a host with another build of the model does not embed."""
    return host.embedder is not None and host.embedder.key == key
