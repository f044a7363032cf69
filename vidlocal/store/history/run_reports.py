"""Reports of enrichment runs, and counts of jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vidlocal.records import JobKind
from vidlocal.store.database import Library


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as JSON, with the start and the last update of the run (UTC, ISO 8601)."""

    id: int
    started_at: str
    ended_at: str
    report: str


def store(library: Library, run_id: int | None, *, started_at: str, ended_at: str, report: str) -> int:
    """Store the report of a run, replacing an earlier one of the same run. Returns the id of the run."""
    with library.writing() as connection:
        row = connection.execute(
            """INSERT INTO runs (id, started_at, ended_at, report) VALUES (?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, report = excluded.report RETURNING id""",
            (run_id, started_at, ended_at, report),
        ).fetchone()
    return int(row["id"])


def latest(library: Library, *, limit: int) -> list[StoredReport]:
    """List the last reports, newest first."""
    rows = library.rows("SELECT id, started_at, ended_at, report FROM runs ORDER BY id DESC LIMIT ?", limit)
    return [StoredReport(*row) for row in rows]


def done_since(library: Library, since: str) -> Mapping[JobKind, int]:
    """Count the jobs of each kind finished after `since` (UTC, ISO 8601) by any process."""
    rows = library.rows("SELECT kind, count(*) FROM jobs WHERE state = 'done' AND updated_at > ? GROUP BY kind", since)
    return {JobKind(kind): number for kind, number in rows}


def failed_since(library: Library, since: str) -> Sequence[tuple[JobKind, str, int]]:
    """Count the jobs failed after `since` by kind and reason, most frequent first."""
    rows = library.rows(
        """SELECT kind, coalesce(last_error, 'unknown reason'), count(*) AS number FROM jobs
        WHERE state = 'failed' AND updated_at > ? GROUP BY 1, 2 ORDER BY number DESC, 1, 2""",
        since,
    )
    return [(JobKind(kind), reason, number) for kind, reason, number in rows]


def videos_finished_since(library: Library, since: str) -> int:
    """Count the videos without open jobs now and with a job finished after `since`."""
    return library.number(
        """SELECT count(*) FROM (SELECT video_id FROM jobs GROUP BY video_id
        HAVING sum(state IN ('queued', 'running')) = 0 AND sum(state = 'done' AND updated_at > ?) > 0)""",
        since,
    )
