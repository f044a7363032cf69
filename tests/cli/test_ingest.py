"""What `vidlocal ingest` says of a file that it took in."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.speech import ASSETS, MODEL

INGEST = [sys.executable, "-m", "vidlocal", "ingest", str(ASSETS / "wedding-en.flac"), "--whisper-model", str(MODEL)]


def ingest(home: Path, *words: str, stdout: int) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "VIDLOCAL_HOME": str(home), "COLUMNS": "100", "TERM": "xterm"}
    return subprocess.run([*INGEST, *words], env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True, check=True)


def test_a_person_is_told_how_much_was_heard(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    told = ingest(tmp_path / "home", stdout=theirs).stderr
    os.close(theirs)
    os.close(ours)
    assert "is video 1: 0:08, 3 lines of speech, took" in told


def test_a_program_is_told_how_much_was_heard_and_read(tmp_path: Path) -> None:
    told = json.loads(ingest(tmp_path / "home", "--json", stdout=subprocess.PIPE).stdout)
    assert (told["subtitles"], told["speech"], told["screen_texts"]) == (0, 3, 0)
