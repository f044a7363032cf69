"""Verb 2: the deep pass. Local models work through the queue, most valuable frames first.

    transcribe + read -> embed -> describe a stretch -> embed -> describe the next ... until nothing is left

Every answer is stored together with the end of its job. Whatever stops the run, the next one goes on there.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from vidlocal.engines.backoff import wait_s
from vidlocal.engines.base import EmbedEngine, VisionEngine
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
from vidlocal.records import Job, JobKind, JobState
from vidlocal.steps import describe, embed, fast
from vidlocal.steps.window import Window
from vidlocal.store import jobs, measures, videos
from vidlocal.store.database import Library
from vidlocal.store.owners import Owner

# Frames described between two stretches of embedding: long, so that models seldom take turns on a small card.
STRETCH = 200

# Longer than the 600 s a frame may take at most (hardening, section 5).
LEASE_S = 900.0

# An outage is polled after 1, 2, 4 ... seconds, never less often than this.
LONGEST_PAUSE_S = 60.0

_PACE_KEPT_EVERY = 5

# More than half of the last 20 frames failing alike: it is the model, not the frames.
_WATCHED = 20


@dataclass(frozen=True, slots=True)
class Clock:
    """The three clocks of the deep pass: wall time in seconds, local time, and how to wait."""

    now: Callable[[], float] = time.time
    local: Callable[[], datetime] = lambda: datetime.now().astimezone()
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the run stands. `seconds_each` and `eta` (seconds) are None until something was measured."""

    kind: JobKind
    done: int
    total: int
    video: str
    last: str
    seconds_each: float | None
    eta: float | None


@dataclass(frozen=True, slots=True)
class Engines:
    """The models of this run. None: that work stays queued."""

    fast: fast.Engines
    vision: VisionEngine | None
    embedder: EmbedEngine | None
    server_is_up: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Summary:
    """What the run did. `stopped` says why it ended early, None when the queue is worked off."""

    done: dict[JobKind, int] = field(default_factory=dict)
    failed: int = 0
    left: dict[JobKind, int] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: str | None = None
    notes: list[str] = field(default_factory=list)


def work_left(library: Library, among: Sequence[int] | None = None) -> dict[JobKind, int]:
    """How many jobs of each kind wait or run, of some videos or of all."""
    left: dict[JobKind, int] = {}
    for (kind, state), number in jobs.counts(library, among).items():
        if state in (JobState.QUEUED, JobState.RUNNING):
            left[kind] = left.get(kind, 0) + number
    return left


def wait_for_window(window: Window, clock: Clock, say: Callable[[str], None]) -> None:
    """Return once the window is open."""
    if window.is_open(clock.local()):
        return
    opening = window.next_opening(clock.local())
    say(f"Waiting until {opening:%H:%M}; the night window is {window}. Ctrl-C ends the waiting.")
    while not window.is_open(clock.local()):
        clock.sleep(20.0)  # short, so that a laptop that slept through the opening starts on waking


def enrich(
    library: Library,
    engines: Engines,
    owner: Owner,
    *,
    among: Sequence[int] | None = None,
    window: Window | None = None,
    clock: Clock | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Summary:
    """Work off the queue, of some videos or of all, and sum up.

    It ends when nothing is left or the window closes. Raises EngineError when the model, not the frames,
    is at fault, and StoreError when nothing can be stored any more; no frame is charged for either.
    """
    run = _Run(library, engines, owner, among, window, clock or Clock(), report, say)
    started = run.clock.now()
    jobs.release_dead(library)
    run.listen_and_read()
    run.embed()
    while run.describe() and not run.over():
        run.embed()
    if not run.over():
        run.embed()
    run.summary.left = work_left(library, among)
    run.summary.seconds = run.clock.now() - started
    return run.summary


class _Run:
    """One run over the queue: what it has seen of the models so far, and when it must stop."""

    def __init__(
        self,
        library: Library,
        engines: Engines,
        owner: Owner,
        among: Sequence[int] | None,
        window: Window | None,
        clock: Clock,
        report: Callable[[Progress], None],
        say: Callable[[str], None],
    ) -> None:
        self.library = library
        self.engines = engines
        self.owner = owner
        self.among = among
        self.window = window
        self.clock = clock
        self.report = report
        self.say = say
        self.summary = Summary()
        self._recent: deque[tuple[Job, str | None]] = deque(maxlen=_WATCHED)
        self._pace: deque[float] = deque(maxlen=50)
        self._busy_in_a_row = 0
        self._chance = random.Random()

    def over(self) -> bool:
        """Whether the window has closed."""
        if self.window is not None and not self.window.is_open(self.clock.local()):
            self.summary.stopped = f"The night window ({self.window}) is over."
        return self.summary.stopped is not None

    def listen_and_read(self) -> None:
        """Speech and text on screen that ingest left, now that their models may be there."""
        notes = fast.work_off(self.library, self.engines.fast, self.owner, among=self.among, stop=self.over)
        self.summary.notes.extend(notes)

    def embed(self) -> None:
        embedder = self.engines.embedder
        if embedder is not None:
            self._work(JobKind.EMBED, lambda job: embed.embed_video(self.library, job, embedder), limit=None)

    def describe(self) -> bool:
        """One stretch of frames. Whether any was described: False when none is left."""
        vision = self.engines.vision
        if vision is None:
            return False
        return self._work(JobKind.DESCRIBE, lambda job: describe.describe(self.library, job, vision), limit=STRETCH) > 0

    def _work(self, kind: JobKind, perform: Callable[[Job], str], *, limit: int | None) -> int:
        """Claim and perform jobs of one kind until none is due, the stretch ends or the window closes."""
        performed = 0
        while not self.over() and (limit is None or performed < limit):
            job = self._next(kind)
            if job is None:
                break
            began = self.clock.now()
            if self._perform(job, perform):
                performed += 1
                self._pace.append(self.clock.now() - began)
        return performed

    def _next(self, kind: JobKind) -> Job | None:
        """The next job of a kind, waiting for one that is only held back for a moment."""
        while True:
            now = self.clock.now()
            job = jobs.claim(self.library, kind, worker=self.owner.token, now=now, lease_s=LEASE_S, videos=self.among)
            due = jobs.next_due(self.library, kind, videos=self.among)
            if job is not None or due is None or self.over():
                return job
            self.clock.sleep(max(0.05, min(1.0, due - now)))

    def _perform(self, job: Job, perform: Callable[[Job], str]) -> bool:
        """Whether the job is done. What went wrong decides who is charged: the item, or nobody."""
        try:
            text = perform(job)
        except EngineUnreachable as error:
            jobs.give_back(self.library, job, str(error))
            self._await_server(error)
        except EngineBusy as error:
            jobs.give_back(self.library, job, str(error))
            self._back_off(error)
        except (AnswerRejected, MediaError, ToolError) as error:
            self._charge(job, error)
        except BaseException:
            with suppress(StoreError):  # a full disk is what we may be leaving for; the next run releases the job
                jobs.give_back(self.library, job)
            raise
        else:
            self._busy_in_a_row = 0
            self._recent.append((job, None))
            self._count(job, text)
            return True
        return False

    def _count(self, job: Job, text: str) -> None:
        done = self.summary.done.get(job.kind, 0) + 1
        self.summary.done[job.kind] = done
        video = videos.get(self.library, job.video_id)
        left = work_left(self.library, self.among).get(job.kind, 0)
        each = sum(self._pace) / len(self._pace) if self._pace else None
        if each is not None and job.kind is JobKind.DESCRIBE and done % _PACE_KEPT_EVERY == 0:
            measures.put(self.library, measures.SECONDS_PER_FRAME, f"{each:.3f}")
        self.report(
            Progress(
                kind=job.kind,
                done=done,
                total=done + left,
                video=video.title if video else "",
                last=text,
                seconds_each=each,
                eta=None if each is None else each * left,
            )
        )

    def _charge(self, job: Job, error: VidlocalError) -> None:
        reason = str(error)
        self._recent.append((job, reason))
        alike = sum(why == reason for _, why in self._recent)
        if alike > _WATCHED // 2:
            self._clear_of_blame(job, reason)
            raise EngineError(
                f"{alike} of the last {len(self._recent)} frames failed in the same way, so it is not the frames: "
                f"{reason} Nothing is lost; try another model with --model, or look at the server's own log."
            )
        delay = wait_s(job.attempts + 1, chance=self._chance)
        if jobs.fail(self.library, job, reason, not_before=self.clock.now() + delay):
            self.summary.failed += 1

    def _clear_of_blame(self, job: Job, reason: str) -> None:
        """Queue the job in hand again, and take back what the recent failures were charged."""
        jobs.give_back(self.library, job, reason)
        for charged, why in list(self._recent)[:-1]:
            if why is not None:
                jobs.uncharge(self.library, charged)

    def _await_server(self, error: EngineUnreachable) -> None:
        """Poll until the server answers or the window closes: one sentence going, one coming back."""
        self.say(f"{error} Waiting for it; nothing is lost.")
        pause = 1.0
        while not self.over():
            self.clock.sleep(pause)
            if self.engines.server_is_up():
                self.say("The Ollama server answers again.")
                return
            pause = min(LONGEST_PAUSE_S, pause * 2)

    def _back_off(self, error: EngineBusy) -> None:
        """Wait as long as the server asks, or with growing patience."""
        self._busy_in_a_row += 1
        if self._busy_in_a_row == 1:
            self.say(f"{error} Trying again in a moment.")
        self.clock.sleep(wait_s(self._busy_in_a_row, chance=self._chance, retry_after=error.retry_after))
