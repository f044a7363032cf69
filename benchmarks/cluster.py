"""The cluster: throughput of simulated workers, processor time of the owner, and the queue with a million jobs.

    python benchmarks/cluster.py [--latency 1.0] [--frames 20] [--workers 1,2,4,8] [--jobs 1000,1000000]

Each worker is a process of its own, joined over TLS on the loopback device, with an engine that answers after a fixed
time and uses no processor. Ideal is frames x latency / workers. The processor time is that of the owner (claims,
frames from the disk, calls, commits), and beside it that of the scheduler. For the queue, a claim and the commit of
its result are timed, each with so many jobs queued.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.enrich import fill
from vidlocal.app.cluster.hosts import ClusterHosts, models_of
from vidlocal.app.cluster.versions import own_versions
from vidlocal.cluster import certificates, dask_nodes, task
from vidlocal.cluster.addresses import SchedulerAddress, parse_address
from vidlocal.cluster.connection import Connection
from vidlocal.cluster.messages import Call, Offer, OfferedModel, Result, decode, encode
from vidlocal.cluster.pickle_guard import guarded_pickles
from vidlocal.enrich.run import EnrichEngines, enrich
from vidlocal.enrich.workers.fast_pass import FastEngines
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import Job, JobKind, Provenance
from vidlocal.settings import load
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs

SCENE = SceneAnswer("A bride in a long white dress walks down the aisle of a small church.", ("bride", "aisle"))
ROUNDS = 300
FRAMES_EACH = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds per frame")
    parser.add_argument("--frames", type=int, default=20, help="frames per worker")
    parser.add_argument("--workers", default="1,2,4,8", help="numbers of workers")
    parser.add_argument("--jobs", default="1000,10000,100000,1000000", help="numbers of queued jobs")
    options = parser.parse_args()
    print(
        f"{'workers':>8}  {'frames':>6}  {'seconds':>7}  {'of the sum':>10}  {'owner CPU':>12}  {'scheduler CPU':>13}"
    )
    for workers in map(int, filter(None, options.workers.split(","))):
        count = workers * options.frames
        seconds, own, scheduler = throughput(workers, count, options.latency)
        ideal = count * options.latency / workers
        each = [f"{1000 * cpu / count:.1f} ms" for cpu in (own, scheduler)]
        print(
            f"{workers:8}  {count:6}  {seconds:7.1f}  {ideal / seconds:10.1%}  {each[0]:>12}  {each[1]:>13}", flush=True
        )
    print(f"\n{'queued':>9}  {'claim':>9}  {'commit':>9}   lower quartile of {ROUNDS}")
    for number in map(int, filter(None, options.jobs.split(","))):
        claim, commit = queue(number)
        print(f"{number:9,}  {1000 * claim:6.2f} ms  {1000 * commit:6.2f} ms", flush=True)


# ------------------------------------------------------------ throughput


def throughput(workers: int, count: int, latency: float) -> tuple[float, float, float]:
    """Seconds to describe `count` frames, and processor seconds of the owner and of the scheduler."""
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificates.create_authority(folder / "cluster")
        address = SchedulerAddress("tls", "127.0.0.1", free_port())
        scheduler = spawn.Process(target=schedule, args=(folder / "cluster", address.port), daemon=True)
        scheduler.start()
        stack.callback(scheduler.kill)
        for number in range(workers):
            process = spawn.Process(target=work, args=(folder / "cluster", str(address), number, latency), daemon=True)
            process.start()
            stack.callback(process.kill)
        library = stack.enter_context(Library.open(folder, create=True))
        lock = stack.enter_context(ProcessLock(folder))
        fill(library, count)
        prober, reader = stack.enter_context(Prober()), stack.enter_context(RapidOcr())
        stack.enter_context(guarded_pickles())
        connection = stack.enter_context(connect(address, folder / "cluster"))
        while len(connection.members) < workers:
            time.sleep(0.1)
        machines = ClusterHosts(connection, models_of(load()), print_nothing, False)
        fast = FastEngines(find_ffmpeg(None), prober, reader, None)
        engines = EnrichEngines(fast, machines.first(), guarded=False)
        before, began = (own_cpu(), cpu_of(scheduler.pid)), time.monotonic()
        summary = enrich(library, engines, lock)
        seconds = time.monotonic() - began
        if summary.done.get(JobKind.DESCRIBE) != count:
            raise SystemExit(f"only {summary.done} of {count} frames were described")
        return seconds, own_cpu() - before[0], cpu_of(scheduler.pid) - before[1]


def print_nothing(message: str) -> None:
    """Drop a message."""


def connect(address: SchedulerAddress, folder: Path) -> Connection:
    """A connection to a starting scheduler."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((address.host, address.port)) == 0:
                return Connection(address, folder)
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_of(pid: int | None) -> float:
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def schedule(folder: Path, port: int) -> None:
    """The scheduler process."""

    async def serve() -> None:
        dask_nodes.configure(folder)
        async with dask_nodes.create_scheduler(folder, "127.0.0.1", port) as scheduler:
            await scheduler.finished()

    asyncio.run(serve())


def work(folder: Path, address: str, number: int, latency: float) -> None:
    """A worker process with a model of fixed duration, a frame at a time."""
    import threading

    turn = threading.Lock()
    model = OfferedModel("llava:7b", "d" * 64, "llava:7b@dddddddddddd", 4096, "ollama", roles=frozenset({"describe"}))

    def handle(data: bytes) -> bytes:
        call = decode(data)
        assert isinstance(call, Call)
        if call.method == "offer":
            return encode(Result(Offer(own_versions(), {"vision": model}, {})))
        with turn:
            time.sleep(latency)
        return encode(Result(SCENE))

    async def serve() -> None:
        dask_nodes.configure(folder)
        worker = dask_nodes.create_worker(folder, parse_address(address), f"worker {number}", "127.0.0.1", 0, {})
        async with worker:
            await worker.finished()

    task.set_handler(handle)
    asyncio.run(serve())


# ------------------------------------------------------------ queue


def queue(number: int) -> tuple[float, float]:
    """Seconds of a claim and of the commit of its result, with `number` jobs queued.

    The lower quartile, for a machine with other work.
    """
    with tempfile.TemporaryDirectory() as name, Library.open(Path(name), create=True) as library:
        fill_queue(library, number)
        with ProcessLock(library.folder) as lock:
            times = [claim_and_commit(library, lock) for _ in range(ROUNDS)]
    claims, commits = zip(*times, strict=True)
    return statistics.quantiles(claims)[0], statistics.quantiles(commits)[0]


def fill_queue(library: Library, number: int) -> None:
    """Videos of 2,000 frames each, as of an hour, with a job of its own priority for each frame."""
    fill(library, 1)
    with library.writing() as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(videos)") if row[1] != "id"]
        changed = {"content_hash": "printf('%064d', i)", "path": "'/film ' || i", "title": "'film ' || i"}
        values = ", ".join(changed.get(name, name) for name in columns)
        connection.execute(
            f"""INSERT INTO videos ({", ".join(columns)})
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            SELECT {values} FROM n, videos WHERE id = 1""",
            (-(-number // FRAMES_EACH),),
        )
        connection.execute(
            """INSERT INTO frames (video_id, time, shot, image, dhash, novelty)
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            SELECT 2 + i / ?, 2.0 * (i % ?), i, 'frames/0.jpg', i, 0.5 FROM n""",
            (number - 1, FRAMES_EACH, FRAMES_EACH),
        )
        connection.execute("DELETE FROM jobs")
        connection.execute(
            """INSERT INTO jobs (kind, target, video_id, priority, updated_at)
            SELECT 'describe', id, video_id, (id * 7919) % 100003, '2026-01-01T00:00:00Z' FROM frames WHERE id > 1"""
        )


def claim_and_commit(library: Library, lock: ProcessLock) -> tuple[float, float]:
    began = time.perf_counter()
    job: Job | None = jobs.claim(library, JobKind.DESCRIBE, worker=lock.token, now=time.monotonic(), lease_s=900.0)
    claimed = time.perf_counter()
    assert job is not None
    frame = frames.get(library, job.target)
    assert frame is not None
    with library.writing():
        frames.store_scene(library, frame, SCENE, Provenance("ollama", "llava:7b", "d" * 64, "1"))
        jobs.finish(library, job)
    return claimed - began, time.perf_counter() - claimed


if __name__ == "__main__":
    os.environ.setdefault("VIDLOCAL_HOME", tempfile.gettempdir())
    main()
