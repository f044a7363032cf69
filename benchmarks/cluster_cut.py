"""The cable of a machine is pulled in the middle of a run, and put in again. Linux, as root.

    python benchmarks/cluster_cut.py [--seconds 60]

Two network namespaces are joined by a virtual cable: the owner with its scheduler in one, a machine with a pretended
model server in the other. The run must wait, take the machine back, and end with every frame captioned once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.cluster import NO_SERVER, PROGRAM
from vidlocal.store.database import Library

CLIP = Path(__file__).parents[1] / "vidlocal" / "demo" / "a-year-outside.mp4"
OWNER, MACHINE = "10.77.0.1", "10.77.0.2"
# The real work begins in a namespace of its own.
INSIDE = "VIDLOCAL_CUT_INSIDE"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        place = Path(name)
        far = stack.enter_context(background(place / "sleep", "unshare", "--net", "sleep", "3600"))
        time.sleep(1.0)
        inside = ("nsenter", "-t", str(far.pid), "-n")
        connect(far.pid, inside)
        home = place / "home"
        run(home, "ingest", str(CLIP), "--later", "--quiet")
        start = [*PROGRAM, "cluster", "start", "--listen", OWNER]
        stack.enter_context(background(place / "start", *start, home=home))
        token = wait_for(place / "start", "vidlocal-")
        server = [sys.executable, "-m", "tests.support.fake_ollama", "--delay", "1.5"]
        stack.enter_context(background(place / "server", *inside, *server))
        wait_for(place / "server", "listening")
        join = [*inside, *PROGRAM, "cluster", "join", OWNER, "--token", token, "--name", "far"]
        stack.enter_context(background(place / "join", *join, home=place / "far", server="127.0.0.1:11434"))
        wait_for(place / "join", "Joined")
        owner = stack.enter_context(background(place / "owner", *PROGRAM, "enrich", "--cluster", home=home))
        while captions(home)[0] < 3:
            time.sleep(0.5)
        shell("ip", "link", "set", "v0", "down")
        before = captions(home)[0]
        print(f"cable pulled after {before} captions", flush=True)
        time.sleep(options.seconds)
        during = captions(home)[0]
        shell("ip", "link", "set", "v0", "up")
        print(f"cable put in again after {options.seconds:.0f} s, at {during} captions", flush=True)
        began = time.monotonic()
        code = owner.wait(timeout=300)
        print((place / "owner").read_text("utf-8"))
        count, distinct, frames = captions(home)
        if code or not count == distinct == frames:
            raise SystemExit(f"broken: exit code {code}, {count} captions of {distinct} frames, {frames} in all")
        print(f"ended {time.monotonic() - began:.0f} s later: {count} frames, each captioned once")


def connect(pid: int, inside: tuple[str, ...]) -> None:
    """Lay a cable between this namespace and the namespace of `pid`."""
    shell("ip", "link", "set", "lo", "up")
    shell("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    shell("ip", "link", "set", "v1", "netns", str(pid))
    shell("ip", "addr", "add", f"{OWNER}/24", "dev", "v0")
    shell("ip", "link", "set", "v0", "up")
    shell(*inside, "ip", "link", "set", "lo", "up")
    shell(*inside, "ip", "addr", "add", f"{MACHINE}/24", "dev", "v1")
    shell(*inside, "ip", "link", "set", "v1", "up")


def shell(*words: str) -> None:
    subprocess.run(words, check=True)


def run(home: Path, *words: str) -> None:
    environment = {**os.environ, "VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": NO_SERVER}
    subprocess.run([*PROGRAM, *words], check=True, env=environment)


@contextmanager
def background(
    log: Path, *words: str, home: Path | None = None, server: str = NO_SERVER
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a log file, killed after the block."""
    environment = {**os.environ, "VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": server}
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, env=environment, cwd=Path(__file__).parents[1])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(log: Path, beginning: str) -> str:
    """Wait for a line of a log. Returns the line."""
    while True:
        for line in log.read_text("utf-8").splitlines():
            if line.startswith(beginning):
                return line
        time.sleep(0.2)


def captions(home: Path) -> tuple[int, int, int]:
    """Captions, frames with a caption, and frames to caption."""
    with Library.open(home) as library:
        return (
            library.number("SELECT count(*) FROM passages WHERE kind = 'scene'"),
            library.number("SELECT count(DISTINCT frame_id) FROM passages WHERE kind = 'scene'"),
            library.number("SELECT count(*) FROM frames WHERE image NOT NULL"),
        )


if __name__ == "__main__":
    main()
