import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import Run, add_video, hash_of
from tests.support.fake_ollama import FakeOllama
from tests.support.wedding_film import SAID, add_film, deep
from vidlocal.app.enrich.run_log import RunLog
from vidlocal.enrich import report
from vidlocal.errors import StoreError
from vidlocal.records import JobKind, Passage, PassageKind
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.history import second_looks

CRASHING = Path(__file__).parents[1] / "crashing"
MARKER = "xylophonequartz"
VECTOR = b"vector-of-it" * 32
MARKS = (MARKER.encode(), VECTOR[:24], "".join(f"{letter}\0" for letter in MARKER).encode())
OF_VIDEO = "SELECT id FROM passages WHERE video_id = ?"


def test_rm_asks_and_keeps_the_video_without_a_yes(run: Run, wedding: int, library: Library) -> None:
    for answer in ("n\n", "\n", "", "perhaps\n"):
        result = run("rm", str(wedding), input=answer)
        assert result.exit_code == 0
        assert "Kept" in result.stderr
        assert result.stdout == ""
    assert videos.get(library, wedding) is not None


def test_rm_removes_after_a_yes(run: Run, wedding: int, library: Library) -> None:
    result = run("rm", "wedding", input="y\n")
    assert "Remove video 1 (wedding-2019) with 10 frames and 3 passages" in result.stderr
    assert result.exit_code == 0
    assert videos.every(library) == []


def test_rm_yes_does_not_ask(run: Run, wedding: int, library: Library) -> None:
    assert json.loads(run("rm", str(wedding), "--yes", "--json").stdout)["removed"] is True
    assert videos.every(library) == []


def test_rm_dry_run_only_reports(run: Run, wedding: int, library: Library) -> None:
    result = run("rm", str(wedding), "--dry-run", "--yes", "--purge", "--json")
    assert json.loads(result.stdout) == {
        "video": {"id": wedding, "title": "wedding-2019", "path": "/videos/wedding-2019.mp4"},
        "frames": 10,
        "passages": 3,
        "removed": False,
        "purged": False,
    }
    assert "Would remove" in result.stderr
    assert videos.get(library, wedding) is not None


def test_rm_of_an_unknown_video_is_2(run: Run, wedding: int) -> None:
    assert run("rm", "funeral", "--yes").exit_code == 2


def test_purge_leaves_no_trace_of_the_text_anywhere(run: Run, wedding: int, library: Library) -> None:
    for number in range(5):
        add_video(library, f"{MARKER}-{number}", f"the {MARKER} plays {number} " * 50)
    picture = library.frames_folder / hash_of(f"{MARKER}-0") / "1.jpg"
    picture.parent.mkdir()
    picture.write_bytes(MARKER.encode())
    run("search", MARKER)
    for number in range(5):
        assert run("rm", f"{MARKER}-{number}", "--yes", "--purge").exit_code == 0
    assert traces(library.folder) == []
    assert [video.title for video in videos.every(library)] == ["wedding-2019"]


def test_purge_leaves_no_trace_in_any_table_or_file(
    run: Run, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The marker is in everything with words, names or vectors of the video."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    folder = tmp_path / MARKER
    folder.mkdir()
    (folder / f"{MARKER}.mp4").write_bytes(b"film")
    with FakeOllama() as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        kept = add_film(library, name="kept")
        video = add_film(library, name=MARKER, content_hash=hash_of(MARKER), said=[(1.0, f"the {MARKER} plays"), *SAID])
        deep(library, server)
        frame = frames.of_video(library, video)[0]
        passages.add(library, video, [Passage(0, 1, kind, f"{MARKER} {kind} " * 200) for kind in PassageKind])
        with library.writing() as connection:
            path = str(folder / f"{MARKER}.mp4")
            connection.execute("UPDATE videos SET path = ? WHERE id = ?", (path, video))
            connection.execute(
                "INSERT INTO frame_vectors (frame_id, model, vector) VALUES (?, 'x', ?)", (frame.id, VECTOR)
            )
            connection.execute(f"UPDATE vectors SET vector = ? WHERE passage_id IN ({OF_VIDEO})", (VECTOR, video))
            for table, column in (
                ("sections", "answer"),
                ("chapters", "title"),
                ("jobs", "last_error"),
                ("copies", "path"),
            ):
                connection.execute(f"UPDATE {table} SET {column} = ? || rowid WHERE video_id = ?", (MARKER, video))
            connection.execute("INSERT INTO vocabulary (form, tag) VALUES (?, ?)", (MARKER, MARKER))
            connection.execute("INSERT INTO tags (frame_id, tag) VALUES (?, ?)", (frame.id, MARKER))
        assert run("search", MARKER, "--look", "3").exit_code == 0
        second_looks.put(library, frames.of_video(library, kept)[0].id, "d", "1", f"is this {MARKER}?", (True, MARKER))
        failed = (report.FailureGroup(JobKind.WATCH, f"{MARKER}.mp4 is damaged", 1),)
        report.store(
            library, None, report.Report("2026-11-20T22:00:00", "2026-11-21T05:00:00", 1.0, 9.0, failed=failed)
        )
        RunLog(library.folder).write(f"{MARKER}.mp4 was not taken in.")
        run("organize", str(folder), "--by-date", "--apply", "--yes")
        run("organize", str(folder), "--by-date")
        for name in ("vectors/0011223344556677", "log"):
            (library.folder / name).mkdir(parents=True, exist_ok=True)
            (library.folder / name / "0.rows").write_bytes(VECTOR + MARKER.encode())
    assert len(traces(library.folder)) >= 5
    library.close()
    result = run("rm", str(video), "--yes", "--purge")
    assert result.exit_code == 0, result.stderr
    assert traces(library.folder) == []
    assert traces(tmp_path / "tmp") == []
    assert run("show", str(kept)).exit_code == 0


@pytest.mark.parametrize("words", [("rm", MARKER, "--yes", "--purge"), ("check", "--repair"), ("ingest", ".")])
def test_a_killed_purge_is_finished_by_the_next_command(
    run: Run, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    add_video(library, MARKER, f"the {MARKER} plays " * 50)
    picture = library.frames_folder / hash_of(MARKER) / "1.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(MARKER.encode())
    library.close()
    killed = subprocess.run(
        [sys.executable, "-m", "vidlocal", "rm", MARKER, "--yes", "--purge"],
        env={**os.environ, "PYTHONPATH": str(CRASHING), "CRASH_AT": "rename 1"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert traces(library.folder)
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path / "films")
    run(*words)
    assert traces(library.folder) == []


def test_purge_reports_another_reader_of_the_write_ahead_log(library: Library, wedding: int) -> None:
    library.connection.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(library.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM videos").fetchone()
        with pytest.raises(StoreError, match="until that program ends"):
            videos.remove(library, wedding, purge=True)
    assert videos.every(library) == []


def traces(folder: Path) -> list[Path]:
    """Files with the marker, as text, as vector, or in their name."""
    return [
        path
        for path in folder.rglob("*")
        if MARKER in path.name or (path.is_file() and any(mark in path.read_bytes().lower() for mark in MARKS))
    ]
