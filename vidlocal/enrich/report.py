"""What a run of the deep pass did, and what is left: the morning report."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from vidlocal.records import JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.history import facts, run_reports
from vidlocal.store.queue import jobs
from vidlocal.store.values import now_utc


@dataclass(frozen=True, slots=True)
class Alike:
    """Jobs of one kind that were set aside for one reason."""

    kind: JobKind
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """One run, from its start to its end or to the end of its night.

    Counts are those of the library: what other processes did meanwhile is in them. Times are UTC, ISO 8601.
    `held_s` is seconds held by each condition, hours outside the window not among them. `seconds_left` and
    `nights_left` are of the frames alone, and None until one was measured.
    """

    started_at: str
    ended_at: str
    worked_s: float
    night_s: float
    held_s: Mapping[str, float] = field(default_factory=dict)
    done: Mapping[JobKind, int] = field(default_factory=dict)
    videos_finished: int = 0
    failed: tuple[Alike, ...] = ()
    left: Mapping[JobKind, int] = field(default_factory=dict)
    seconds_per_frame: float | None = None
    ended: str | None = None

    @property
    def seconds_left(self) -> float | None:
        frames = self.left.get(JobKind.DESCRIBE, 0)
        if not frames:
            return 0.0
        return None if self.seconds_per_frame is None else frames * self.seconds_per_frame

    @property
    def nights_left(self) -> int | None:
        """How many nights of the window's length describing what is left takes at the measured pace."""
        return None if self.seconds_left is None else math.ceil(self.seconds_left / self.night_s)

    def as_data(self) -> dict[str, object]:
        """As JSON holds it."""
        return asdict(self) | {"seconds_left": self.seconds_left, "nights_left": self.nights_left}


def draw_up(
    library: Library,
    *,
    started_at: str,
    since: str,
    worked_s: float,
    held_s: Mapping[str, float],
    night_s: float,
    ended: str | None = None,
) -> Report:
    """The report on what was done after `since`, by a run or night that began to work at `started_at` (both UTC).

    `night_s` is the length of the night window in seconds.
    """
    left: dict[JobKind, int] = {}
    for (kind, state), number in jobs.counts(library).items():
        if state in (JobState.QUEUED, JobState.RUNNING):
            left[kind] = left.get(kind, 0) + number
    pace = facts.get(library, facts.SECONDS_PER_FRAME)
    return Report(
        started_at=started_at,
        ended_at=now_utc(),
        worked_s=round(worked_s, 1),
        night_s=night_s,
        held_s={name: round(seconds, 1) for name, seconds in held_s.items()},
        done=run_reports.done_since(library, since),
        videos_finished=run_reports.videos_finished_since(library, since),
        failed=tuple(Alike(*alike) for alike in run_reports.failed_since(library, since)),
        left=left,
        seconds_per_frame=None if pace is None else float(pace),
        ended=ended,
    )


def keep(library: Library, run_id: int | None, report: Report) -> int:
    """Store the report, in place of an earlier one of the same run. The number of the run."""
    text = json.dumps(asdict(report), ensure_ascii=False)
    return run_reports.store(library, run_id, started_at=report.started_at, ended_at=report.ended_at, report=text)


def kept(library: Library, *, limit: int = 1) -> list[Report]:
    """The last reports that were kept, the newest first."""
    return [_read(one.report) for one in run_reports.latest(library, limit=limit)]


def _read(text: str) -> Report:
    data = json.loads(text)
    data["failed"] = tuple(Alike(JobKind(one["kind"]), one["reason"], one["number"]) for one in data["failed"])
    for name in ("done", "left"):
        data[name] = {JobKind(kind): number for kind, number in data[name].items()}
    return Report(**data)
