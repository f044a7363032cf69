"""Ten thousand frames through the deep pass: does memory grow, and does SQLite's log stay small?

    python benchmarks/soak.py [--frames 10000]

The real command works against a pretended server in another process, with canary, embeddings, strips and tags, while
somebody looks at the library for ten seconds at a time. Memory is the resident set of the program, sampled twice a
second; growth is from when a tenth is done to the end. Fails over 50 MB of growth or 256 MB of log.
"""

import argparse
import io
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from vidlocal.records import FileStamp, FrameDraft, MediaKind, Probe
from vidlocal.store.content import understanding, videos
from vidlocal.store.database import Library

PER_VIDEO = 1000
MOST_GROWTH = 50 << 20
MOST_LOG = 256 << 20
SERVER = """
import sys, time
from tests.fake_ollama import FakeOllama
with FakeOllama() as server:
    print(server.port, flush=True)
    while sys.stdin.readline():
        server.requests.clear()
"""


@dataclass
class Samples:
    """Memory samples of the program, in bytes, with the frames finished by then."""

    memory: list[tuple[int, int]] = field(default_factory=list)
    log: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=10_000)
    count = parser.parse_args().frames
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        fill(home, count)
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            port = int(server.stdout.readline())
            samples, seconds, report = run(home, port, server.stdin)
        finally:
            server.kill()
    tell(samples, seconds, report, count)


def fill(home: Path, count: int) -> None:
    """Videos of a thousand frames each, every frame another picture."""
    dice = np.random.default_rng(1)
    with Library.open(home, create=True) as library:
        for first in range(0, count, PER_VIDEO):
            name = f"film{first:06}"
            folder = library.frames_folder / name
            folder.mkdir()
            drafts = []
            for number in range(min(PER_VIDEO, count - first)):
                colours = dice.integers(0, 255, (3, 4, 3), dtype=np.uint8)
                held = io.BytesIO()
                Image.fromarray(colours).resize((160, 90)).save(held, "JPEG", quality=85)
                (folder / f"{number}.jpg").write_bytes(held.getvalue())
                image, rank = f"frames/{name}/{number}.jpg", number if number < 50 else None
                drafts.append(FrameDraft(2.0 * number, number // 9, image, number, rank=rank, novelty=0.5))
            video_id = videos.add(
                library,
                content_hash=name,
                path=Path(f"/{name}.mp4"),
                stamp=FileStamp(1, 1, 1),
                probe=Probe(MediaKind.VIDEO, 2.0 * len(drafts)),
                frame_drafts=drafts,
                text_passages=[],
                plan=[],
            )
            understanding.queue(library, video_id)


def run(home: Path, port: int, server: "IO[str]") -> tuple[Samples, float, dict[str, object]]:
    """The samples, the duration, and the summary of the command."""
    environment = os.environ | {"VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": f"http://127.0.0.1:{port}"}
    began = time.monotonic()
    said = home / "said.json"
    with said.open("w") as stdout:
        child = subprocess.Popen(
            [sys.executable, "-m", "vidlocal", "enrich", "--json", "-q"], env=environment, stdout=stdout
        )
        samples, ended = Samples(), threading.Event()
        reader = threading.Thread(target=look_long, args=(home, ended), daemon=True)
        reader.start()
        while child.poll() is None:
            sample(samples, child.pid, home)
            server.write("forget\n")
            server.flush()
            time.sleep(0.5)
        ended.set()
        reader.join()
    if child.returncode:
        raise SystemExit(f"vidlocal enrich ended with {child.returncode}")
    report: dict[str, object] = json.loads(said.read_text())
    return samples, time.monotonic() - began, report


def sample(samples: Samples, pid: int, home: Path) -> None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        samples.log = max(samples.log, (home / "library.db-wal").stat().st_size)
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return
    with closing(sqlite3.connect(f"file:{home}/library.db?mode=ro", uri=True)) as connection:
        (done,) = connection.execute("SELECT count(*) FROM jobs WHERE kind = 'describe' AND state = 'done'").fetchone()
    samples.memory.append((done, pages * os.sysconf("SC_PAGE_SIZE")))


def look_long(home: Path, ended: threading.Event) -> None:
    """A reader with a snapshot of the library for ten seconds, to keep the log from checkpoints."""
    with closing(sqlite3.connect(home / "library.db", isolation_level=None)) as connection:
        while not ended.is_set():
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM passages").fetchone()
            ended.wait(10)
            connection.rollback()
            ended.wait(1)


def tell(samples: Samples, seconds: float, report: dict[str, object], count: int) -> None:
    early = [memory for done, memory in samples.memory if count // 10 <= done <= count // 5]
    late = [memory for done, memory in samples.memory if done >= count - count // 10]
    growth = statistics.median(late) - statistics.median(early)
    print(f"{report['done']} in {seconds:.0f} s, failed {report['failed']}, left {report['left']}")
    highest = max(memory for _, memory in samples.memory)
    figures = {"a tenth": statistics.median(early), "the end": statistics.median(late), "its highest": highest}
    print("memory at " + ", at ".join(f"{when} {memory / 2**20:.0f} MB" for when, memory in figures.items()))
    print(f"growth {growth / 2**20:.1f} MB")
    print(f"largest log {samples.log / 2**20:.1f} MB")
    if growth > MOST_GROWTH or samples.log > MOST_LOG:
        raise SystemExit("over the limit")


if __name__ == "__main__":
    main()
