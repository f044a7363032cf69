"""The queue: one row per pending piece of deep work.

queued -> running (leased) -> done | failed. A result and its `done` belong in one transaction: callers
nest `finish` in the block that stores the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vidlocal.records import Fault, Job, JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.process_locks import is_alive
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter
from vidlocal.store.values import now_utc

# An item gets three tries. One that took its whole process with it ten times is set aside too.
ATTEMPTS_ALLOWED = 3
LOSSES_ALLOWED = 10

_CLAIM = """
UPDATE jobs SET state = 'running', worker = :worker, lease = :lease, updated_at = :at,
  losses = losses + (state = 'running')
WHERE id = (
  SELECT id FROM jobs WHERE kind = :kind AND {claimable} {among} {condition} ORDER BY priority DESC, id LIMIT 1)
RETURNING id, kind, target, video_id, attempts, lease
"""

# Tried in turn: each is one walk along the index of jobs_to_claim, which an OR of the two would not be.
_CLAIMABLE = ("state = 'queued' AND not_before <= :now", "state = 'running' AND lease < :now AND worker IS NOT :worker")


# A video is understood once its representative frames are described and, when all frames are, once what happens in
# them is too; not while anything is being read or heard, or is still hidden; and by one job at a time, for both ask
# about the same notes.
_WHEN_SEEN = """AND NOT EXISTS (SELECT 1 FROM passages WHERE passages.video_id = jobs.video_id AND NOT visible)
AND NOT EXISTS (
  SELECT 1 FROM jobs AS before LEFT JOIN frames ON frames.id = before.target
  WHERE before.video_id = jobs.video_id AND before.state IN ('queued', 'running') AND (
    before.kind = 'describe' AND frames.rank IS NOT NULL
    OR before.kind IN ('read', 'transcribe', 'tag', 'summarise') AND before.state = 'running' AND before.id <> jobs.id
    OR before.kind = 'watch' AND NOT EXISTS (
      SELECT 1 FROM jobs AS rest
      WHERE rest.video_id = jobs.video_id AND rest.kind = 'describe' AND rest.state IN ('queued', 'running'))))"""
_CONDITIONS = {JobKind.TAG: _WHEN_SEEN, JobKind.SUMMARISE: _WHEN_SEEN}


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that was set aside, with its reason. `time` is that of its frame, None when it is about a whole video.

    `at` is when it was set aside, UTC, ISO 8601.
    """

    kind: JobKind
    video_id: int
    target: int
    reason: str
    fault: Fault | None
    attempts: int
    time: float | None
    at: str


@dataclass(frozen=True, slots=True)
class Running:
    """A job some process is at work on. `since` is UTC, ISO 8601."""

    kind: JobKind
    video_id: int
    target: int
    since: str


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
    job_filter: JobFilter = ALL_JOBS,
) -> Job | None:
    """The most valuable waiting job of a kind, leased to `worker` until `now + lease_s`.

    `now` is wall-clock time: a laptop that slept through its lease has lost it to other processes. Nobody takes a
    job from himself: he has the answer coming.
    """
    values = {"kind": kind, "worker": worker, "now": now, "lease": now + lease_s, "at": now_utc()}
    condition = _CONDITIONS.get(kind, "")
    with library.writing() as connection:
        for claimable in _CLAIMABLE:
            sql = _CLAIM.format(claimable=claimable, among=job_filter.condition(), condition=condition)
            row = connection.execute(sql, values).fetchone()
            if row is not None:
                return Job(row[0], JobKind(row[1]), *row[2:])
    return None


def renew(library: Library, job: Job, *, now: float, lease_s: float) -> None:
    """Keep a long job leased while it makes progress: what it has come through did not end the program."""
    with library.writing() as connection:
        connection.execute(
            "UPDATE jobs SET lease = ?, losses = 0 WHERE id = ? AND state = 'running'", (now + lease_s, job.id)
        )


def finish(library: Library, job: Job) -> None:
    with library.writing() as connection:
        connection.execute(
            "UPDATE jobs SET state = 'done', worker = NULL, last_error = NULL, updated_at = ? WHERE id = ?",
            (now_utc(), job.id),
        )


def fail(library: Library, job: Job, reason: str, *, fault: Fault | None = None, not_before: float = 0.0) -> bool:
    """Charge one attempt: try again after `not_before` (wall clock), or set aside after the last one.

    Whether it was set aside.
    """
    with library.writing() as connection:
        row = connection.execute(
            """UPDATE jobs SET attempts = attempts + 1, last_error = ?, fault = ?, worker = NULL, not_before = ?,
              updated_at = ?, state = CASE WHEN attempts + 1 >= ? THEN 'failed' ELSE 'queued' END
            WHERE id = ? RETURNING state""",
            (reason, fault, not_before, now_utc(), ATTEMPTS_ALLOWED, job.id),
        ).fetchone()
    return row is not None and row["state"] == JobState.FAILED


def refund_attempt(library: Library, job: Job) -> None:
    """Take back one charged attempt: it turned out that the item was not to blame."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET attempts = max(0, attempts - 1), state = 'queued', not_before = 0
            WHERE id = ? AND state IN ('queued', 'failed')""",
            (job.id,),
        )


def next_due(library: Library, kind: JobKind, *, job_filter: JobFilter = ALL_JOBS) -> float | None:
    """When the next waiting job of a kind may be claimed (wall clock), None when none waits, or only for other work."""
    row = library.row(
        f"""SELECT min(not_before) FROM jobs
        WHERE kind = ? AND state = 'queued' {job_filter.condition()} {_CONDITIONS.get(kind, "")}""",
        kind,
    )
    return None if row is None or row[0] is None else float(row[0])


def release(library: Library, job: Job, reason: str | None = None, *, not_before: float = 0.0) -> None:
    """Queue again without charging an attempt: the item was not to blame."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET state = 'queued', worker = NULL, last_error = ?, not_before = ?, updated_at = ?
            WHERE id = ?""",
            (reason, not_before, now_utc(), job.id),
        )


def requeue_next_step(library: Library, job: Job) -> None:
    """Queue a job of many steps again after one of them: what earlier steps failed is forgotten."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET state = 'queued', worker = NULL, last_error = NULL, not_before = 0, attempts = 0,
              losses = 0, updated_at = ? WHERE id = ?""",
            (now_utc(), job.id),
        )


def requeue_orphans(library: Library) -> int:
    """Queue again what processes that no longer live were at work on. How many jobs that was."""
    released = 0
    for row in library.rows("SELECT DISTINCT worker FROM jobs WHERE state = 'running'"):
        worker = row["worker"]
        if worker is not None and is_alive(library.folder, worker):
            continue
        with library.writing() as connection:
            released += connection.execute(
                """UPDATE jobs SET losses = losses + 1, worker = NULL, fault = 'crash',
                  last_error = CASE WHEN losses + 1 >= ? THEN 'the program ended on it every time' END,
                  state = CASE WHEN losses + 1 >= ? THEN 'failed' ELSE 'queued' END
                WHERE state = 'running' AND worker IS ?""",
                (LOSSES_ALLOWED, LOSSES_ALLOWED, worker),
            ).rowcount
    return released


def counts(library: Library, job_filter: JobFilter = ALL_JOBS) -> Mapping[tuple[JobKind, JobState], int]:
    """How many jobs there are of each kind and state, of some videos or of all."""
    rows = library.rows(
        f"SELECT kind, state, count(*) FROM jobs WHERE true {job_filter.condition()} GROUP BY kind, state"
    )
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


def failures(library: Library, job_filter: JobFilter = ALL_JOBS) -> list[Failure]:
    """The jobs that were set aside, of some videos or of all."""
    rows = library.rows(
        f"""SELECT kind, jobs.video_id, target, coalesce(last_error, 'no reason kept'), fault, max(attempts, losses),
          time, updated_at
        FROM jobs LEFT JOIN frames ON frames.id = jobs.target AND kind IN ('describe', 'watch')
        WHERE state = 'failed' {job_filter.condition()} ORDER BY jobs.id"""
    )
    return [
        Failure(JobKind(kind), video, target, reason, Fault(fault) if fault else None, *rest)
        for kind, video, target, reason, fault, *rest in rows
    ]


def retry(library: Library, job_filter: JobFilter = ALL_JOBS) -> int:
    """Queue again what was set aside, of some videos or of all, with all its attempts. How many jobs that was."""
    with library.writing() as connection:
        return connection.execute(
            f"""UPDATE jobs SET state = 'queued', attempts = 0, losses = 0, not_before = 0, last_error = NULL,
              fault = NULL, updated_at = ? WHERE state = 'failed' {job_filter.condition()}""",
            (now_utc(),),
        ).rowcount
