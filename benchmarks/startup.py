"""Time of `vidlocal --help` and a cold `vidlocal search`, as multiples of an empty Python.

    python benchmarks/startup.py [--runs 15] [--home FOLDER]

Commands are run in turn, so that a machine that slows down slows all of them; the ratio is of medians. Without
--home the library is the demo's clip. Every run must end with exit status 0.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

VIDLOCAL = [str(Path(sys.executable).with_name("vidlocal"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = chosen.home or Path(folder)
        if chosen.home is None:
            with as_file(files("vidlocal") / "demo" / "a-year-outside.mp4") as clip:
                timed([*VIDLOCAL, "ingest", str(clip)], home)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "vidlocal --help": [*VIDLOCAL, "--help"],
            "vidlocal search": [*VIDLOCAL, "search", "boat sails home"],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(chosen.runs):
            for name, command in commands.items():
                taken[name].append(timed(command, home))
    empty = statistics.median(taken["python -c pass"])
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"{name:16}  {1000 * middle:7.1f} ms  {middle / empty:5.1f} times  ({1000 * min(seconds):.1f} at best)")


def timed(command: list[str], home: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, "VIDLOCAL_HOME": str(home)}, capture_output=True, timeout=120, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return seconds


if __name__ == "__main__":
    main()
