"""The job queue: a row per job.

queued -> running (leased) -> done | failed. A result and its `done` belong in a transaction: nest `finish` in the
block that stores the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vidlocal.job_specs import AFTER_FRAMES_KINDS, JOB_SPECS, PER_FRAME_KINDS
from vidlocal.records import Fault, Job, JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.process_locks import is_alive
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter
from vidlocal.store.values import now_utc, sql_list

# A job fails after three failed attempts, or after ten crashes of its process.
MAX_ATTEMPTS = 3
MAX_LOSSES = 10

# Lease of a job with a request to a model: longer than the limit of 600 s per frame.
LEASE_S = 900.0
# Lease of a job about a whole video, which renews the lease at each checkpoint: longer than 10 minutes of speech or a
# batch of images take on a slow machine.
LONG_LEASE_S = 3600.0

# Longest delay of a queued job. `not_before` and leases are monotonic times, which start again with the machine: later
# ones are left over from before, and count as past.
MAX_DELAY_S = 3600.0

_CLAIM = """
UPDATE jobs SET state = 'running', worker = :worker, lease = :lease, updated_at = :at,
  losses = losses + (state = 'running')
WHERE id = (
  SELECT id FROM jobs WHERE kind = :kind AND {claimable} {job_filter} {condition} ORDER BY priority DESC, id LIMIT 1)
RETURNING id, kind, target, video_id, attempts
"""

# Tried in this order: each walks the index jobs_to_claim once, an OR of both would not use it.
_CLAIMABLE = (
    f"state = 'queued' AND (not_before <= :now OR not_before > :now + {MAX_DELAY_S})",
    f"""state = 'running' AND (lease < :now OR lease > :now + {LONG_LEASE_S}) AND worker IS NOT :worker""",
)

# Tags and summary of a video wait for its representative frames to be described, for its sequences to be watched if no
# description is open, for OCR and transcription at work, and for unverified passages. Only one of the two runs at a
# time, because both ask about the same sections.
_AFTER_FRAMES = f"""AND NOT EXISTS (SELECT 1 FROM passages WHERE passages.video_id = jobs.video_id AND NOT visible)
AND NOT EXISTS (
  SELECT 1 FROM jobs AS before LEFT JOIN frames ON frames.id = before.target
  WHERE before.video_id = jobs.video_id AND before.state IN ('queued', 'running') AND (
    before.kind = 'describe' AND frames.rank IS NOT NULL
    OR before.kind IN {sql_list((JobKind.READ, JobKind.TRANSCRIBE, *AFTER_FRAMES_KINDS))}
      AND before.state = 'running' AND before.id <> jobs.id
    OR before.kind = 'watch' AND NOT EXISTS (
      SELECT 1 FROM jobs AS rest
      WHERE rest.video_id = jobs.video_id AND rest.kind = 'describe' AND rest.state IN ('queued', 'running'))))"""

# Speakers of a video wait for its transcription, unless something is said in subtitles.
_AFTER_SPEECH = """AND NOT EXISTS (
  SELECT 1 FROM jobs AS before WHERE before.video_id = jobs.video_id AND before.kind = 'transcribe' AND (
    before.state = 'running' OR before.state = 'queued' AND NOT EXISTS (
      SELECT 1 FROM passages WHERE passages.video_id = jobs.video_id AND passages.kind IN ('speech', 'subtitle'))))"""


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A failed job with a reason. `at` is the time of failure (UTC, ISO 8601).

    `time` is the position of the frame in seconds, None for a job about a whole video.
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
class RunningJob:
    """A job at work in some process since `since` (UTC, ISO 8601)."""

    kind: JobKind
    video_id: int
    target: int
    since: str


def add(library: Library, kind: JobKind, target: int, video_id: int, *, priority: float = 0.0) -> None:
    """Queue a job. A done or failed job is queued again, a queued or running job is left as is."""
    with library.writing() as connection:
        connection.execute(
            """INSERT INTO jobs (kind, target, video_id, priority, updated_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (kind, target) DO UPDATE
            SET state = 'queued', attempts = 0, losses = 0, not_before = 0, last_error = NULL,
              updated_at = excluded.updated_at
            WHERE state IN ('done', 'failed')""",
            (kind, target, video_id, priority, now_utc()),
        )


def queue_without_checkpoint(library: Library, kind: JobKind, *, step: str, condition: str) -> int:
    """Queue the videos with a file and without the checkpoint `step`. Returns their number. Failed jobs stay failed.

    `condition`: SQL about a row of `videos`, such as that it has speech.
    """
    rows = library.rows(
        f"""SELECT id FROM videos WHERE {condition}
        AND EXISTS (SELECT 1 FROM copies WHERE video_id = videos.id)
        AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE video_id = videos.id AND step = ?)
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = ? AND target = videos.id AND state IN (?, ?, ?))
        ORDER BY id""",
        step,
        kind,
        JobState.FAILED,
        JobState.QUEUED,
        JobState.RUNNING,
    )
    with library.writing():
        for row in rows:
            add(library, kind, row["id"], row["id"])
    return len(rows)


def remove_queued(library: Library, kind: JobKind) -> None:
    """Delete the queued jobs of a kind."""
    with library.writing() as connection:
        connection.execute("DELETE FROM jobs WHERE kind = ? AND state = ?", (kind, JobState.QUEUED))


def exists(library: Library, job: Job) -> bool:
    """Return True while a job is in the queue: jobs disappear with their video. Ids are never used again.

    Check in the transaction that stores the result: what was asked about may be gone.
    """
    sql = "SELECT 1 FROM jobs WHERE id = ? AND kind = ? AND target = ?"
    return library.row(sql, job.id, job.kind, job.target) is not None


def queued_seconds(library: Library, kind: JobKind, job_filter: JobFilter = ALL_JOBS) -> float:
    """Return the total duration of the videos with a queued job of a kind, in seconds."""
    row = library.row(
        f"""SELECT total(videos.duration) FROM jobs JOIN videos ON videos.id = jobs.video_id
          WHERE jobs.kind = ? AND jobs.state = 'queued' {job_filter.condition()}""",
        kind,
    )
    return float(row[0]) if row is not None else 0.0


def claim(
    library: Library,
    kind: JobKind,
    *,
    worker: str,
    now: float,
    lease_s: float,
    job_filter: JobFilter = ALL_JOBS,
) -> Job | None:
    """Claim the queued job with the highest priority, leased to `worker` until `now + lease_s`.

    A job with an expired lease of another worker is claimed too. `now` is `time.monotonic()`, the same clock in all
    processes of a machine: setting the wall clock expires no lease. `lease_s` is at most LONG_LEASE_S.
    """
    values = {"kind": kind, "worker": worker, "now": now, "lease": now + lease_s, "at": now_utc()}
    with library.writing() as connection:
        for claimable in _CLAIMABLE:
            sql = _CLAIM.format(claimable=claimable, job_filter=job_filter.condition(), condition=_condition(kind))
            row = connection.execute(sql, values).fetchone()
            if row is not None:
                return Job(row[0], JobKind(row[1]), *row[2:])
    return None


def renew(library: Library, job: Job, *, now: float, lease_s: float) -> None:
    """Extend the lease of a long job after some progress, and reset the crash count."""
    with library.writing() as connection:
        connection.execute(
            "UPDATE jobs SET lease = ?, losses = 0 WHERE id = ? AND state = 'running'", (now + lease_s, job.id)
        )


def finish(library: Library, job: Job) -> None:
    """Mark a job as done. Nest the call in the transaction with the result."""
    with library.writing() as connection:
        connection.execute(
            "UPDATE jobs SET state = 'done', worker = NULL, last_error = NULL, updated_at = ? WHERE id = ?",
            (now_utc(), job.id),
        )


def fail(library: Library, job: Job, reason: str, *, fault: Fault | None = None, not_before: float = 0.0) -> bool:
    """Charge an attempt. The job is queued again for `not_before` (monotonic), or failed after the last attempt.

    Returns True if the job failed for good.
    """
    with library.writing() as connection:
        row = connection.execute(
            """UPDATE jobs SET attempts = attempts + 1, last_error = ?, fault = ?, worker = NULL, not_before = ?,
              updated_at = ?, state = CASE WHEN attempts + 1 >= ? THEN 'failed' ELSE 'queued' END
            WHERE id = ? RETURNING state""",
            (reason, fault, not_before, now_utc(), MAX_ATTEMPTS, job.id),
        ).fetchone()
    return row is not None and row["state"] == JobState.FAILED


def refund_attempt(library: Library, job: Job) -> None:
    """Take back a charged attempt and queue the job again: the item was not at fault."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET attempts = max(0, attempts - 1), state = 'queued', not_before = 0
            WHERE id = ? AND state IN ('queued', 'failed')""",
            (job.id,),
        )


def next_due(library: Library, kind: JobKind, *, now: float, job_filter: JobFilter = ALL_JOBS) -> float | None:
    """Return the time when the next queued job of a kind may be claimed (monotonic), None if none is ready."""
    row = library.row(
        f"""SELECT min(CASE WHEN not_before > ? THEN 0 ELSE not_before END) FROM jobs
        WHERE kind = ? AND state = 'queued' {job_filter.condition()} {_condition(kind)}""",
        now + MAX_DELAY_S,
        kind,
    )
    return None if row is None or row[0] is None else float(row[0])


def next_videos(library: Library, kind: JobKind, *, limit: int, job_filter: JobFilter = ALL_JOBS) -> list[int]:
    """List the videos of at most `limit` queued jobs, in the order of claims."""
    rows = library.rows(
        f"""SELECT video_id FROM jobs WHERE kind = ? AND state = 'queued' {job_filter.condition()}
        ORDER BY priority DESC, id LIMIT ?""",
        kind,
        limit,
    )
    return [row["video_id"] for row in rows]


def release(library: Library, job: Job, reason: str | None = None, *, not_before: float = 0.0) -> None:
    """Queue a job again without charging an attempt: the item was not at fault."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET state = 'queued', worker = NULL, last_error = ?, not_before = ?, updated_at = ?
            WHERE id = ?""",
            (reason, not_before, now_utc(), job.id),
        )


def release_claimed(library: Library, worker: str) -> None:
    """Queue all running jobs of a worker again without charging an attempt."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET state = 'queued', worker = NULL, updated_at = ?
            WHERE state = 'running' AND worker = ?""",
            (now_utc(), worker),
        )


def requeue_next_step(library: Library, job: Job) -> None:
    """Queue a job of several steps for the next step, and reset the counts of failures."""
    with library.writing() as connection:
        connection.execute(
            """UPDATE jobs SET state = 'queued', worker = NULL, last_error = NULL, not_before = 0, attempts = 0,
              losses = 0, updated_at = ? WHERE id = ?""",
            (now_utc(), job.id),
        )


def requeue_orphans(library: Library) -> int:
    """Queue the running jobs of dead processes again. Returns the number of jobs."""
    requeued = 0
    for row in library.rows("SELECT DISTINCT worker FROM jobs WHERE state = 'running'"):
        worker = row["worker"]
        if worker is not None and is_alive(library.folder, worker):
            continue
        with library.writing() as connection:
            requeued += connection.execute(
                """UPDATE jobs SET losses = losses + 1, worker = NULL, fault = 'crash',
                  last_error = CASE WHEN losses + 1 >= ? THEN 'the program crashed on it every time' END,
                  state = CASE WHEN losses + 1 >= ? THEN 'failed' ELSE 'queued' END
                WHERE state = 'running' AND worker IS ?""",
                (MAX_LOSSES, MAX_LOSSES, worker),
            ).rowcount
    return requeued


def counts(library: Library, job_filter: JobFilter = ALL_JOBS) -> Mapping[tuple[JobKind, JobState], int]:
    """Count the jobs by kind and state."""
    rows = library.rows(
        f"SELECT kind, state, count(*) FROM jobs WHERE true {job_filter.condition()} GROUP BY kind, state"
    )
    return {(JobKind(kind), JobState(state)): number for kind, state, number in rows}


def running(library: Library) -> list[RunningJob]:
    """List the jobs at work in live processes, longest-running first."""
    rows = library.rows(
        "SELECT kind, video_id, target, updated_at, worker FROM jobs WHERE state = 'running' ORDER BY updated_at"
    )
    return [
        RunningJob(JobKind(row["kind"]), row["video_id"], row["target"], row["updated_at"])
        for row in rows
        if row["worker"] is not None and is_alive(library.folder, row["worker"])
    ]


def failures(library: Library, job_filter: JobFilter = ALL_JOBS) -> list[FailedJob]:
    """List the failed jobs in the order of queueing."""
    rows = library.rows(
        f"""SELECT kind, jobs.video_id, target, coalesce(last_error, 'unknown reason'), fault, max(attempts, losses),
          time, updated_at
        FROM jobs LEFT JOIN frames ON frames.id = jobs.target AND kind IN {sql_list(PER_FRAME_KINDS)}
        WHERE state = 'failed' {job_filter.condition()} ORDER BY jobs.id"""
    )
    return [
        FailedJob(JobKind(kind), video, target, reason, Fault(fault) if fault else None, *rest)
        for kind, video, target, reason, fault, *rest in rows
    ]


def retry(library: Library, job_filter: JobFilter = ALL_JOBS) -> int:
    """Queue the failed jobs again with all their attempts. Returns the number of jobs."""
    with library.writing() as connection:
        return connection.execute(
            f"""UPDATE jobs SET state = 'queued', attempts = 0, losses = 0, not_before = 0, last_error = NULL,
              fault = NULL, updated_at = ? WHERE state = 'failed' {job_filter.condition()}""",
            (now_utc(),),
        ).rowcount


def _condition(kind: JobKind) -> str:
    if kind is JobKind.SPEAKERS:
        return _AFTER_SPEECH
    return _AFTER_FRAMES if JOB_SPECS[kind].after_frames else ""
