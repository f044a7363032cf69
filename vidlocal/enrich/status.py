"""How far a library is at one moment: what is done, running, waited for, left and set aside."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vidlocal.records import EnrichmentStatus, JobKind, JobState, Video
from vidlocal.store import process_locks
from vidlocal.store.content import frames, videos
from vidlocal.store.content.frames import Coverage
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import Wait
from vidlocal.store.queue import jobs


class State(StrEnum):
    """What goes on. Waiting: whoever is at it waits for its hours, its server, a resume, a quiet machine or mains."""

    WORKING = "working"
    WAITING = "waiting"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Now:
    """A job that is running. `since` is local time; `done` is the described part of its video, 0 to 1."""

    kind: JobKind
    video: Video
    since: datetime
    done: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that was set aside."""

    kind: JobKind
    video: Video
    target: int
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """How far the library is, at one moment. `queued` counts the jobs that wait; times are seconds.

    `waiting` is what is waited for when nothing else goes on. `paused_since` is UTC, ISO 8601.
    """

    state: State
    waiting: Wait | None
    videos: dict[EnrichmentStatus, int]
    coverage: Coverage
    running: tuple[Now, ...]
    queued: dict[JobKind, int]
    done: dict[JobKind, int]
    failed: tuple[Failed, ...]
    seconds_per_frame: float | None
    paused_since: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """How long describing will go on at the measured pace; None when there is no measure yet."""
        left = self.queued[JobKind.DESCRIBE] + len([now for now in self.running if now.kind == JobKind.DESCRIBE])
        if not left:
            return 0.0
        return None if self.seconds_per_frame is None else left * self.seconds_per_frame


def read(library: Library) -> Status:
    """The status of `library` now. What a dead process was at work on counts as waiting."""
    known = {video.id: video for video in videos.every(library)}
    running = [job for job in jobs.running(library) if job.video_id in known]
    counts = jobs.counts(library)
    states = Counter(video.enrichment_status for video in known.values())
    alive = Counter(job.kind for job in running)
    waiting = {
        kind: counts.get((kind, JobState.QUEUED), 0) + max(0, counts.get((kind, JobState.RUNNING), 0) - alive[kind])
        for kind in JobKind
    }
    pace = facts.get(library, facts.SECONDS_PER_FRAME)
    state, awaited = _state(library, at_work=bool(running))
    return Status(
        state=state,
        waiting=awaited,
        videos={state: states[state] for state in EnrichmentStatus},
        coverage=frames.coverage(library),
        running=tuple(_now(library, job, known[job.video_id]) for job in running),
        queued=waiting,
        done={kind: counts.get((kind, JobState.DONE), 0) for kind in JobKind},
        failed=tuple(
            Failed(failure.kind, known[failure.video_id], failure.target, failure.reason)
            for failure in jobs.failures(library)
            if failure.video_id in known
        ),
        seconds_per_frame=None if pace is None else float(pace),
        paused_since=facts.get(library, facts.PAUSED),
    )


def _state(library: Library, *, at_work: bool) -> tuple[State, Wait | None]:
    """What goes on, and what is waited for when all that are at it wait."""
    alive = process_locks.live_processes(library.folder)
    if at_work or None in alive:
        return State.WORKING, None
    awaited = min((waiting for waiting in alive if waiting is not None), key=lambda one: one.since, default=None)
    return (State.IDLE, None) if awaited is None else (State.WAITING, awaited)


def _now(library: Library, job: jobs.RunningJob, video: Video) -> Now:
    coverage = frames.coverage(library, video.id)
    since = datetime.fromisoformat(job.since).astimezone()
    return Now(job.kind, video, since, coverage.described / coverage.total if coverage.total else 0.0)
