"""Time and memory of `vidlocal ingest`, as ratios on this machine.

    python benchmarks/ingest.py [--minutes 60] [--only dense|sparse|memory]

(a)  Ingest without speech and text on screen of a 1080p film: with a key frame every 2 s against
     `ffmpeg -skip_frame nokey -f null` (goal: at most 2), with one every 10 s against a full decode with
     `fps=1/2,scale` (goal: at most 1.3).
(a2) The same films against a loop that reads every frame with OpenCV.
(b)  The peak memory of all processes together, 5 minutes against the whole film (goal: within 15 %, under 400 MB).

Clips are made once, in benchmarks/clips. Both the time on the clock and the processor time of all processes are
told: where other work runs on the machine, only the second can be compared. Every run has a library of its own.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.media import ffmpeg

WORK = Path(__file__).parent / "clips"
RATE_HZ = 30


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall-clock seconds, processor seconds of all processes, and their maximum total memory."""

    wall: float
    cpu: float
    peak_mb: float

    def over(self, other: "Cost") -> str:
        return f"{self.wall / other.wall:.2f} times on the clock, {self.cpu / other.cpu:.2f} times the processor time"

    def __str__(self) -> str:
        return f"{self.wall:7.1f} s, {self.cpu:7.1f} s of processor, {self.peak_mb:5.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60, help="length of the film")
    parser.add_argument("--only", choices=["dense", "sparse", "memory"], help="one measurement")
    chosen = parser.parse_args()
    program = ffmpeg.find_ffmpeg(None).path
    WORK.mkdir(exist_ok=True)
    if chosen.only in (None, "dense"):
        dense(program, chosen.minutes)
    if chosen.only in (None, "sparse"):
        sparse(program, chosen.minutes)
    if chosen.only in (None, "memory"):
        memory(program, chosen.minutes)


def dense(program: str, minutes: int) -> None:
    path = film(program, every=2, minutes=minutes)
    keys = cost([program, "-nostdin", "-v", "error", "-skip_frame", "nokey", "-i", str(path), "-f", "null", "-"])
    ours, rival = ingest(path), opencv(path)
    told(f"(a) {minutes} min of 1080p, a key frame every 2 s", ours, "key frames decoded to nothing", keys, "2")
    told("(a2) the same film", ours, "every frame read with OpenCV", rival)


def sparse(program: str, minutes: int) -> None:
    path = film(program, every=10, minutes=minutes)
    scaled = ["-vf", "fps=1/2,scale=896:-2", "-f", "null", "-"]
    full = cost([program, "-nostdin", "-v", "error", "-i", str(path), *scaled])
    ours, rival = ingest(path), opencv(path)
    told(f"(a) {minutes} min of 1080p, a key frame every 10 s", ours, "everything decoded, fps=1/2,scale", full, "1.3")
    told("(a2) the same film", ours, "every frame read with OpenCV", rival)


def memory(program: str, minutes: int) -> None:
    short = ingest(film(program, every=2, minutes=5))
    long = ingest(film(program, every=2, minutes=minutes))
    print(f"(b) peak memory: {short.peak_mb:.0f} MB for 5 min, {long.peak_mb:.0f} MB for {minutes} min:", end=" ")
    print(f"{long.peak_mb / short.peak_mb:.2f} times (goal: within 0.15 of 1, and under 400 MB)")


def told(what: str, ours: Cost, against: str, other: Cost, goal: str | None = None) -> None:
    print(what)
    print(f"    ingest                              {ours}")
    print(f"    {against:34}  {other}")
    print(f"    ratio: {ours.over(other)}" + (f" (goal: at most {goal})" if goal else ""))


def film(program: str, *, every: int, minutes: int) -> Path:
    """A 1080p film with a key frame interval in seconds: a minute with B-frames, repeated without encoding."""
    path, minute = WORK / f"{minutes}min-key{every}s.mp4", WORK / f"1min-key{every}s.mp4"
    quiet = [program, "-nostdin", "-v", "error", "-y"]
    if not minute.exists():
        print(f"making {minute.name} ...", file=sys.stderr)
        fractal = ("-f", "lavfi", "-i", f"mandelbrot=size=640x360:rate={RATE_HZ}:end_scale=0.0005")
        card = ("-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate={RATE_HZ}")
        cut = "trim=duration={},setpts=PTS-STARTPTS"
        shots = f"[0]scale=1920:1080,{cut.format(40)}[a];[1]{cut.format(20)}[b];[a][b]concat=n=2:v=1[v]"
        length = str(every * RATE_HZ)
        codec = ("-c:v", "libx264", "-preset", "veryfast", "-b:v", "5M", "-maxrate", "6M", "-bufsize", "10M")
        group = ("-pix_fmt", "yuv420p", "-g", length, "-keyint_min", length, "-sc_threshold", "0", "-t", "60")
        made = [*quiet, *fractal, *card, "-filter_complex", shots, "-map", "[v]", *codec, *group]
        subprocess.run([*made, str(minute)], check=True)
    if not path.exists():
        loop = ["-stream_loop", str(minutes - 1), "-i", str(minute), "-c", "copy", str(path)]
        subprocess.run([*quiet, *loop], check=True)
    return path


def ingest(path: Path) -> Cost:
    """Cost of the command with a new library."""
    home = tempfile.mkdtemp(prefix="vidlocal-benchmark-")
    command = [sys.executable, "-m", "vidlocal", "ingest", "--later", str(path)]
    try:
        return cost(command, VIDLOCAL_HOME=home)
    finally:
        shutil.rmtree(home)


def opencv(path: Path) -> Cost:
    """Cost of decoding every frame, keeping a frame every 2 s."""
    loop = (
        "import cv2, sys\n"
        "film = cv2.VideoCapture(sys.argv[1]); rate = film.get(cv2.CAP_PROP_FPS); number = 0\n"
        "while True:\n"
        "    there, picture = film.read()\n"
        "    if not there: break\n"
        "    if number % round(rate * 2) == 0: small = cv2.resize(picture, (896, 504))\n"
        "    number += 1\n"
    )
    return cost([sys.executable, "-c", loop, str(path)])


def cost(command: Sequence[str], **environment: str) -> Cost:
    """Cost of a successful run of the command."""
    before, started = _children_cpu(), time.monotonic()
    child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    watch = _Watch(child.pid)
    watch.start()
    status = child.wait()
    wall = time.monotonic() - started
    watch.stop.set()
    watch.join()
    if status != 0:
        sys.exit(f"{command[0]} ended with status {status}")
    return Cost(wall, _children_cpu() - before, watch.peak_mb)


class _Watch(threading.Thread):
    """Looks at the memory of a process and all its descendants, ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_mb = 0.0
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.1):
            self.peak_mb = max(self.peak_mb, self._now_mb())

    def _now_mb(self) -> float:
        listing = subprocess.run(["ps", "-axo", "pid=,ppid=,rss="], capture_output=True, text=True, check=False).stdout
        rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
        family, grown = {self.pid}, True
        while grown:
            members = family | {pid for pid, parent, _ in rows if parent in family}
            grown, family = members != family, members
        return sum(rss for pid, _, rss in rows if pid in family) / 1024


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
