"""A cluster of real processes on the loopback device."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAM = [sys.executable, "-m", "vidlocal"]
NO_SERVER = "http://127.0.0.1:9"


@dataclass
class Cluster:
    """A scheduler and its machines. `home`: of the owner."""

    home: Path
    address: str
    token: str
    scheduler: subprocess.Popen[str]

    @contextmanager
    def join(self, home: Path, server: str, *words: str, name: str) -> Iterator[subprocess.Popen[str]]:
        """Start a machine with a model server, and wait for its join; the machine leaves at the end of the block."""
        place = self.address.removeprefix("tls://")
        arguments = ["cluster", "join", place, "--token", self.token, "--name", name, *words]
        with running(home, server, *arguments) as machine:
            assert machine.stderr is not None
            line = machine.stderr.readline()
            assert line.startswith("Joined"), line + machine.stderr.read()
            yield machine


@contextmanager
def running(home: Path, server: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command in the background; killed at the end of the block."""
    environment = {**os.environ, "VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": server}
    command = subprocess.Popen(
        [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield command
    finally:
        with suppress(OSError):
            command.kill()
        command.communicate()


@contextmanager
def cluster(home: Path) -> Iterator[Cluster]:
    """Start a scheduler for the library in `home`."""
    words = ["cluster", "start", "--listen", "127.0.0.1", "--port", str(free_ports())]
    with running(home, NO_SERVER, *words) as scheduler:
        assert scheduler.stdout is not None
        address, token = scheduler.stdout.readline().strip(), scheduler.stdout.readline().strip()
        if not token:
            raise AssertionError(scheduler.communicate()[1])
        yield Cluster(home, address, token, scheduler)


def free_ports() -> int:
    """A free port, followed by another free port."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            with suppress(OSError):
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
                return int(first.getsockname()[1])
