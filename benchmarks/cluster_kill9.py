"""Machines, scheduler and owner of a cluster killed at random moments, again and again.

    python benchmarks/cluster_kill9.py [--kills 100] [--seed 1]

A film is captioned, watched, tagged and summarised by two machines with pretended servers. SIGKILL strikes one of the
four processes, which is started again, five times before the queue is empty. Then the library must equal that of an
undisturbed run: the same passages, tags and chapters, all jobs done, none failed, nothing twice.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.cluster import NO_SERVER, PROGRAM, free_ports
from tests.support.fake_ollama import FakeOllama
from vidlocal.store.database import Library

CLIP = Path(__file__).parents[1] / "vidlocal" / "demo" / "a-year-outside.mp4"
KILLS_EACH = 5
THOUGHT_S = 0.2
MACHINES = ("desk", "laptop")
# What a run leaves; the order of two machines is not told apart.
CONTENT = (
    'SELECT video_id, frame_id, start, "end", kind, text, visible FROM passages ORDER BY 1, 3, 5, 6',
    "SELECT kind, state, attempts, count(*) FROM jobs GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT count(*), count(DISTINCT passage_id) FROM vectors",
    "SELECT count(*) - count(DISTINCT frame_id) FROM passages WHERE kind = 'scene'",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        run(place, place / "new", "ingest", str(CLIP), "--later")
        began = time.monotonic()
        calm = Trial(place, 0)
        calm.run_through([], dice)
        usual, expected = time.monotonic() - began, calm.content()
        print(f"undisturbed: {usual:.0f} s, {len(expected[0])} passages", flush=True)
        struck: Counter[str] = Counter()
        number = 0
        while struck.total() < options.kills:
            number += 1
            trial = Trial(place, number)
            victims = [dice.choice(["owner", "scheduler", *MACHINES]) for _ in range(KILLS_EACH)]
            struck.update(trial.run_through(victims, dice))
            if (content := trial.content()) != expected:
                raise SystemExit(f"broken: trial {number} after {victims}: {differences(content, expected)}")
            print(f"  {struck.total()} of {options.kills} kills", file=sys.stderr, flush=True)
            shutil.rmtree(trial.home)
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(struck.items()))
    print(f"{struck.total()} kills ({kinds}) of {number} libraries, each equal to the undisturbed one")


def run(place: Path, home: Path, *words: str) -> None:
    """Run a command to its end."""
    done = subprocess.run([*PROGRAM, *words], env=environment(home, NO_SERVER), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{words} in {place}: {done.stderr}")


def environment(home: Path, server: str) -> dict[str, str]:
    return {**os.environ, "VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": server}


def differences(content: list[list[object]], expected: list[list[object]]) -> list[object]:
    """Rows in only one of the libraries."""
    return [
        row
        for ours, theirs in zip(content, expected, strict=True)
        for row in [*(row for row in ours if row not in theirs), *(row for row in theirs if row not in ours)]
    ]


@dataclass
class Trial:
    """A copy of the library, and its running processes."""

    place: Path
    number: int

    def __post_init__(self) -> None:
        self.home = self.place / f"trial {self.number}"
        shutil.copytree(self.place / "new", self.home)
        self.port = str(free_ports())
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def run_through(self, victims: list[str], dice: random.Random) -> Counter[str]:
        """Work until the queue is empty, and kill the victims meanwhile. Returns the kills by name."""
        struck: Counter[str] = Counter()
        waiting = list(victims)
        with FakeOllama(delay_s=THOUGHT_S) as desk, FakeOllama(delay_s=THOUGHT_S) as laptop, self.ended():
            self.commands = self.command_lines(desk.host, laptop.host)
            for name in ("scheduler", *MACHINES, "owner"):
                self.start(name)
            while True:
                owner = self.processes["owner"]
                try:
                    owner.wait(dice.uniform(0.3, 3.0) if waiting else 300)
                except subprocess.TimeoutExpired:
                    if not waiting:
                        raise SystemExit(f"broken: trial {self.number} hangs after {victims}") from None
                    self.kill(victim := waiting.pop())
                    struck[victim] += 1
                    self.start(victim)
                    continue
                if owner.returncode != 0:
                    logs = "\n".join(f"{name}: {self.log(name)}" for name in self.processes)
                    raise SystemExit(f"broken: exit code {owner.returncode} after {victims}\n{logs}")
                return struck

    def command_lines(self, desk: str, laptop: str) -> dict[str, tuple[Path, str, list[str]]]:
        token = self.first_start()
        join = ["cluster", "join", f"127.0.0.1:{self.port}", "--token", token, "--name"]
        return {
            "scheduler": (self.home, NO_SERVER, ["cluster", "start", "--listen", "127.0.0.1", "--port", self.port]),
            "desk": (self.home.with_name(f"desk {self.number}"), desk, [*join, "desk"]),
            "laptop": (self.home.with_name(f"laptop {self.number}"), laptop, [*join, "laptop"]),
            "owner": (self.home, NO_SERVER, ["enrich", "--cluster", "--no-canary"]),
        }

    def first_start(self) -> str:
        """Start the scheduler once for its certificates. Returns the token."""
        words = ["cluster", "start", "--listen", "127.0.0.1", "--port", self.port]
        process = subprocess.Popen(
            [*PROGRAM, *words], env=environment(self.home, NO_SERVER), stdout=subprocess.PIPE, text=True, stderr=-1
        )
        assert process.stdout is not None
        process.stdout.readline()
        token = process.stdout.readline().strip()
        process.kill()
        process.communicate()
        return token

    def start(self, name: str) -> None:
        home, server, words = self.commands[name]
        with (self.place / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                [*PROGRAM, *words], env=environment(home, server), stdout=subprocess.DEVNULL, stderr=log, text=True
            )
        if name == "scheduler" and "owner" not in self.processes:
            self.wait_for(name, "Stop with Ctrl-C")
        elif name in MACHINES and "owner" not in self.processes:
            self.wait_for(name, "Joined")

    def wait_for(self, name: str, line: str) -> None:
        while line not in self.log(name):
            if self.processes[name].poll() is not None:
                raise SystemExit(f"{name} ended: {self.log(name)}")
            time.sleep(0.1)

    def log(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text("utf-8")

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    @contextmanager
    def ended(self) -> Iterator[None]:
        """End all processes after the block."""
        try:
            yield
        finally:
            for name in self.processes:
                self.kill(name)

    def content(self) -> list[list[object]]:
        with Library.open(self.home) as library:
            return [[tuple(row) for row in library.rows(sql)] for sql in CONTENT]


if __name__ == "__main__":
    main()
