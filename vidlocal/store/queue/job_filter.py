"""Filter on the job queue."""

from dataclasses import dataclass

from vidlocal.job_specs import PER_FRAME_KINDS
from vidlocal.store.values import sql_list

# Jobs with at least this priority were moved ahead by past searches (see `priorities`).
SEARCHED_PRIORITY = 2000.0


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A subset of the queued jobs. None and False do not restrict.

    `budget`: only the first N representative frames of each video are described, and no sequence is watched.
    `searched`: only frames moved ahead by past searches (`priorities.reprioritise`), and the embedding of texts.
    `frames`: only the descriptions of these frames.
    """

    videos: tuple[int, ...] | None = None
    budget: int | None = None
    searched: bool = False
    frames: tuple[int, ...] | None = None

    def condition(self) -> str:
        """Return SQL for the WHERE of a query over `jobs`: empty, or starting with AND."""
        sql = ""
        if self.videos is not None:
            sql += f" AND jobs.video_id IN ({_id_list(self.videos)})"
        if self.budget is not None:
            sql += f""" AND jobs.kind <> 'watch' AND (jobs.kind <> 'describe' OR EXISTS (
              SELECT 1 FROM frames WHERE frames.id = jobs.target AND frames.rank < {int(self.budget)}))"""
        if self.searched:
            sql += f""" AND (jobs.kind = 'embed'
              OR jobs.kind IN {sql_list(PER_FRAME_KINDS)} AND jobs.priority >= {SEARCHED_PRIORITY})"""
        if self.frames is not None:
            sql += f" AND jobs.kind = 'describe' AND jobs.target IN ({_id_list(self.frames)})"
        return sql


ALL_JOBS = JobFilter()


def for_videos(*videos: int) -> JobFilter:
    """Select the jobs of some videos."""
    return JobFilter(videos=videos)


def _id_list(ids: tuple[int, ...]) -> str:
    return ", ".join(str(int(row_id)) for row_id in ids)
