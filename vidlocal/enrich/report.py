"""The morning report: results of a run of the deep pass, and remaining work."""

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
class FailureGroup:
    """Failed jobs of a kind with the same reason."""

    kind: JobKind
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """A run, or a night of a run.

    Counts are those of the library and include work of other processes. Times are UTC, ISO 8601. `held_s`: seconds
    held by each condition, without hours outside the window. `speech_hours_per_hour`: hours of sound transcribed in an
    hour, None without a transcription. `seconds_left` and `nights_left` count frames only, and
    are None before the first measurement. `sent_bytes`: to other machines of a cluster.
    """

    started_at: str
    ended_at: str
    worked_s: float
    night_s: float
    held_s: Mapping[str, float] = field(default_factory=dict)
    done: Mapping[JobKind, int] = field(default_factory=dict)
    videos_finished: int = 0
    failed: tuple[FailureGroup, ...] = ()
    left: Mapping[JobKind, int] = field(default_factory=dict)
    seconds_per_frame: float | None = None
    caption_tokens_per_second: float | None = None
    speech_hours_per_hour: float | None = None
    ended: str | None = None
    sent_bytes: int = 0

    @property
    def seconds_left(self) -> float | None:
        frames = self.left.get(JobKind.DESCRIBE, 0)
        if not frames:
            return 0.0
        return None if self.seconds_per_frame is None else frames * self.seconds_per_frame

    @property
    def nights_left(self) -> int | None:
        """Nights needed for the remaining frames, at the measured pace and the length of the window."""
        return None if self.seconds_left is None else math.ceil(self.seconds_left / self.night_s)

    def as_data(self) -> dict[str, object]:
        """Return the report as plain data for JSON."""
        return asdict(self) | {"seconds_left": self.seconds_left, "nights_left": self.nights_left}


def create(
    library: Library,
    *,
    started_at: str,
    ends: tuple[int, int],
    worked_s: float,
    held_s: Mapping[str, float],
    night_s: float,
    ended: str | None = None,
    sent_bytes: int = 0,
) -> Report:
    """Create a report for a run or night started at `started_at` (UTC).

    `ends`: the numbers of the last job that ended before, and of the last one of this report. `night_s`: length of the
    night window in seconds.
    """
    left: dict[JobKind, int] = {}
    for (kind, state), number in jobs.counts(library).items():
        if state in (JobState.QUEUED, JobState.RUNNING):
            left[kind] = left.get(kind, 0) + number
    pace = facts.get(library, facts.SECONDS_PER_FRAME)
    token_rate = facts.get(library, facts.CAPTION_TOKENS_PER_SECOND)
    done = run_reports.done_between(library, *ends)
    speech_pace = facts.get(library, facts.SPEECH_PACE) if done.get(JobKind.TRANSCRIBE) else None
    return Report(
        started_at=started_at,
        ended_at=now_utc(),
        worked_s=round(worked_s, 1),
        night_s=night_s,
        held_s={name: round(seconds, 1) for name, seconds in held_s.items()},
        done=done,
        videos_finished=run_reports.videos_finished_between(library, *ends),
        failed=tuple(FailureGroup(*group) for group in run_reports.failed_between(library, *ends)),
        left=left,
        seconds_per_frame=None if pace is None else float(pace),
        caption_tokens_per_second=None if token_rate is None else float(token_rate),
        speech_hours_per_hour=None if speech_pace is None else round(1 / max(float(speech_pace), 0.001), 1),
        ended=ended,
        sent_bytes=sent_bytes,
    )


def store(library: Library, run_id: int | None, report: Report) -> int:
    """Store the report, replacing an earlier report of the same run. Returns the number of the run."""
    text = json.dumps(asdict(report), ensure_ascii=False)
    return run_reports.store(library, run_id, started_at=report.started_at, ended_at=report.ended_at, report=text)


def latest(library: Library, *, limit: int = 1) -> list[Report]:
    """Return the last stored reports, newest first."""
    return [_parse(stored.report) for stored in run_reports.latest(library, limit=limit)]


def _parse(text: str) -> Report:
    data = json.loads(text)
    data["failed"] = tuple(
        FailureGroup(JobKind(group["kind"]), group["reason"], group["number"]) for group in data["failed"]
    )
    for name in ("done", "left"):
        data[name] = {JobKind(kind): number for kind, number in data[name].items()}
    return Report(**data)
