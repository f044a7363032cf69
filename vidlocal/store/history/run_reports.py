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
    """Store the report of a run, replacing an earlier report of the same run. Returns the id of the run."""
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


def last_end(library: Library) -> int:
    """Return the number of the last end of a job, 0 before the first."""
    row = library.row("SELECT end_number FROM jobs WHERE end_number IS NOT NULL ORDER BY end_number DESC LIMIT 1")
    return 0 if row is None else int(row["end_number"])


def done_between(library: Library, first: int, last: int) -> Mapping[JobKind, int]:
    """Count the jobs of each kind finished after the end `first` and up to `last`, by any process."""
    rows = library.rows(
        "SELECT kind, count(*) FROM jobs WHERE state = 'done' AND end_number > ? AND end_number <= ? GROUP BY kind",
        first,
        last,
    )
    return {JobKind(kind): number for kind, number in rows}


def failed_between(library: Library, first: int, last: int) -> Sequence[tuple[JobKind, str, int]]:
    """Count the jobs failed after the end `first` and up to `last` by kind and reason, most frequent first."""
    rows = library.rows(
        """SELECT kind, coalesce(last_error, 'unknown reason'), count(*) AS number FROM jobs
        WHERE state = 'failed' AND end_number > ? AND end_number <= ? GROUP BY 1, 2 ORDER BY number DESC, 1, 2""",
        first,
        last,
    )
    return [(JobKind(kind), reason, number) for kind, reason, number in rows]


def videos_finished_between(library: Library, first: int, last: int) -> int:
    """Count the videos without open jobs now and with a job finished after the end `first` and up to `last`."""
    return library.number(
        """SELECT count(*) FROM (SELECT video_id FROM jobs GROUP BY video_id
        HAVING sum(state IN ('queued', 'running')) = 0
          AND sum(state = 'done' AND end_number > ? AND end_number <= ?) > 0)""",
        first,
        last,
    )
