"""A program killed at any moment: 200 kills at random moments, then a kill at every crash point.

    python benchmarks/kill9.py [--kills 200] [--points all|N] [--seed 1]

Two small films are taken in and described by a pretended server, with SIGKILL again and again. After every kill: no
process is left, nothing that was acknowledged is lost. Whenever a library is done: it equals that of an undisturbed
run, its files too, its indexes are whole, and no more items were done twice than there were kills. Crash points are
moments before and after a commit, a rename, a removal, a new folder or file, a flush and the start of a child; see
tests/crashing. Any broken promise ends the benchmark.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.crash_library import Shaken, differences, done_again, files_of, make_films, require_sound
from tests.support.fake_ollama import FakeOllama

# Kills of a command before it may end: fewer than take the same job with them too often.
MAX_KILLS_PER_COMMAND = 5

# How long the pretended models think, so that many kills strike while an answer is awaited.
THOUGHT_S = 0.1


@dataclass
class Figures:
    """Counts of a run."""

    kills: int = 0
    libraries: int = 0
    again: int = 0
    missed: int = 0
    struck: Counter[str] = field(default_factory=Counter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200, help="kills at random moments")
    parser.add_argument("--points", default="all", help="how many crash points to try, or all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place))
        began = time.monotonic()
        bench.at_random(dice, options.kills)
        tell("random moments", bench.figures, time.monotonic() - began)
        points = list(bench.crash_points())
        if options.points != "all":
            points = dice.sample(points, min(int(options.points), len(points)))
        bench.figures, began = Figures(), time.monotonic()
        for number, (command, point) in enumerate(points, 1):
            bench.at_point(command, point)
            if number % 20 == 0:
                print(f"  {number} of {len(points)} crash points", file=sys.stderr, flush=True)
        tell("crash points", bench.figures, time.monotonic() - began)


def tell(what: str, figures: Figures, seconds: float) -> None:
    kept = "all equal to the undisturbed one, nothing lost, no orphan"
    print(f"{what}: {figures.kills} kills of {figures.libraries} libraries in {seconds:.0f} s: {kept};", flush=True)
    print(f"  {figures.again} items done again, {figures.missed} runs ended before their kill", flush=True)
    print("  " + ", ".join(f"{where} {number}" for where, number in sorted(figures.struck.items())), flush=True)


class Bench:
    """The films, the undisturbed library, and the figures."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.figures = Figures()
        self.films = make_films(place / "films", 2)
        self.calm = place / "calm"
        self.counts: list[dict[str, int]] = []
        self.usual: list[float] = []
        with FakeOllama(delay_s=THOUGHT_S) as server:
            shaken = Shaken(self.calm, self.films, server)
            for command, words in enumerate(shaken.commands()):
                if command:
                    shutil.copytree(self.calm, self._before(command))
                began = time.monotonic()
                self.counts.append(shaken.points(words, place / "counts.json"))
                self.usual.append(time.monotonic() - began)
            require(done_again(server) == 0, "an undisturbed run does nothing twice")

    def at_random(self, dice: random.Random, kills: int) -> None:
        while self.figures.kills < kills:
            with FakeOllama(delay_s=THOUGHT_S) as server:
                shaken = Shaken(self.place / f"shaken {self.figures.libraries}", self.films, server)
                for words, usual in zip(shaken.commands(), self.usual, strict=True):
                    for _ in range(MAX_KILLS_PER_COMMAND):
                        if self.figures.kills + shaken.kills == kills:
                            break
                        if shaken.kill_after(words, dice.uniform(0.05, usual)):
                            self.figures.struck[words[0]] += 1
                        else:
                            self.figures.missed += 1
                    shaken.run_through(words)
                self._settle(shaken, server)
            print(f"  {self.figures.kills} of {kills} kills", file=sys.stderr, flush=True)

    def crash_points(self) -> Iterator[tuple[int, str]]:
        """Commands with their crash points."""
        for command, counts in enumerate(self.counts):
            for kind, passed in counts.items():
                for number in range(1, passed + 1):
                    yield command, f"{kind} {number}"

    def at_point(self, command: int, point: str) -> None:
        with FakeOllama(delay_s=THOUGHT_S) as server:
            shaken = Shaken(self.place / f"at {command} {point}", self.films, server)
            if command:
                shutil.copytree(self._before(command), shaken.home)
            if shaken.kill_at(shaken.commands()[command], point):
                self.figures.struck[point.partition(" ")[0]] += 1
            else:
                self.figures.missed += 1
            self._settle(shaken, server)

    def _before(self, command: int) -> Path:
        """The undisturbed library before a command."""
        return self.place / f"before {command}"

    def _settle(self, shaken: Shaken, server: FakeOllama) -> None:
        shaken.finish()
        require(not (wrong := differences(shaken.home, self.calm)), f"the libraries are equal: {wrong}")
        require(files_of(shaken.home) == files_of(self.calm), "the files are equal")
        require_sound(shaken.home)
        again = done_again(server)
        require(again <= shaken.kills, f"{again} items were done again after {shaken.kills} kills")
        self.figures.kills += shaken.kills
        self.figures.libraries += 1
        self.figures.again += again


def require(holds: bool, promise: str) -> None:
    if not holds:
        raise SystemExit(f"broken: {promise}")


if __name__ == "__main__":
    main()
