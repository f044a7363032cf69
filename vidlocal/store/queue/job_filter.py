"""Which part of the queue a run is for."""

from dataclasses import dataclass

# The least priority of what past searches moved ahead (see `priorities`).
SEARCHED = 2000.0


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Some of the queued work. None and False are no limit.

    `budget` is the number of representative frames per video: no other frame is described, no strip watched.
    `searched`: only frames that past searches moved ahead (`priorities.reprioritise`) are looked at, and what is said
    of them embedded. `frames`: only the descriptions of these frames.
    """

    videos: tuple[int, ...] | None = None
    budget: int | None = None
    searched: bool = False
    frames: tuple[int, ...] | None = None

    def condition(self) -> str:
        """SQL for the WHERE of a query over `jobs`, beginning with AND, or nothing."""
        sql = ""
        if self.videos is not None:
            sql += f" AND jobs.video_id IN ({', '.join(str(int(video)) for video in self.videos)})"
        if self.budget is not None:
            sql += f""" AND jobs.kind <> 'watch' AND (jobs.kind <> 'describe' OR EXISTS (
              SELECT 1 FROM frames WHERE frames.id = jobs.target AND frames.rank < {int(self.budget)}))"""
        if self.searched:
            sql += f" AND (jobs.kind = 'embed' OR jobs.kind IN ('describe', 'watch') AND jobs.priority >= {SEARCHED})"
        if self.frames is not None:
            sql += f" AND jobs.kind = 'describe' AND jobs.target IN ({', '.join(str(int(one)) for one in self.frames)})"
        return sql


ALL_JOBS = JobFilter()


def for_videos(*videos: int) -> JobFilter:
    """All the queued work of these videos."""
    return JobFilter(videos=videos)
