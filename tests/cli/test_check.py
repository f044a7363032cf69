import json
from pathlib import Path

from tests.support.commands import Run
from vidlocal.store.database import Library


def test_an_empty_library_is_in_order(run: Run, library: Library) -> None:
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No problems" in result.stderr


def test_findings_exit_with_3_and_repaired_findings_with_0(run: Run, library: Library) -> None:
    (library.frames_folder / "stray.jpg").write_bytes(b"x")
    result = run("check")
    assert result.exit_code == 3
    assert result.stdout.startswith("leftovers\tproblem\tUnused files: frames/stray.jpg.")
    assert "vidlocal check --repair" in result.stderr
    found = json.loads(run("check", "--json").stdout)
    assert (found["clean"], found["findings"][0]["repairable"], found["findings"][0]["repaired"]) == (
        False,
        True,
        False,
    )
    mended = run("check", "--repair")
    assert (mended.exit_code, "1 problem repaired" in mended.stderr) == (0, True)
    assert run("check").exit_code == 0


def test_missing_source_is_a_notice(run: Run, library: Library, wedding: int) -> None:
    notes = [found for found in json.loads(run("check", "--json").stdout)["findings"] if found["note"]]
    assert [note["part"] for note in notes] == ["sources"]
    assert "disconnected drive" in notes[0]["message"]


def test_a_library_beyond_use_is_6(run: Run, library: Library, tmp_path: Path) -> None:
    library.connection.close()
    path = tmp_path / "home" / "library.db"
    path.write_bytes(b"no database" * 1000)
    result = run("check", "--repair")
    assert result.exit_code == 6
    assert path.read_bytes().startswith(b"no database")
