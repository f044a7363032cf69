"""Chapters of MP4 and MKV files are passages."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import Run
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober

METADATA = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=2000
title=Welcome speech
[CHAPTER]
TIMEBASE=1/1000
START=2000
END=4000
title=Cutting the cake
[CHAPTER]
TIMEBASE=1/1000
START=90000
END=95000
title=Behind the end
"""


@pytest.fixture(params=["mp4", "mkv", "m4a"])
def film(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "chapters.txt").write_text(METADATA)
    path = tmp_path / f"party.{request.param}"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=5:duration=4"] if request.param != "m4a" else []
    sources = [*picture, "-f", "lavfi", "-i", "sine=440:duration=4", "-f", "ffmetadata", "-i", "chapters.txt"]
    ffmpeg = find_ffmpeg(None)
    command = [*ffmpeg.base_command(), *sources, "-map_metadata", str(1 + bool(picture)), "-y", path.name]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    return path


def test_chapters_have_titles_and_times(film: Path) -> None:
    with Prober() as prober:
        chapters = prober.probe(film).chapters
    assert [(c.start, c.end, c.text) for c in chapters] == [
        (0.0, 2.0, "Welcome speech"),
        (2.0, pytest.approx(4.0, abs=0.1), "Cutting the cake"),
    ]


def test_chapters_are_found_shown_and_listed(film: Path, run: Run) -> None:
    assert run("ingest", "--later", str(film)).exit_code == 0
    [moment] = json.loads(run("search", "cake kind:chapter", "--json").stdout)["moments"]
    assert (moment["start"], moment["kinds"], moment["text"]) == (2.0, ["chapter"], "Cutting the cake")
    shown = json.loads(run("show", "party", "--json").stdout)
    assert [chapter["title"] for chapter in shown["video"]["chapters"]] == ["Welcome speech", "Cutting the cake"]
