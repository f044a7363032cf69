import json
import time
from datetime import UTC, datetime, timedelta

from tests.support.commands import Run
from vidlocal.records import JobKind
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs


def test_status_counts_videos_frames_and_waiting_jobs(run: Run, wedding: int) -> None:
    status = json.loads(run("status", "--json").stdout)
    assert status["videos"] == {"total": 1, "pending": 0, "enriching": 1, "enriched": 0}
    assert status["frames"] == {"total": 10, "described": 2, "distinct_left": 4}
    assert status["queue"]["describe"] == {"queued": 4, "running": 0, "done": 1, "failed": 0}
    assert status["queue"]["embed"]["queued"] == 1
    assert status["running"] == []
    assert status["seconds_left"] is None
    assert "frames\t2 of 10 captioned, 4 distinct remaining" in run("status").stdout.splitlines()


def test_status_shows_current_work_of_another_process_with_its_start(run: Run, wedding: int, library: Library) -> None:
    with ProcessLock(library.folder) as lock:
        jobs.claim(library, JobKind.DESCRIBE, worker=lock.token, now=time.monotonic(), lease_s=60.0)
        running = json.loads(run("status", "--json").stdout)["running"]
        plain = run("status")
    assert [(job["kind"], job["video"]["title"], job["done"]) for job in running] == [("describe", "wedding-2019", 0.2)]
    assert running[0]["since"][:2] == "20"
    assert "now wedding-2019 20 %" in plain.stdout
    assert plain.stderr == ""


def test_status_shows_a_process_waiting_for_its_server(run: Run, wedding: int, library: Library) -> None:
    with ProcessLock(library.folder) as lock:
        starting, document = run("status"), json.loads(run("status", "--json").stdout)
        assert "Nothing is running" not in starting.stderr
        assert (document["state"], document["waiting"]) == ("working", None)
        lock.set_waiting("server", "No Ollama server answers.")
        waiting, document = run("status"), json.loads(run("status", "--json").stdout)
        held = next(line for line in waiting.stdout.splitlines() if line.startswith("held\t"))
        assert held.startswith("held\tsince ")
        assert held.endswith(". No Ollama server answers.")
        assert waiting.stderr == ""
        assert document["state"] == "waiting"
        assert (document["waiting"]["for"], document["waiting"]["why"]) == ("server", "No Ollama server answers.")
        assert abs(datetime.now(UTC) - datetime.fromisoformat(document["waiting"]["since"])) < timedelta(minutes=1)
        with ProcessLock(library.folder):  # another one is not waiting
            assert json.loads(run("status", "--json").stdout)["state"] == "working"
        lock.clear_waiting("server")
        assert json.loads(run("status", "--json").stdout)["state"] == "working"
    assert "Nothing is running" in run("status").stderr
    assert json.loads(run("status", "--json").stdout)["state"] == "idle"


def test_wait_reason_of_a_dead_process_is_ignored(run: Run, wedding: int, library: Library) -> None:
    forged = library.folder / "owners" / ("0" * 16)
    forged.parent.mkdir(exist_ok=True)
    forged.write_text('[{"what": "server", "since": "2020-01-01T00:00:00+00:00", "why": "gone"}]')
    document = json.loads(run("status", "--json").stdout)
    assert (document["state"], document["waiting"]) == ("idle", None)


def test_status_joins_parallel_jobs_of_a_video(run: Run, wedding: int, library: Library) -> None:
    with ProcessLock(library.folder) as lock:
        for _ in range(3):
            jobs.claim(library, JobKind.DESCRIBE, worker=lock.token, now=time.monotonic(), lease_s=60.0)
        lines = [line for line in run("status").stdout.splitlines() if line.startswith("now\t")]
    assert len(lines) == 1
    assert lines[0].endswith(", 3 at once")


def test_status_counts_the_job_of_a_dead_process_as_waiting(run: Run, wedding: int, library: Library) -> None:
    with ProcessLock(library.folder) as lock:
        jobs.claim(library, JobKind.DESCRIBE, worker=lock.token, now=time.monotonic(), lease_s=3600.0)
    status = json.loads(run("status", "--json").stdout)
    assert status["running"] == []
    assert status["queue"]["describe"] == {"queued": 4, "running": 0, "done": 1, "failed": 0}


def test_status_tells_the_time_left_from_the_measured_pace(run: Run, wedding: int, library: Library) -> None:
    assert "unknown until" in run("status").stdout
    facts.put(library, "seconds_per_frame", "90.0")
    assert json.loads(run("status", "--json").stdout)["seconds_left"] == 360.0
    assert "time left\t6 min at 90 s per frame" in run("status").stdout


def test_status_shows_failures_with_their_reason(run: Run, wedding: int, library: Library) -> None:
    for _ in range(2):
        job = jobs.claim(library, JobKind.DESCRIBE, worker="nobody", now=time.monotonic(), lease_s=60.0)
        assert job is not None
        while not jobs.fail(library, job, "the answer was empty"):
            pass
    assert "failed\t2 describe: the answer was empty (in wedding-2019)" in run("status").stdout
    failed = json.loads(run("status", "--json").stdout)["failed"]
    assert [failure["reason"] for failure in failed] == ["the answer was empty"] * 2


def test_status_says_how_to_go_on_when_nothing_runs(run: Run, wedding: int, library: Library) -> None:
    assert "vidlocal enrich" in run("status").stderr
    assert run("status", "--quiet").stderr == ""
    videos.remove(library, wedding)
    assert run("status").stderr == ""
    assert run("status").stdout.startswith("progress\tvideos 0/0, frames 0/0\n")
