"""Fixtures for all tests: a library folder of their own and a quiet environment."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.commands import EVIL, Run, add_video
from vidlocal.cli import app
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import JobKind, Provenance
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# Read before any test: within one, no variable of ours is set.
REAL_MEDIA = os.environ.get("VIDLOCAL_TEST_MEDIA")
REAL_WHISPER = os.environ.get("VIDLOCAL_TEST_WHISPER")
REAL_FACES = os.environ.get("VIDLOCAL_TEST_FACES")


@pytest.fixture(autouse=True, scope="session")
def default_signals() -> None:
    """Let Ctrl-C and hang-ups reach the programs under test, also if the tests run in the background or by nohup.

    A shell makes those ignore the signals, and children inherit that. A handler in Python is not inherited: children
    start with the default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes the user's own library, settings or server."""
    for name in os.environ:
        if name.startswith(("VIDLOCAL_", "OLLAMA_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VIDLOCAL_HOME", str(tmp_path / "home"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library in `tmp_path / "home"`."""
    with Library.open(tmp_path / "home", create=True) as opened:
        yield opened


@pytest.fixture
def real_media() -> Path:
    """The folder of real clips; skips the test without such a folder."""
    if not REAL_MEDIA:
        pytest.skip("VIDLOCAL_TEST_MEDIA names no folder of real clips")
    return Path(REAL_MEDIA)


@pytest.fixture
def real_whisper() -> Path:
    """The file of a real Whisper model; skips the test without such a file."""
    if not REAL_WHISPER:
        pytest.skip("VIDLOCAL_TEST_WHISPER names no real Whisper model")
    return Path(REAL_WHISPER)


@pytest.fixture
def real_faces() -> Path:
    """The folder of pictures, with a folder per person; skips the test without such a folder."""
    if not REAL_FACES:
        pytest.skip("VIDLOCAL_TEST_FACES names no folder of pictures")
    return Path(REAL_FACES)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `vidlocal` with the given words on the library in `tmp_path / "home"`."""

    def invoke(*words: str, **extra: Any) -> Result:
        return CliRunner().invoke(app, list(words), prog_name="vidlocal", **extra)

    return invoke


@pytest.fixture
def wedding(library: Library) -> int:
    """A video of ten frames, half of them repeats, with speech, screen text and a described frame."""
    video_id = add_video(library, "wedding-2019", "the bride walks down the aisle")
    job = jobs.claim(library, JobKind.DESCRIBE, worker="nobody", now=time.monotonic(), lease_s=60.0)
    assert job is not None
    frame = frames.get(library, job.target)
    assert frame is not None
    with library.writing():
        frames.store_scene(
            library,
            frame,
            SceneAnswer("A bride in a white dress enters a church."),
            Provenance("ollama", "llava:7b", "0" * 64, "1"),
        )
        jobs.finish(library, job)
    return video_id


@pytest.fixture
def evil(library: Library) -> int:
    """A video with harmful control characters in its name, texts and failures."""
    video_id = add_video(library, f"{EVIL}\t\n".replace("/", "|").replace("\ud800", os.fsdecode(b"\xff")), EVIL)
    job = jobs.claim(library, JobKind.DESCRIBE, worker="nobody", now=time.monotonic(), lease_s=60.0)
    assert job is not None
    while not jobs.fail(library, job, EVIL.replace("\ud800", "")):
        pass
    return video_id
