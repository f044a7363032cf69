"""Real processes on a common library: in pairs, paused, ended, and after a hangup."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.support.fake_ollama import FakeOllama
from tests.support.films import add_video
from vidlocal.app.enrich.run_log import FOLDER, NAME
from vidlocal.enrich import report
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs

FRAMES = 16
PATIENCE_S = 30.0

# Makes the terminal on stdin the one that the program belongs to, as a shell does.
_GO = "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
_BELONGS = f"import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); {_GO}"
# Only its streams go there, as after `disown`: nobody tells it that the terminal is closed.
_WRITES = f"import os, sys; os.setsid(); {_GO}"

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(delay_s=0.1) as running:
        yield running


@pytest.fixture
def start(server: FakeOllama, library: Library) -> Iterator[Start]:
    """Starts `vidlocal` with the given words on the library, and leaves none running."""
    add_video(library, pictures=FRAMES)
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "VIDLOCAL_HOME": str(library.folder),
        "OLLAMA_HOST": server.host,
        "VIDLOCAL_SLOTS": "1",
    }
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str, before: tuple[str, ...] = (), **streams: object) -> "subprocess.Popen[bytes]":
        command = [sys.executable, *before, "-m", "vidlocal", *words]
        started.append(subprocess.Popen(command, env=environment, **streams))  # type: ignore[call-overload]
        return started[-1]

    yield run
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


ENRICH = ("enrich", "--only", "describe", "--no-canary")


def until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.02)


def described(library: Library) -> int:
    return frames.coverage(library).described


def log_of(library: Library) -> str:
    path = library.folder / FOLDER / NAME
    return path.read_text() if path.exists() else ""


def test_two_processes_share_the_queue_and_no_frame_is_asked_about_twice(
    library: Library, server: FakeOllama, start: Start
) -> None:
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    both = [start(*ENRICH, "--json", **quiet) for _ in range(2)]
    done = [json.loads(child.communicate(timeout=PATIENCE_S)[0])["done"].get("describe", 0) for child in both]
    assert [child.returncode for child in both] == [0, 0]
    assert sum(done) == FRAMES
    assert min(done) > 0
    assert Counter(asked.picture for asked in server.asked("/api/chat")).most_common(1)[0][1] == 1
    assert library.number("SELECT count(*) FROM passages WHERE kind = 'scene'") == FRAMES
    assert library.number("SELECT sum(losses) + sum(attempts) FROM jobs WHERE kind = 'describe'") == 0


def test_pause_reaches_a_running_process_and_so_does_resume(library: Library, server: FakeOllama, start: Start) -> None:
    running = start(*ENRICH, "--quiet")
    until(lambda: described(library) > 2, "the first frames")
    assert start("pause", "--quiet").wait(PATIENCE_S) == 0
    until(lambda: "Paused" in log_of(library), "the pause")
    until(lambda: server.unloads["llava:7b"], "the model to leave the card")
    assert described(library) < FRAMES
    assert start("resume", "--quiet").wait(PATIENCE_S) == 0
    assert running.wait(PATIENCE_S) == 0
    assert described(library) == FRAMES
    assert facts.get(library, facts.PAUSED) is None


def test_a_terminated_process_leaves_a_report_and_nothing_running(library: Library, start: Start) -> None:
    running = start(*ENRICH, "--quiet")
    until(lambda: described(library) > 2, "the first frames")
    running.send_signal(signal.SIGTERM)
    assert running.wait(PATIENCE_S) == 143
    assert JobState.RUNNING not in {state for _, state in jobs.counts(library)}
    (kept,) = report.latest(library)
    assert kept.done[JobKind.DESCRIBE] == described(library)
    assert kept.left[JobKind.DESCRIBE] == FRAMES - described(library)


@pytest.mark.parametrize("how", [_BELONGS, _WRITES], ids=["told", "not told"])
def test_a_closed_terminal_ends_nothing(library: Library, start: Start, how: str) -> None:
    ours, theirs = pty.openpty()
    running = start(*ENRICH, before=("-c", how), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = bytearray()
    while b"captioning" not in seen:
        seen += os.read(ours, 1024)
    assert described(library) < FRAMES
    os.close(ours)
    assert running.wait(PATIENCE_S) == 0
    assert described(library) == FRAMES
    assert ("The terminal was closed; still running." in log_of(library)) is (how is _BELONGS)
    assert f"{FRAMES} frames captioned" in log_of(library)


def test_no_description_gets_into_the_log(library: Library, start: Start) -> None:
    assert start(*ENRICH, "--quiet", "--for", "9h").wait(PATIENCE_S) == 0
    texts = [row["text"] for row in library.rows("SELECT text FROM passages WHERE kind = 'scene'")]
    assert len(texts) == FRAMES
    assert not [text for text in texts if text in log_of(library)]
    log = library.folder / FOLDER / NAME
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_worker_works_the_queue_off_and_stays_until_it_is_asked_to_end(library: Library, start: Start) -> None:
    running = start("worker", "--now", "--no-canary", "--quiet")
    until(lambda: described(library) == FRAMES, "all frames")
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    assert running.wait(PATIENCE_S) == 143
