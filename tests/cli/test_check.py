import json
from dataclasses import replace
from pathlib import Path

from tests.support.commands import Run
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages
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
    library.close()
    path = tmp_path / "home" / "library.db"
    path.write_bytes(b"no database" * 1000)
    result = run("check", "--repair")
    assert result.exit_code == 6
    assert path.read_bytes().startswith(b"no database")


def test_the_minutes_of_which_the_model_was_least_sure_are_listed(run: Run, library: Library, wedding: int) -> None:
    heard = [
        Passage(start, start + 6.0, PassageKind.SPEECH, text, engine="whisper.cpp", model="base", confidence=sure)
        for start, text, sure in (
            (1.0, "clear", 0.9),
            (70.0, "mumbled", 0.3),
            (80.0, "unclear", 0.5),
            (130.0, "eh", 0.2),
        )
    ]
    passages.add(library, wedding, [*heard[:3], replace(heard[3], end=131.0)], digest="d" * 64)
    result = run("check", "--speech")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "0.40\twedding-2019\t0:01:00.0\tbase\tmumbled\n"
    assert "--redo-weak" in result.stderr
    assert json.loads(run("check", "--speech", "--json").stdout)["minutes"][0]["start"] == 60.0
    assert run("check", "--speech", "--repair").exit_code == 2


def test_a_library_without_unsure_transcripts_says_so(run: Run, wedding: int) -> None:
    assert "No unsure transcripts." in run("check", "--speech").stderr
