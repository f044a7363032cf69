"""A run of the deep pass with the engines of the settings: estimate, checks, work, summary."""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial

from vidlocal.app.engines.clip import queue_frame_vectors
from vidlocal.app.engines.faces import queue_unseen
from vidlocal.app.engines.open_engines import open_engines
from vidlocal.app.engines.speakers import queue_unheard
from vidlocal.app.enrich.session import RunSession
from vidlocal.app.progress import show_enrich_progress
from vidlocal.engines.prompts.text_prompts import TEXT_PROMPT_VERSION, WATCH_PROMPT_VERSION
from vidlocal.engines.prompts.vision_prompts import PLAIN_PROMPT_VERSION, PROMPT_VERSION
from vidlocal.engines.speech.whisper_files import model_name
from vidlocal.enrich.run import EnrichEngines, enrich
from vidlocal.enrich.runner.queue_runner import EnrichProgress, RunSummary, remaining_jobs
from vidlocal.enrich.workers.transcribe import TRANSCRIBE_VERSION
from vidlocal.records import JobKind
from vidlocal.settings import Settings
from vidlocal.store.content import frames, passages, speech_drafts, stale, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.queue.job_filter import JobFilter
from vidlocal.text import format_size, pluralize, short_model_name
from vidlocal.timecode import format_duration

# Less is not worth a word.
_MIN_SENT_BYTES = 50_000

# Prompt versions of an up-to-date description.
_CURRENT_PROMPTS = (PROMPT_VERSION, PLAIN_PROMPT_VERSION)


def queue_stale(
    library: Library, settings: Settings, video_ids: tuple[int, ...] | None, only: Collection[JobKind] | None = None
) -> None:
    """Requeue results of other models, or of older prompts. `only`: kinds of work."""
    kinds = set(only or JobKind)
    watch_prompts = (WATCH_PROMPT_VERSION, f"{WATCH_PROMPT_VERSION}-plain")
    if JobKind.DESCRIBE in kinds:
        stale.requeue_frames(library, stale.stale_frames(library, settings.vision_model, _CURRENT_PROMPTS, video_ids))
    if JobKind.WATCH in kinds:
        stale.requeue_stale_sequences(library, settings.vision_model, watch_prompts, video_ids)
    if kinds & {JobKind.TAG, JobKind.SUMMARISE}:
        stale.requeue_stale_summaries(library, settings.text_model, TEXT_PROMPT_VERSION, video_ids)
    if JobKind.TRANSCRIBE in kinds:
        model = model_name(settings.whisper_model)
        for video_id in stale.stale_transcripts(library, model, TRANSCRIBE_VERSION, video_ids):
            speech_drafts.request(library, video_id)


def queue_weak(
    library: Library, settings: Settings, video_ids: tuple[int, ...] | None, only: Collection[JobKind] | None = None
) -> None:
    """Requeue poor captions, and uncertain transcripts by another model."""
    kinds = set(only or JobKind)
    if JobKind.DESCRIBE in kinds:
        stale.requeue_frames(library, stale.weak_frames(library, video_ids))
    if JobKind.TRANSCRIBE in kinds:
        weak = stale.weak_transcripts(library, model_name(settings.whisper_model), video_ids)
        for rank, video_id in enumerate(weak):
            speech_drafts.request(library, video_id, priority=len(weak) - rank)


def queue_untranslated(library: Library, video_ids: tuple[int, ...] | None) -> None:
    """Queue videos with untranslated speech in other languages than English."""
    for video_id in stale.untranslated(library, video_ids):
        if not speech_drafts.is_requested(library, video_id):
            speech_drafts.request(library, video_id)


def run_enrich(
    library: Library,
    settings: Settings,
    session: RunSession,
    *,
    job_filter: JobFilter,
    canary: bool = True,
    only: Collection[JobKind] | None = None,
    on_progress: Callable[[EnrichProgress], None] = lambda progress: None,
) -> RunSummary:
    """Work through the queue, or the part selected by `job_filter` and `only`, with messages to `session`.

    Raises EngineError if no server can do the work, or if the models are at fault.
    """
    jobs.requeue_orphans(library)
    priorities.reprioritise(library)
    passages.requeue_for_model(library, settings.embed_model)
    queue_frame_vectors(library, settings, required=only is not None and JobKind.PICTURES in only)
    queue_unheard(library, settings, required=only is not None and JobKind.SPEAKERS in only)
    queue_unseen(library, settings, required=only is not None and JobKind.PEOPLE in only)
    frames.requeue_readable(library)
    queued = remaining_jobs(library, job_filter)
    remaining = {kind: count for kind, count in queued.items() if not only or kind in only}
    if not remaining:
        _report_nothing_to_do(library, settings, session, job_filter)
        return RunSummary()
    with ExitStack() as stack:
        engines = open_engines(
            stack, settings, remaining, library=library, canary=canary, patient=True, notify=session.notify
        )
        _report_speech_estimate(library, engines, session, remaining, job_filter)
        _report_estimate(library, engines, session, remaining)
        with session.working():
            summary = enrich(
                library,
                engines,
                session.lock,
                job_filter=job_filter,
                only=only,
                schedule=session.schedule(),
                on_progress=partial(_report_progress, session, on_progress),
                notify=session.notify,
            )
    session.sent_bytes += summary.sent_bytes
    _report_summary(summary, session)
    session.end(summary.stopped or (None if summary.remaining else "Nothing to do."))
    return summary


def _report_progress(
    session: RunSession, on_progress: Callable[[EnrichProgress], None], progress: EnrichProgress
) -> None:
    show_enrich_progress(session, progress)
    on_progress(progress)


def _report_estimate(
    library: Library, engines: EnrichEngines, session: RunSession, remaining: dict[JobKind, int]
) -> None:
    frames_left = remaining.get(JobKind.DESCRIBE, 0)
    if not frames_left:
        return
    seconds_each = facts.get(library, facts.SECONDS_PER_FRAME)
    models = dict.fromkeys(short_model_name(host.vision.name) for host in engines.hosts if host.vision is not None)
    work = f"{pluralize(frames_left, 'frame')} to caption with {' and '.join(models)}"
    if seconds_each is None:
        session.notify(f"{work}, time unknown yet.")
        return
    seconds = frames_left * float(seconds_each)
    ready = datetime.now() + timedelta(seconds=seconds)
    each = f"{float(seconds_each):.1f} s each"
    session.notify(f"{work}; about {format_duration(seconds)} at {each}, done by {ready:%a %H:%M}.")


def _report_speech_estimate(
    library: Library, engines: EnrichEngines, session: RunSession, remaining: dict[JobKind, int], job_filter: JobFilter
) -> None:
    """Announce the time for the transcriptions, by the past pace of the model."""
    speech = engines.fast.speech
    count = remaining.get(JobKind.TRANSCRIBE, 0)
    if speech is None or not count:
        return
    sound = jobs.queued_seconds(library, JobKind.TRANSCRIBE, job_filter)
    work = f"{pluralize(count, 'video')} to transcribe with {speech.name}, {format_duration(sound)} of sound"
    pace = facts.get(library, facts.speech_pace_key(speech.name))
    if pace is None:
        session.notify(f"{work}, time unknown yet.")
        return
    seconds = sound * float(pace)
    ready = datetime.now() + timedelta(seconds=seconds)
    speed = f"{1 / max(float(pace), 0.001):.1f} times as fast as it plays"
    session.notify(f"{work}; about {format_duration(seconds)}, {speed}, done by {ready:%a %H:%M}.")


def _report_nothing_to_do(library: Library, settings: Settings, session: RunSession, job_filter: JobFilter) -> None:
    coverage = frames.coverage(library)
    if job_filter.searched:
        session.notify("All searched frames are captioned.")
    elif job_filter.videos is not None:
        session.notify("Nothing to do for these videos.")
    elif not coverage.total and not videos.every(library):
        session.notify("The library is empty. Run: vidlocal ingest FOLDER")
    else:
        described = f"{coverage.described:,} of {coverage.total:,} frames are captioned"
        session.notify(f"Nothing to do: {described}.")
        _report_stale(library, settings, session)


def _report_stale(library: Library, settings: Settings, session: RunSession) -> None:
    count = len(stale.stale_frames(library, settings.vision_model, _CURRENT_PROMPTS))
    if count:
        subject = pluralize(count, "caption comes", "captions come")
        which = f"{subject} from another model than {settings.vision_model} or an older prompt"
        session.notify(f"{which}. Redo them with --redo-stale.")


def _report_summary(summary: RunSummary, session: RunSession) -> None:
    for note in dict.fromkeys(summary.notes):
        session.notify(note)
    described = summary.done.get(JobKind.DESCRIBE, 0)
    parts = []
    if described:
        parts.append(f"{pluralize(described, 'frame')} captioned in {format_duration(summary.seconds)}")
    if summary.failed:
        parts.append(f"{summary.failed:,} failed (see: vidlocal failed)")
    if summary.sent_bytes >= _MIN_SENT_BYTES:
        parts.append(f"{format_size(summary.sent_bytes)} sent to the cluster")
    counts = ", ".join(f"{kind.value} {count:,}" for kind, count in summary.remaining.items() if count)
    parts.append(f"remaining: {counts}" if counts else "nothing left to do")
    sentence = "; ".join(parts)
    reason = f" {summary.stopped}" if summary.stopped else ""
    session.notify(f"{sentence[0].upper()}{sentence[1:]}.{reason}")
