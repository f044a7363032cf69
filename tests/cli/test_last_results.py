"""Numbers of the last search, remembered per terminal."""

import json
import os
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run, add_source
from tests.support.terminal import script_on_terminal
from vidlocal.app.search import last_results
from vidlocal.app.search.last_results import LastResults
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages
from vidlocal.store.database import Library


@pytest.fixture
def film(library: Library, tmp_path: Path) -> int:
    """Video 2 of the library, with a playable file."""
    source = clips.numbered(tmp_path / "party.mp4", frames=100, rate="1")
    other = clips.sound(tmp_path / "other.mp3", seconds=3)
    add_source(library, other, Passage(0.0, 2.0, PassageKind.SPEECH, "nothing of interest"))
    texts = [Passage(5.0, 8.0, PassageKind.SPEECH, "the bride cuts the cake")]
    return add_source(library, source, *texts, Passage(90.0, 95.0, PassageKind.SPEECH, "goodbye"))


def test_show_prints_the_surroundings_of_a_hit(library: Library, film: int) -> None:
    output = script_on_terminal("vidlocal search cake; vidlocal show 1", home=library.folder)
    shown = output.partition("Hit 1 of the last search. Video 1: vidlocal show id:1")[2]
    assert "party" in shown
    assert "cuts the cake" in shown
    assert "goodbye" not in shown


def test_a_note_is_added_to_a_hit(library: Library, film: int) -> None:
    script_on_terminal("vidlocal search cake; vidlocal note 1 'this is Anna'", home=library.folder)
    [note] = passages.of_video(library, film, [PassageKind.NOTE])
    assert note.text == "this is Anna"
    assert note.start <= 5.0 <= note.end


def test_a_player_gets_the_file_and_start_of_a_hit(library: Library, film: int, tmp_path: Path) -> None:
    player = tmp_path / "mpv"
    player.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/played\n')
    player.chmod(0o755)
    output = script_on_terminal(
        f"vidlocal config player {player}; vidlocal search cake; vidlocal play 1; "
        f"while [ ! -s {tmp_path}/played ]; do :; done",
        home=library.folder,
    )
    assert "Playing party.mp4 with mpv." in output
    assert (tmp_path / "played").read_text() == f"--start=5.000 -- {tmp_path}/party.mp4\n"


def test_clips_are_planned_for_hits(library: Library, film: int) -> None:
    output = script_on_terminal("vidlocal search cake; vidlocal clip 1 --dry-run --json", home=library.folder)
    [clip] = json.loads(output[output.index("{") :])["clips"]
    assert (clip["start"], clip["end"]) == (4.5, 8.5)


@pytest.mark.parametrize("before", ["true", "vidlocal search zeppelin"])
def test_no_clips_are_cut_for_a_number_without_hits(library: Library, film: int, before: str) -> None:
    output = script_on_terminal(f"{before}; vidlocal clip 1 --dry-run; echo code $?", home=library.folder)
    assert "No result 1: this terminal shows no results." in " ".join(output.split())
    assert "code 2" in output


def test_a_number_above_the_hits_is_an_error(library: Library, film: int) -> None:
    output = script_on_terminal("vidlocal search cake; vidlocal show 9; echo code $?", home=library.folder)
    assert "No result 9: the last search has 1 result. For video 9: id:9" in output
    assert "code 2" in output


@pytest.mark.parametrize("after", ["list", "search --private cake", "search nothing-like-this"])
def test_numbers_are_video_ids_again_after(library: Library, film: int, after: str) -> None:
    output = script_on_terminal(f"vidlocal search cake; vidlocal {after}; vidlocal show 1", home=library.folder)
    assert "nothing of interest" in output


def test_results_of_another_terminal_are_not_used(library: Library, film: int) -> None:
    script_on_terminal("vidlocal search cake", home=library.folder)
    assert "nothing of interest" in script_on_terminal("vidlocal show 1", home=library.folder)


def test_purge_deletes_remembered_results(run: Run, library: Library, film: int) -> None:
    script_on_terminal("vidlocal search cake", home=library.folder)
    assert "cake" in "".join(file.read_text() for file in (library.folder / "last-results").iterdir())
    assert run("rm", str(film), "--yes", "--purge").exit_code == 0
    assert not (library.folder / "last-results").exists()


def test_results_behind_a_link_or_a_pipe_are_not_read(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (home / last_results.FOLDER).symlink_to(outside)
    LastResults(home, "terminal").remember("nothing", [])
    last_results.forget_all(home)
    assert list(outside.iterdir()) == []
    (home / last_results.FOLDER).mkdir()
    os.mkfifo(home / last_results.FOLDER / "terminal.json")
    assert LastResults(home, "terminal").hit("1") is None
