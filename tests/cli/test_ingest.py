"""What `vidlocal ingest` says of a file that it took in."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run
from tests.support.speech import ASSETS, MODEL

INGEST = [sys.executable, "-m", "vidlocal", "ingest", str(ASSETS / "wedding-en.flac"), "--whisper-model", str(MODEL)]


def ingest(home: Path, *words: str, stdout: int) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "VIDLOCAL_HOME": str(home), "COLUMNS": "100", "TERM": "xterm"}
    return subprocess.run([*INGEST, *words], env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True, check=True)


@pytest.mark.slow
def test_a_person_sees_how_much_was_heard(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    output = ingest(tmp_path / "home", stdout=theirs).stderr
    os.close(theirs)
    os.close(ours)
    assert "is video 1: 0:08, 3 lines of speech, took" in output


@pytest.mark.slow
def test_a_program_sees_how_much_was_heard_and_read(tmp_path: Path) -> None:
    output = json.loads(ingest(tmp_path / "home", "--json", stdout=subprocess.PIPE).stdout)
    assert (output["subtitles"], output["speech"], output["screen_texts"]) == (0, 3, 0)


def test_ignored_frame_spacing_is_reported(run: Run, tmp_path: Path) -> None:
    film = str(clips.scenes(tmp_path / "film.mp4", seconds=4))
    assert "--every" not in run("ingest", film, "--later", "--every", "1").stderr
    assert "1 video keeps its frames: --every is for new ones." in run("ingest", film, "--every", "2").stderr
    assert "--every" not in run("ingest", film, "--later").stderr


def test_late_subtitles_are_reported_until_imported(run: Run, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    clips.scenes(films / "film.mp4", seconds=4)
    run("ingest", str(films), "--later")
    late = films / "film.en.srt"
    late.write_text("1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n")
    output = f"film.en.srt came after its video was taken in. Read it with: vidlocal import {late}"
    assert output in run("ingest", str(films), "--later").stderr
    assert run("import", str(late)).exit_code == 0
    assert "film.en.srt" not in run("ingest", str(films), "--later").stderr
