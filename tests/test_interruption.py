"""A killed program loses nothing, and leaves nothing behind that the next run does not clear."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import clips

KILLS = 6


def run(home: Path, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "vidlocal", *words],
        env={"VIDLOCAL_HOME": str(home), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def everything_known(home: Path) -> str:
    """All that ingest stores, without numbers and dates that differ from run to run."""
    with sqlite3.connect(home / "library.db") as connection:
        tables = {
            "videos": "content_hash, title, duration, width_px, enrichment_status",
            "frames": "time, shot, image, dhash, rank, novelty, facts",
            "passages": 'start, "end", kind, text',
            "jobs": "kind, state",
        }
        return json.dumps(
            {
                table: sorted(map(str, connection.execute(f"SELECT {columns} FROM {table}").fetchall()))
                for table, columns in tables.items()
            },
            indent=1,
        )


def image_files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in (home / "frames").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for number in range(3):
        clips.scenes(folder / f"film{number}.mp4", seconds=12, seed=number)
    return folder


def test_an_ingest_killed_at_any_moment_ends_like_an_undisturbed_one(films: Path, tmp_path: Path) -> None:
    calm, shaken = tmp_path / "calm", tmp_path / "shaken"
    began = time.monotonic()
    assert run(calm, "ingest", "--later", "--every", "0.5", str(films)).wait() == 0
    usual = time.monotonic() - began

    dice = random.Random(7)
    for _ in range(KILLS):
        child = run(shaken, "ingest", "--later", "--every", "0.5", str(films))
        try:
            child.wait(timeout=dice.uniform(0.1, usual))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert run(shaken, "ingest", "--later", "--every", "0.5", str(films)).wait() == 0

    assert everything_known(shaken) == everything_known(calm)
    assert image_files(shaken) == image_files(calm)
    assert list((shaken / "owners").iterdir()) == []
    with sqlite3.connect(shaken / "library.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.execute("INSERT INTO passage_words(passage_words) VALUES ('integrity-check')")
