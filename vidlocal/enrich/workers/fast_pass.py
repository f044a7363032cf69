"""The fast pass's queued work: text on screen, speech, vectors of pictures.

Ingest does it at once, enrich what was left.
"""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.engines.base import PictureEngine, SpeechEngine
from vidlocal.enrich.runner.failure_policy import fault_of
from vidlocal.enrich.workers.frame_vectors import look_at_pictures
from vidlocal.enrich.workers.ocr import read_screen
from vidlocal.enrich.workers.transcribe import listen
from vidlocal.errors import AnswerRejected, EngineError, MediaError, StoreError, ToolError, VidlocalError
from vidlocal.media import files
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe import Prober
from vidlocal.records import Job, JobKind
from vidlocal.signals.screen_text import ScreenReader
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import Owner
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL, Among

# Longer than the longest stretch between two checkpoints: ten minutes of speech on a slow machine.
_LEASE_S = 3600.0

# What stands in the way goes away when a drive is plugged in or a model fetched: look again in the next run.
_NEXT_RUN_S = 60.0

READING, LISTENING, LOOKING = "reading the screen", "listening", "looking at pictures"
# Which work each stage is.
STAGES = {READING: JobKind.READ, LISTENING: JobKind.TRANSCRIBE, LOOKING: JobKind.PICTURES}

Report = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class Engines:
    """What reads, listens and looks. `no_speech` says in one sentence why nothing listens, when nothing does, and
    `no_pictures` the same of pictures."""

    ffmpeg: Ffmpeg
    prober: Prober
    reader: ScreenReader
    speech: SpeechEngine | None
    no_speech: str | None = None
    pictures: PictureEngine | None = None
    no_pictures: str | None = None


def work_off(
    library: Library,
    engines: Engines,
    owner: Owner,
    *,
    among: Among = ALL,
    only: Collection[JobKind] | None = None,
    report: Report = lambda stage, done: None,
    stop: Callable[[], bool] = lambda: False,
    hold: Callable[[], bool] = lambda: False,
) -> tuple[str, ...]:
    """Read, listen to and look at what is queued, of some videos or of all. Returns a sentence for what has to wait.

    `stop` is asked before every job and may wait; `hold` is asked within them and answers at once. A job that is
    held is given back and goes on later where it was.
    """
    work = _Work(library, engines, owner, among, report, stop, hold)
    notes = work.all_of(JobKind.READ, work.read) if only is None or JobKind.READ in only else ()
    if only is None or JobKind.TRANSCRIBE in only:
        notes += work.all_that(JobKind.TRANSCRIBE, work.listen, engines.speech, engines.no_speech)
    if only is None or JobKind.PICTURES in only:
        notes += work.all_that(JobKind.PICTURES, work.look, engines.pictures, engines.no_pictures)
    return notes


@dataclass(frozen=True, slots=True)
class _Work:
    library: Library
    engines: Engines
    owner: Owner
    among: Among
    report: Report
    stop: Callable[[], bool]
    hold: Callable[[], bool]

    def all_that(
        self, kind: JobKind, perform: Callable[[Job], None], engine: object | None, without: str | None
    ) -> tuple[str, ...]:
        """The same where an engine is needed that may not be there: then the sentence `without`, if any job waits."""
        if engine is not None:
            return self.all_of(kind, perform)
        waiting = jobs.next_due(self.library, kind, among=self.among) is not None
        return (without,) if waiting and without else ()

    def all_of(self, kind: JobKind, perform: Callable[[Job], None]) -> tuple[str, ...]:
        """Perform every job of a kind that is due. Returns a sentence for each that could not be done."""
        notes: list[str] = []
        while not self.stop():
            job = jobs.claim(
                self.library,
                kind,
                worker=self.owner.token,
                now=time.time(),
                lease_s=_LEASE_S,
                among=self.among,
            )
            if job is None:
                break
            trouble = self._try(job, perform)
            if trouble:
                notes.append(trouble)
        return tuple(notes)

    def read(self, job: Job) -> None:
        def report(done: float) -> None:
            self.report(READING, done)
            self._hold()

        read_screen(self.library, job, self.engines.reader, report=report)

    def listen(self, job: Job) -> None:
        speech = self.engines.speech
        if speech is None:
            return
        path = self._source(job)
        probe = self.engines.prober.probe(path)
        listen(
            self.library,
            job,
            path,
            probe,
            engine=speech,
            ffmpeg=self.engines.ffmpeg,
            report=lambda done: self.report(LISTENING, done),
            after_window=self._hold,
        )

    def look(self, job: Job) -> None:
        def report(done: float) -> None:
            self.report(LOOKING, done)
            self._hold()

        if self.engines.pictures is not None:
            look_at_pictures(self.library, job, self.engines.pictures, report=report)

    def _hold(self) -> None:
        if self.hold():
            raise _Held

    def _try(self, job: Job, perform: Callable[[Job], None]) -> str | None:
        """Perform a job; why not, in a sentence. A model at fault or a drive that is away costs the video nothing."""
        later = time.time() + _NEXT_RUN_S
        try:
            perform(job)
        except (AnswerRejected, MediaError, ToolError) as error:
            jobs.fail(self.library, job, str(error), fault=fault_of(error), not_before=later)
            return str(error)
        except _Held:
            jobs.give_back(self.library, job)
        except (EngineError, _Away) as error:
            jobs.give_back(self.library, job, str(error), not_before=later)
            return str(error)
        except BaseException:
            with suppress(StoreError):
                jobs.give_back(self.library, job)
            raise
        return None

    def _source(self, job: Job) -> Path:
        """A file that still holds the video. Raises _Away when there is none now."""
        for path in videos.paths(self.library, job.video_id):
            with suppress(MediaError):
                stamp = files.read_stamp(path)
                known = videos.unchanged_at(self.library, path, stamp)
                if known is not None and known.id == job.video_id:
                    return path
        video = videos.get(self.library, job.video_id)
        name = video.path if video else "The file"
        raise _Away(f"{name} is not there or has changed, so its speech waits. Ingest it from where it is now.")


class _Away(VidlocalError):
    """The video's file cannot be reached now."""


class _Held(Exception):
    """The job in hand has to wait."""
