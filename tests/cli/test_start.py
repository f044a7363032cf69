"""The start command: setup, ingest and search in a single run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run
from vidlocal.store.content import videos
from vidlocal.store.database import Library

PROGRAM = [sys.executable, "-m", "vidlocal"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "My Videos").mkdir()
    clips.numbered(tmp_path / "My Videos" / "film.mp4", frames=20, rate="10")
    return tmp_path / "My Videos"


def test_every_step_is_announced_as_a_command(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run([*PROGRAM, "start", str(folder)], input="n\n", capture_output=True, text=True, check=True)
    steps = [line for line in done.stderr.splitlines() if line.startswith("$ ")]
    assert steps == ["$ vidlocal doctor", "$ vidlocal setup", f"$ vidlocal ingest '{folder}'"]
    assert "Captions need a running Ollama server" in done.stderr
    with Library.open(tmp_path / "home") as library:
        assert [video.title for video in videos.every(library)] == ["film"]


def test_a_missing_folder_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    result = run("start", str(tmp_path / "nowhere"))
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}/nowhere: not a folder.\n")
