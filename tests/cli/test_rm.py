import json
from pathlib import Path

from vidlocal.store import passages, videos
from vidlocal.store.database import Library

from .conftest import Run, add_video, hash_of

MARKER = "xylophonequartz"


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


def test_rm_dry_run_says_what_it_would_do_and_does_nothing(run: Run, wedding: int, library: Library) -> None:
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


def traces(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if MARKER in path.name or (path.is_file() and MARKER.encode() in path.read_bytes().lower())
    ]


def test_one_passage_is_not_called_passages(run: Run, wedding: int, library: Library) -> None:
    for passage in passages.of_video(library, wedding)[1:]:
        passages.forget(library, passage)
    assert "with 10 frames and 1 passage." in run("rm", str(wedding), "--dry-run").stderr
