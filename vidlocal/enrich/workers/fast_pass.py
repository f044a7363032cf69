"""The fast pass: OCR, speech, speakers, faces and image vectors.

Ingest runs it at once, enrich runs the remaining jobs.
"""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vidlocal.engines.base import ClipEngine, DiarizationEngine, FaceEngine, SpeechEngine
from vidlocal.enrich.runner.failure_policy import fault_of
from vidlocal.enrich.workers.diarize import diarize_video
from vidlocal.enrich.workers.find_people import DecodeLarger, decode_larger, find_people
from vidlocal.enrich.workers.frame_vectors import embed_frames
from vidlocal.enrich.workers.ocr import read_screen_text
from vidlocal.enrich.workers.speech_source import DEFAULT_OPTIONS, SpeechOptions, describe_choice
from vidlocal.enrich.workers.transcribe import position, transcribe_video
from vidlocal.errors import (
    AnswerRejected,
    EngineBusy,
    EngineError,
    EngineUnreachable,
    MediaError,
    StoreError,
    ToolError,
    VidlocalError,
)
from vidlocal.job_specs import FAST_KINDS
from vidlocal.media import files
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Job, JobKind, JobState
from vidlocal.signals.screen_text import PrefetchingOcr
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter

# The pace of a model is measured on at least so much sound: loading the model counts, too.
_MIN_PACE_S = 120.0

# Obstacles go away when a drive is connected or a model installed: retry in the next run.
_RETRY_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Position in a job: `fraction` of the video, 0 to 1, None if unknown, and finished of all jobs of the kind."""

    kind: JobKind
    fraction: float | None
    video_id: int
    done: int
    total: int


OnStage = Callable[[StageProgress], None]


@dataclass(frozen=True, slots=True)
class FastEngines:
    """Engines of the fast pass. `no_speech` and similar: a sentence about a missing engine.

    `ocr_ahead`: frames that the OCR engine reads ahead. `pictures_note`: a sentence for runs that embed images.
    """

    ffmpeg: Ffmpeg
    prober: Prober
    ocr: PrefetchingOcr
    speech: SpeechEngine | None
    no_speech: str | None = None
    pictures: ClipEngine | None = None
    no_pictures: str | None = None
    speech_options: SpeechOptions = DEFAULT_OPTIONS
    ocr_ahead: int = 0
    pictures_note: str = ""
    speakers: DiarizationEngine | None = None
    no_speakers: str | None = None
    people: FaceEngine | None = None
    no_people: str | None = None

    def has(self, kind: JobKind) -> bool:
        """True if there is an engine for a kind of work."""
        engines = {
            JobKind.TRANSCRIBE: self.speech,
            JobKind.SPEAKERS: self.speakers,
            JobKind.PEOPLE: self.people,
            JobKind.PICTURES: self.pictures,
        }
        return kind not in engines or engines[kind] is not None

    def reason_without(self, kind: JobKind) -> str | None:
        """Return a sentence about a missing engine."""
        reasons = {
            JobKind.TRANSCRIBE: self.no_speech,
            JobKind.SPEAKERS: self.no_speakers,
            JobKind.PEOPLE: self.no_people,
        }
        return reasons.get(kind, self.no_pictures)


def run_fast_pass(
    library: Library,
    engines: FastEngines,
    lock: ProcessLock,
    *,
    job_filter: JobFilter = ALL_JOBS,
    only: Collection[JobKind] | None = None,
    on_stage: OnStage = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    hold: Callable[[], bool] = lambda: False,
) -> tuple[str, ...]:
    """Run the queued jobs of the fast pass. Returns a sentence for each obstacle.

    `only`: kinds of work, None for all. `stop` is called before every job and may block; `hold` is called during jobs
    and returns at once. A held job is released and continues later at its checkpoint.
    """
    run = _FastPassRun(library, engines, lock, job_filter, on_stage, stop, hold)
    notes: tuple[str, ...] = ()
    for kind in FAST_KINDS:
        if only is None or kind in only:
            notes += run.run_kind(kind)
    return notes


@dataclass(slots=True)
class _FastPassRun:
    library: Library
    engines: FastEngines
    lock: ProcessLock
    job_filter: JobFilter
    on_stage: OnStage
    stop: Callable[[], bool]
    hold: Callable[[], bool]
    _done: int = field(init=False, default=0)
    _total: int = field(init=False, default=0)
    _remarks: list[str] = field(init=False, default_factory=list)

    def run_kind(self, kind: JobKind) -> tuple[str, ...]:
        """Run all due jobs of a kind.

        Without its engine, return the reason if jobs are due.
        """
        perform = {
            JobKind.READ: self._read_screen,
            JobKind.TRANSCRIBE: self._transcribe,
            JobKind.SPEAKERS: self._diarize,
            JobKind.PEOPLE: self._find_people,
            JobKind.PICTURES: self._embed_frames,
        }[kind]
        if self.engines.has(kind):
            return self._run_all(kind, perform)
        reason = self.engines.reason_without(kind)
        is_due = jobs.next_due(self.library, kind, now=time.monotonic(), job_filter=self.job_filter) is not None
        return (reason,) if is_due and reason else ()

    def _run_all(self, kind: JobKind, perform: Callable[[Job], None]) -> tuple[str, ...]:
        notes: list[str] = []
        self._remarks.clear()
        self._done, self._total = 0, jobs.counts(self.library, self.job_filter).get((kind, JobState.QUEUED), 0)
        while not self.stop():
            job = jobs.claim(
                self.library,
                kind,
                worker=self.lock.token,
                now=time.monotonic(),
                lease_s=jobs.LONG_LEASE_S,
                job_filter=self.job_filter,
            )
            if job is None:
                break
            self._report(job, None)
            try:
                obstacle = self._run_job(job, perform)
            except (EngineUnreachable, EngineBusy) as error:
                notes.append(str(error))
                break
            self._done += 1
            if obstacle:
                notes.append(obstacle)
        if kind is JobKind.PICTURES and self._done and self.engines.pictures_note:
            notes.insert(0, self.engines.pictures_note)
        return (*notes, *self._remarks)

    def _read_screen(self, job: Job) -> None:
        read_screen_text(
            self.library,
            job,
            self.engines.ocr,
            ahead=self.engines.ocr_ahead,
            on_progress=lambda fraction: self._progress(job, fraction),
        )

    def _transcribe(self, job: Job) -> None:
        if self.engines.speech is None:
            return
        path = self._source_file(job)
        probe = self.engines.prober.probe(path)
        began, start = time.monotonic(), position(self.library, job.video_id)
        transcription = transcribe_video(
            self.library,
            job,
            path,
            probe,
            engine=self.engines.speech,
            ffmpeg=self.engines.ffmpeg,
            options=self.engines.speech_options,
            on_progress=lambda fraction: self._report(job, fraction),
            after_window=self._check_hold,
        )
        heard_s = probe.duration - start
        # A video without speech costs no inference, and predicts nothing about the next one.
        if transcription.passages and heard_s >= _MIN_PACE_S:
            pace = (time.monotonic() - began) / heard_s
            for name in (facts.speech_pace_key(self.engines.speech.name), facts.SPEECH_PACE):
                facts.put(self.library, name, f"{pace:.4f}")
        choice = describe_choice(probe, transcription.track)
        if choice:
            self._remarks.append(f"{path.name}: {choice}")

    def _diarize(self, job: Job) -> None:
        if self.engines.speakers is None:
            return
        path = self._source_file(job)
        diarize_video(
            self.library,
            job,
            path,
            self.engines.prober.probe(path),
            engine=self.engines.speakers,
            ffmpeg=self.engines.ffmpeg,
            speech=self.engines.speech,
            track_number=self.engines.speech_options.track,
            on_progress=lambda fraction: self._progress(job, fraction),
        )

    def _find_people(self, job: Job) -> None:
        if self.engines.people is not None:
            find_people(
                self.library,
                job,
                engine=self.engines.people,
                decode_larger=self._decode_larger(job),
                on_progress=lambda fraction: self._progress(job, fraction),
            )

    def _decode_larger(self, job: Job) -> DecodeLarger | None:
        """Return the function to decode larger frames of a video, None without its file."""
        try:
            path = self._source_file(job)
        except _SourceMissing:
            return None
        return partial(decode_larger, path, ffmpeg=self.engines.ffmpeg, prober=self.engines.prober)

    def _embed_frames(self, job: Job) -> None:
        if self.engines.pictures is not None:
            embed_frames(
                self.library, job, self.engines.pictures, on_progress=lambda fraction: self._progress(job, fraction)
            )

    def _progress(self, job: Job, fraction: float) -> None:
        self._report(job, fraction)
        self._check_hold()

    def _report(self, job: Job, fraction: float | None) -> None:
        total = max(self._total, self._done + 1)
        self.on_stage(StageProgress(job.kind, fraction, job.video_id, self._done, total))

    def _check_hold(self) -> None:
        if self.hold():
            raise _OnHold

    def _run_job(self, job: Job, perform: Callable[[Job], None]) -> str | None:
        """Run a job. Returns the obstacle, if any. A faulty model or a missing drive costs no attempt.

        Raises EngineUnreachable or EngineBusy, with the job released, if the engine cannot be reached now.
        """
        retry_at = time.monotonic() + _RETRY_DELAY_S
        try:
            perform(job)
        except (AnswerRejected, MediaError, ToolError) as error:
            jobs.fail(self.library, job, str(error), fault=fault_of(error), not_before=retry_at)
            return str(error)
        except _OnHold:
            jobs.release(self.library, job)
        except (EngineUnreachable, EngineBusy) as error:  # for another process or machine, at once
            jobs.release(self.library, job, str(error))
            raise
        except (EngineError, _SourceMissing) as error:
            jobs.release(self.library, job, str(error), not_before=retry_at)
            return str(error)
        except BaseException:
            with suppress(StoreError):
                jobs.release(self.library, job)
            raise
        return None

    def _source_file(self, job: Job) -> Path:
        """Return an unchanged file of the video. Raises _SourceMissing if there is none now."""
        video = videos.get(self.library, job.video_id)
        if video is None:
            raise _SourceMissing(f"Video {job.video_id}: removed from the library.")
        path = files.find_source(videos.stamps(self.library, video.id), video.content_hash)
        if path is None:
            raise _SourceMissing(f"{video.path}: not found or changed. Run: vidlocal ingest NEW_PATH")
        return path


class _SourceMissing(VidlocalError):
    """The file of the video is not reachable now."""


class _OnHold(Exception):
    """The schedule holds the current job."""
