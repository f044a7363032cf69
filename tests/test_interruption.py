"""A killed program loses nothing, does nothing twice, and leaves nothing behind that the next run does not clear."""

import random
import time
from pathlib import Path

import pytest

from tests.fake_ollama import FakeOllama
from tests.shaken import Shaken, differences, done_again, files_of, make_films, require_sound

KILLS = 20
# Where the named kills strike: before and after what must not be torn apart.
POINTS = ("commit", "committed", "create", "renamed", "spawned", "commit", "committed")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_films(tmp_path_factory.mktemp("films"), 2)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, films: Path) -> tuple[Path, float]:
    """What an undisturbed run makes of the films, and how long a command of it takes."""
    home = tmp_path_factory.mktemp("calm") / "home"
    with FakeOllama() as server:
        began = time.monotonic()
        Shaken(home, films, server).finish()
        took = time.monotonic() - began
        assert done_again(server) == 0
    require_sound(home)
    return home, took / 2


def shake(shaken: Shaken, dice: random.Random, *, most: int, usual: float) -> None:
    """Kill both commands again and again until they are done, or have been killed so often."""
    for words in shaken.commands():
        at_work = True
        while at_work and shaken.kills < most:
            if dice.random() < 0.6:
                at_work = shaken.kill_at(words, f"{dice.choice(POINTS)} {dice.randint(1, 9)}")
            else:
                at_work = shaken.kill_after(words, dice.uniform(0.2, usual))
    shaken.finish()


def test_a_library_made_under_twenty_kills_is_that_of_an_undisturbed_run(
    calm: tuple[Path, float], films: Path, tmp_path: Path
) -> None:
    untouched, usual = calm
    dice = random.Random(7)
    kills = 0
    while kills < KILLS:
        with FakeOllama() as server:
            shaken = Shaken(tmp_path / f"after {kills}", films, server)
            shake(shaken, dice, most=KILLS - kills, usual=usual)
            assert differences(shaken.home, untouched) == {}
            assert files_of(shaken.home) == files_of(untouched)
            assert done_again(server) <= shaken.kills
        require_sound(shaken.home)
        kills += max(1, shaken.kills)
