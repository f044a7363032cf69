"""Output of search results as a page, and in a player."""

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support import clips
from tests.support.commands import Run
from vidlocal.app.player import player_command
from vidlocal.media.files import read_stamp
from vidlocal.store.content import videos
from vidlocal.store.database import Library


@pytest.fixture
def pictured(library: Library, wedding: int) -> int:
    """The wedding with its pictures in place."""
    for row in library.rows("SELECT image FROM frames WHERE image IS NOT NULL"):
        path = library.folder / row["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (640, 360), "teal").save(path, "JPEG")
    return wedding


def test_a_page_holds_the_moments_with_their_pictures(run: Run, pictured: int, tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    result = run("search", "bride", "--page", str(target))
    assert (result.exit_code, result.stderr) == (0, f"Wrote {target}\n")
    written = target.read_text()
    assert "data:image/jpeg;base64," in written
    assert "<mark>bride</mark>" in written
    assert len(written) < 100_000


def test_a_page_never_takes_the_place_of_a_file(run: Run, wedding: int, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "elsewhere")
    for target in (mine, link):
        assert run("search", "bride", "--page", str(target)).exit_code == 2
    assert mine.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_an_image_outside_of_the_library_is_not_shown(run: Run, library: Library, wedding: int, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "secret.jpg")
    with library.writing() as connection:
        connection.execute("UPDATE frames SET image = '../secret.jpg' WHERE image IS NOT NULL")
    run("search", "bride", "--page", str(tmp_path / "out.html"))
    assert "data:image" not in (tmp_path / "out.html").read_text()


def test_players_get_the_time_and_a_path_safe_from_options() -> None:
    path = Path("/videos/-rf $(x) 'y'.mp4")
    assert player_command("/usr/bin/mpv", 12.5, path) == ["/usr/bin/mpv", "--start=12.500", "--", str(path)]
    assert player_command("/usr/bin/vlc", 12.5, path) == ["/usr/bin/vlc", "--start-time=12.500", str(path)]
    assert player_command("/usr/bin/xdg-open", 12.5, path) == ["/usr/bin/xdg-open", str(path)]
    assert player_command("mpv", 1.0, Path("-x.mp4"))[-1].startswith("/")


def test_open_plays_the_moment_in_the_player_of_the_settings(
    run: Run, library: Library, wedding: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = clips.sound(tmp_path / "it's $(touch x).mp4")
    videos.add_copy(library, wedding, film, read_stamp(film))
    videos.set_path(library, wedding, film)
    player = tmp_path / "mpv"
    player.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{tmp_path}/said'\n")
    player.chmod(0o755)
    monkeypatch.setenv("VIDLOCAL_PLAYER", str(player))
    result = run("search", "bride", "--open", "1")
    assert result.exit_code == 0, result.stderr
    start, dashes, played = (tmp_path / "said").read_text().splitlines()
    assert start.startswith("--start=")
    assert (dashes, played) == ("--", str(film))
    assert "with mpv" in result.stderr
    assert run("search", "bride", "--open", "99").exit_code == 2
    player.write_text("#!/bin/sh\nexit 1\n")
    assert run("search", "bride", "--open", "1").exit_code == 5
    film.unlink()
    assert run("search", "bride", "--open", "1").exit_code == 4


@pytest.mark.parametrize("name", ["letter.desktop", "letter.mp4", "film.desktop"])
def test_only_media_is_handed_to_the_system(
    run: Run, library: Library, wedding: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    target = tmp_path / name
    if name.startswith("film"):
        clips.sound(tmp_path / "film.mp4").rename(target)
    else:
        target.write_text(f"[Desktop Entry]\nType=Application\nExec=touch {tmp_path}/ran\n")
    videos.add_copy(library, wedding, target, read_stamp(target))
    videos.set_path(library, wedding, target)
    opener = tmp_path / "xdg-open"
    opener.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    opener.chmod(0o755)
    monkeypatch.setenv("VIDLOCAL_PLAYER", str(opener))
    result = run("search", "bride", "--open", "1")
    assert result.exit_code == 4, result.stderr
    assert target.name in result.stderr
    assert not (tmp_path / "ran").exists()


def test_a_player_goes_on_when_the_search_has_ended(
    run: Run, library: Library, wedding: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = clips.sound(tmp_path / "film.mp4")
    videos.add_copy(library, wedding, film, read_stamp(film))
    videos.set_path(library, wedding, film)
    player = tmp_path / "player"
    player.write_text(f"#!/bin/sh\nread line < '{tmp_path}/go'\nln -s x '{tmp_path}/done'\n")
    player.chmod(0o755)
    os.mkfifo(tmp_path / "go")
    monkeypatch.setenv("VIDLOCAL_PLAYER", str(player))
    assert run("search", "bride", "--open", "1").exit_code == 0
    (tmp_path / "go").write_text("on\n")
    until = time.monotonic() + 10
    while not (tmp_path / "done").is_symlink() and time.monotonic() < until:
        os.sched_yield()
    assert (tmp_path / "done").is_symlink()


def test_piped_thumbs_are_left_out(run: Run, pictured: int) -> None:
    assert run("search", "bride", "--thumbs").stdout == run("search", "bride").stdout
