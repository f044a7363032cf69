import json
import time

from tests.support.commands import Run, add_video
from vidlocal.records import Fault, JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs


def fail_one(library: Library, reason: str, fault: Fault) -> None:
    job = jobs.claim(library, JobKind.DESCRIBE, worker="w", now=time.monotonic(), lease_s=60.0)
    assert job is not None
    while not jobs.fail(library, job, reason, fault=fault):
        pass


def test_failed_names_video_time_fault_tries_and_reason(run: Run, library: Library, wedding: int) -> None:
    fail_one(library, "the answer was empty", Fault.ANSWER)
    assert run("failed").stdout == f"{wedding}\twedding-2019\tdescribe\t0:00:04.0\tanswer\t3\tthe answer was empty\n"
    (shown,) = json.loads(run("failed", "--json").stdout)["failed"]
    assert (shown["time"], shown["fault"], shown["attempts"]) == (4.0, "answer", 3)
    assert shown["video"]["id"] == wedding


def test_retry_requeues_failed_jobs_of_the_named_videos(run: Run, library: Library, wedding: int) -> None:
    add_video(library, "garden", "flowers")
    fail_one(library, "no", Fault.FILE)
    fail_one(library, "no", Fault.TOOL)
    assert len(jobs.failures(library)) == 2
    result = run("failed", "--retry", "garden")
    assert "1 job queued again" in result.stderr
    assert [failure.video_id for failure in jobs.failures(library)] == [wedding]
    assert run("failed", "--retry").exit_code == 0
    assert jobs.failures(library) == []
    assert library.number("SELECT sum(attempts) FROM jobs") == 0
    assert jobs.counts(library)[JobKind.DESCRIBE, JobState.QUEUED] == 9
    assert "No failed jobs" in run("failed").stderr
