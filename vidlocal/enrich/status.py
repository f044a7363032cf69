"""Status of a library: finished, running, waiting, remaining and failed work."""

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


class Activity(StrEnum):
    """Activity of the processes on a library.

    WAITING: for working hours, a server, a resume, an unused machine or mains power.
    """

    WORKING = "working"
    WAITING = "waiting"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class RunningWork:
    """A running job. `since`: local time; `done`: described fraction of the video, 0 to 1."""

    kind: JobKind
    video: Video
    since: datetime
    done: float


@dataclass(frozen=True, slots=True)
class FailedWork:
    """A failed job."""

    kind: JobKind
    video: Video
    target: int
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """Status of a library at a moment. `queued`: waiting jobs per kind; times are seconds.

    `waiting`: the reason to wait if no process works. `paused_since`: UTC, ISO 8601.
    """

    state: Activity
    waiting: Wait | None
    videos: dict[EnrichmentStatus, int]
    coverage: Coverage
    running: tuple[RunningWork, ...]
    queued: dict[JobKind, int]
    done: dict[JobKind, int]
    failed: tuple[FailedWork, ...]
    seconds_per_frame: float | None
    paused_since: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """Time for the remaining descriptions at the measured pace; None before the first measurement."""
        remaining = self.queued[JobKind.DESCRIBE] + sum(work.kind == JobKind.DESCRIBE for work in self.running)
        if not remaining:
            return 0.0
        return None if self.seconds_per_frame is None else remaining * self.seconds_per_frame

    def as_data(self) -> dict[str, object]:
        """Return the status as plain data for JSON."""
        wait = self.waiting
        return {
            "state": str(self.state),
            "waiting": None if wait is None else {"for": wait.topic, "since": wait.since, "why": wait.reason},
            "videos": {"total": sum(self.videos.values())} | {str(state): n for state, n in self.videos.items()},
            "frames": {
                "total": self.coverage.total,
                "described": self.coverage.described,
                "distinct_left": self.coverage.distinct_undescribed,
            },
            "running": [
                {
                    "kind": work.kind,
                    "video": _video_data(work.video),
                    "since": work.since.isoformat(),
                    "done": round(work.done, 4),
                }
                for work in self.running
            ],
            "queue": {str(kind): self._queue_data(kind) for kind in JobKind},
            "failed": [
                {
                    "kind": work.kind,
                    "video": _video_data(work.video),
                    "target": work.target,
                    "reason": work.reason,
                }
                for work in self.failed
            ],
            "seconds_per_frame": self.seconds_per_frame,
            "seconds_left": self.seconds_left,
            "paused_since": self.paused_since,
        }

    def _queue_data(self, kind: JobKind) -> dict[str, int]:
        return {
            "queued": self.queued[kind],
            "running": sum(work.kind == kind for work in self.running),
            "done": self.done[kind],
            "failed": sum(work.kind == kind for work in self.failed),
        }


def read(library: Library) -> Status:
    """Read the status. Jobs of dead processes count as queued."""
    by_id = {video.id: video for video in videos.every(library)}
    running = [job for job in jobs.running(library) if job.video_id in by_id]
    counts = jobs.counts(library)
    states = Counter(video.enrichment_status for video in by_id.values())
    alive = Counter(job.kind for job in running)
    waiting = {
        kind: counts.get((kind, JobState.QUEUED), 0) + max(0, counts.get((kind, JobState.RUNNING), 0) - alive[kind])
        for kind in JobKind
    }
    pace = facts.get(library, facts.SECONDS_PER_FRAME)
    state, wait_reason = _state(library, at_work=bool(running))
    return Status(
        state=state,
        waiting=wait_reason,
        videos={state: states[state] for state in EnrichmentStatus},
        coverage=frames.coverage(library),
        running=tuple(_now(library, job, by_id[job.video_id]) for job in running),
        queued=waiting,
        done={kind: counts.get((kind, JobState.DONE), 0) for kind in JobKind},
        failed=tuple(
            FailedWork(failure.kind, by_id[failure.video_id], failure.target, failure.reason)
            for failure in jobs.failures(library)
            if failure.video_id in by_id
        ),
        seconds_per_frame=None if pace is None else float(pace),
        paused_since=facts.get(library, facts.PAUSED),
    )


def _state(library: Library, *, at_work: bool) -> tuple[Activity, Wait | None]:
    """Return the activity, and the oldest reason to wait if all processes wait."""
    alive = process_locks.live_processes(library.folder)
    if at_work or None in alive:
        return Activity.WORKING, None
    wait_reason = min((wait for wait in alive if wait is not None), key=lambda wait: wait.since, default=None)
    return (Activity.IDLE, None) if wait_reason is None else (Activity.WAITING, wait_reason)


def _now(library: Library, job: jobs.RunningJob, video: Video) -> RunningWork:
    coverage = frames.coverage(library, video.id)
    since = datetime.fromisoformat(job.since).astimezone()
    return RunningWork(job.kind, video, since, coverage.described / coverage.total if coverage.total else 0.0)


def _video_data(video: Video) -> dict[str, object]:
    return {"id": video.id, "title": video.title, "path": video.path}
