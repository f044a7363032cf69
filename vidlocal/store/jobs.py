"""The queue: one row per pending piece of deep work.

queued -> running (leased) -> done | failed. A result and its `done` belong in one transaction: callers
nest `finish` in the block that stores the result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vidlocal.records import Job, JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.owners import is_alive

# Hardening: an item gets three tries. One that took its whole process with it ten times is set aside too.
ATTEMPTS_ALLOWED = 3
LOSSES_ALLOWED = 10

_CLAIM = """
UPDATE jobs SET state = 'running', worker = :worker, lease = :lease, updated_at = :at,
  losses = losses + (state = 'running')
WHERE id = (
  SELECT id FROM jobs WHERE kind = :kind AND {claimable} {among} ORDER BY priority DESC, id LIMIT 1)
RETURNING id, kind, target, video_id, attempts, lease
"""

# Tried in turn: each is one walk along the index of jobs_to_claim, which an OR of the two would not be.
_CLAIMABLE = ("state = 'queued' AND not_before <= :now", "state = 'running' AND lease < :now")


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that was set aside, with its reason."""

    kind: JobKind
    video_id: int
    target: int
    reason: str


@dataclass(frozen=True, slots=True)
class Running:
    """A job some process is at work on. `since` is UTC, ISO 8601."""

    kind: JobKind
    video_id: int
    target: int
    since: str


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def add(library: Library, kind: JobKind, target: int, video_id: int, *, priority: float = 0.0) -> None:
    """Queue a job, again if it was done or set aside before; one that waits or runs is left alone."""
    with library.writing() as connection:
        connection.execute(
            """INSERT INTO jobs (kind, target, video_id, priority, updated_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (kind, target) DO UPDATE
            SET state = 'queued', attempts = 0, losses = 0, not_before = 0, last_error = NULL,
              updated_at = excluded.updated_at
            WHERE state IN ('done', 'failed')""",
            (kind, target, video_id, priority, now_utc()),
        )


def claim(
    library: Library,
    kind: JobKind,
    *,
    worker: str,
    now: float,
    lease_s: float,
    videos: Sequence[int] | None = None,
) -> Job | None:
    """The most valuable waiting job of a kind, leased to `worker` until `now + lease_s`.

    `now` is wall-clock time: a laptop that slept through its lease has lost it.
    """
    values = {"kind": kind, "worker": worker, "now": now, "lease": now + lease_s, "at": now_utc()}
    with library.writing() as connection:
        for claimable in _CLAIMABLE:
            row = connection.execute(_CLAIM.format(claimable=claimable, among=_among(videos)), values).fetchone()
            if row is not None:
                return Job(row[0], JobKind(row[1]), *row[2:])
    return None


def renew(library: Library, job: Job, *, now: float, lease_s: float) -> None:
    """Keep a long job leased while it makes progress."""
    with library.writing() as connection:
        connection.execute("UPDATE jobs SET lease = ? WHERE id = ? AND state = 'running'", (now + lease_s, job.id))


def finish(library: Library, job: Job) -> None:
    _move(library, job, JobState.DONE)


def fail(library: Library, job: Job, reason: str, *, not_before: float = 0.0) -> bool:
    """Charge one attempt: try again after `not_before` (wall clock), or set aside after the last one.

    Whether it was set aside.
    """
    with library.writing() as connection:
        row = connection.execute(
            """UPDATE jobs SET attempts = attempts + 1, last_error = ?, worker = NULL, not_before = ?, updated_at = ?,
              state = CASE WHEN attempts + 1 >= ? THEN 'failed' ELSE 'queued' END WHERE id = ? RETURNING state""",
            (reason, not_before, now_utc(), ATTEMPTS_ALLOWED, job.id),
        ).fetchone()
    return row is not None and row["state"] == JobState.FAILED


def uncharge(library: Library, job: Job) -> None:
    """Take back one charged attempt: it turned out that the item was not to blame."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET attempts = max(0, attempts - 1), state = 'queued', not_before = 0
            WHERE id = ? AND state IN ('queued', 'failed')""",
            (job.id,),
        )


def next_due(library: Library, kind: JobKind, *, videos: Sequence[int] | None = None) -> float | None:
    """When the next waiting job of a kind may be claimed (wall clock), None when none waits."""
    row = library.row(f"SELECT min(not_before) FROM jobs WHERE kind = ? AND state = 'queued' {_among(videos)}", kind)
    return None if row is None or row[0] is None else float(row[0])


def set_aside(library: Library, job: Job, reason: str) -> None:
    """Fail at once: another try could not end differently."""
    _move(library, job, JobState.FAILED, reason)


def give_back(library: Library, job: Job, reason: str | None = None, *, not_before: float = 0.0) -> None:
    """Queue again without charging an attempt: the item was not to blame."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET state = 'queued', worker = NULL, last_error = ?, not_before = ?, updated_at = ?
            WHERE id = ?""",
            (reason, not_before, now_utc(), job.id),
        )


def release_dead(library: Library) -> int:
    """Queue again what processes that no longer live were at work on. How many jobs that was."""
    released = 0
    for row in library.rows("SELECT DISTINCT worker FROM jobs WHERE state = 'running'"):
        worker = row["worker"]
        if worker is not None and is_alive(library.folder, worker):
            continue
        with library.writing() as connection:
            released += connection.execute(
                """UPDATE jobs SET losses = losses + 1, worker = NULL,
                  last_error = CASE WHEN losses + 1 >= ? THEN 'the program ended on it every time' END,
                  state = CASE WHEN losses + 1 >= ? THEN 'failed' ELSE 'queued' END
                WHERE state = 'running' AND worker IS ?""",
                (LOSSES_ALLOWED, LOSSES_ALLOWED, worker),
            ).rowcount
    return released


def counts(library: Library, videos: Iterable[int] | None = None) -> Mapping[tuple[JobKind, JobState], int]:
    """How many jobs there are of each kind and state, of some videos or of all."""
    rows = library.rows(f"SELECT kind, state, count(*) FROM jobs WHERE true {_among(videos)} GROUP BY kind, state")
    return {(JobKind(kind), JobState(state)): number for kind, state, number in rows}


def running(library: Library) -> list[Running]:
    """What is being worked on right now, by any process that is alive."""
    rows = library.rows(
        "SELECT kind, video_id, target, updated_at, worker FROM jobs WHERE state = 'running' ORDER BY updated_at"
    )
    return [
        Running(JobKind(row["kind"]), row["video_id"], row["target"], row["updated_at"])
        for row in rows
        if row["worker"] is not None and is_alive(library.folder, row["worker"])
    ]


def failures(library: Library) -> list[Failure]:
    rows = library.rows("SELECT kind, video_id, target, last_error FROM jobs WHERE state = 'failed' ORDER BY id")
    return [Failure(JobKind(row[0]), row[1], row[2], row[3] or "no reason kept") for row in rows]


def _among(videos: Iterable[int] | None) -> str:
    return "" if videos is None else f"AND video_id IN ({', '.join(str(int(video)) for video in videos)})"


def _move(library: Library, job: Job, state: JobState, reason: str | None = None) -> None:
    with library.writing() as connection:
        connection.execute(
            "UPDATE jobs SET state = ?, worker = NULL, last_error = ?, updated_at = ? WHERE id = ?",
            (state, reason, now_utc(), job.id),
        )
