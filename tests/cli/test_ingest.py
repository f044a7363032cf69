"""Output of `vidlocal ingest` about indexed files."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support import clips
from tests.support.commands import Run
from tests.support.images import plain_colour
from tests.support.speech import ASSETS, MODEL
from tests.support.terminal import on_terminal
from vidlocal import settings
from vidlocal.app.library import open_library
from vidlocal.store.content import videos
from vidlocal.store.database import Library

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
    assert "added  wedding-en.flac  #1  0:08  3 lines of speech  " in output


@pytest.mark.slow
def test_a_program_sees_how_much_was_heard_and_read(tmp_path: Path) -> None:
    output = json.loads(ingest(tmp_path / "home", "--json", stdout=subprocess.PIPE).stdout)
    assert (output["subtitles"], output["speech"], output["screen_texts"]) == (0, 3, 0)


def test_ignored_frame_spacing_is_reported(run: Run, tmp_path: Path) -> None:
    film = str(clips.scenes(tmp_path / "film.mp4", seconds=4))
    assert "--every" not in run("ingest", film, "--later", "--every", "1").stderr
    assert (
        "1 indexed video keeps its frames: --every applies to new videos." in run("ingest", film, "--every", "2").stderr
    )
    assert "--every" not in run("ingest", film, "--later").stderr


def test_late_subtitles_are_read_and_reported_once(run: Run, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    clips.scenes(films / "film.mp4", seconds=4)
    run("ingest", str(films), "--later")
    (films / "film.en.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n")
    assert "film.mp4: subtitles read again, 1 new." in run("ingest", str(films), "--later").stderr
    assert "Good morning." in run("search", "morning", "--private").stdout
    assert "film.mp4" not in run("ingest", str(films), "--later").stderr


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    folder = tmp_path / "mixed"
    (folder / "raw").mkdir(parents=True)
    clips.scenes(folder / "film.mp4", seconds=2)
    clips.scenes(folder / "raw" / "take.mp4", seconds=3)
    Image.new("RGB", (64, 48), "red").save(folder / "photo.png")
    (folder / "notes.txt").write_text("notes")
    return folder


def indexed() -> list[str]:
    with open_library() as library:
        return [video.title for video in videos.every(library)]


def test_files_are_excluded_by_option_and_setting_and_counted(run: Run, mixed: Path) -> None:
    run("config", "exclude", "*.txt")
    result = run("ingest", str(mixed), "--later", "--exclude", "raw")
    assert "2 added, 2 skipped (excluded)." in result.stderr
    assert indexed() == ["film", "photo"]
    assert "2 skipped (excluded)" not in run("ingest", str(mixed), "--later").stderr
    assert indexed() == ["film", "photo", "take"]


def test_only_some_kinds_are_indexed(run: Run, mixed: Path) -> None:
    result = run("ingest", str(mixed), "--later", "--only", "video")
    assert "2 added, 2 skipped (1 not media, 1 other kind of media)." in result.stderr
    assert indexed() == ["film", "take"]
    run("config", "media", "photo")
    run("ingest", str(mixed), "--later")
    assert indexed() == ["film", "take", "photo"]
    assert run("ingest", str(mixed), "--only", "books").exit_code != 0


@pytest.mark.parametrize("separator", ["\n", "\0", "\r\n"])
def test_paths_are_read_from_standard_input(run: Run, mixed: Path, separator: str) -> None:
    names = separator.join([str(mixed / "film.mp4"), str(mixed / "photo.png"), ""])
    result = run("ingest", "-", "--later", input=names)
    assert result.exit_code == 0, result.stderr
    assert indexed() == ["film", "photo"]
    assert "No files found." in run("ingest", "-", input="").stderr


def test_a_dry_run_shows_files_time_and_space_and_indexes_nothing(run: Run, mixed: Path) -> None:
    result = run("ingest", str(mixed), "--dry-run", "--exclude", "raw")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [(row[0], Path(row[1]).name, row[2], row[5]) for row in rows] == [
        ("new", "film.mp4", "video", "2"),
        ("skipped", "notes.txt", "", "0"),
        ("new", "photo.png", "photo", "1"),
        ("skipped", "raw", "", "0"),
    ]
    assert "To index: 1 video, 1 photo. 1 skipped (not media), 1 skipped (excluded)." in result.stderr
    assert "Disk space: up to 0.2 MB (" in result.stderr
    assert "Time: about " in result.stderr
    assert not settings.load().home.exists()
    run("ingest", str(mixed / "film.mp4"), "--later")
    *records, totals = map(json.loads, run("ingest", str(mixed), "--dry-run", "--json").stdout.splitlines())
    assert [record["result"] for record in records] == ["unchanged", "skipped", "new", "new"]
    assert totals["files"] == {"new": 2, "unchanged": 1, "skipped": 1, "failed": 0}
    assert totals["video_seconds"] == pytest.approx(3.0, abs=0.1)
    assert indexed() == ["film"]


def test_files_of_the_library_are_named_as_such(run: Run, wedding: int, library: Library) -> None:
    image = library.folder / "frames" / "own.jpg"
    image.parent.mkdir(exist_ok=True)
    image.write_bytes(plain_colour((220, 20, 20), side_px=64))
    for options in ([], ["--dry-run"]):
        assert "file of the library itself" in run("ingest", str(library.folder), *options).stderr
        assert run("ingest", str(image), *options).stdout.startswith("failed\t")
    assert library.number("SELECT count(*) FROM videos") == 1


# Root without the right to ignore permissions.
UNPRIVILEGED = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything")
def test_unreadable_paths_do_not_stop_the_others(tmp_path: Path) -> None:
    clips.sound(tmp_path / "good.mp3", seconds=1)
    shutil.copy(tmp_path / "good.mp3", tmp_path / "secret.mp3")
    (tmp_path / "secret.mp3").chmod(0)
    (tmp_path / "locked").mkdir(mode=0)
    command = [sys.executable, "-m", "vidlocal", "ingest", "--later", "secret.mp3", "locked", "good.mp3"]
    done = subprocess.run(
        [*(UNPRIVILEGED if os.geteuid() == 0 else []), *command],
        cwd=tmp_path,
        env={**os.environ, "VIDLOCAL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "locked").chmod(0o700)
    results = [line.split("\t")[:2] for line in done.stdout.splitlines()]
    assert ["added", str(tmp_path / "good.mp3")] in results
    assert done.returncode == 3
    assert done.stdout.count("permission denied") == 2


def test_many_equal_failures_are_counted_on_a_terminal_and_listed_elsewhere(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.mp4").write_bytes(b"no film" * (number + 1))
    (folder / "gone.mp4").symlink_to(folder / "nothing")
    text = " ".join(on_terminal(80, "ingest", str(folder), home=tmp_path / "home"))
    assert text.count("failed  ") == 4
    assert "9 failed." in text
    assert text.count("5 more failed: not a supported video, audio or image file") == 1
    assert run("ingest", str(folder)).stdout.count("failed\t") == 9
