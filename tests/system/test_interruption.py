"""A killed program loses nothing, repeats nothing, and leaves nothing behind after the next run."""

import random
import time
from pathlib import Path

import pytest

from tests.support.crash_library import Shaken, differences, done_again, files_of, make_films, require_sound
from tests.support.fake_ollama import FakeOllama

KILLS = 20
# How long the pretended models think: long enough that kills strike while an answer is awaited.
THOUGHT_S = 0.05
# Where the named kills strike: before and after what must not be torn apart.
POINTS = ("commit", "committed", "create", "renamed", "spawned", "commit", "committed")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_films(tmp_path_factory.mktemp("films"), 2)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, films: Path) -> tuple[Path, float]:
    """Results of an undisturbed run on the films, and the duration of its commands."""
    home = tmp_path_factory.mktemp("calm") / "home"
    with FakeOllama(delay_s=THOUGHT_S) as server:
        began = time.monotonic()
        Shaken(home, films, server).finish()
        took = time.monotonic() - began
        assert done_again(server) == 0
    require_sound(home)
    return home, took / 2


def shake(shaken: Shaken, dice: random.Random, *, kills: int, usual: float) -> None:
    """Kill each command repeatedly, unless finished earlier."""
    for words, share in zip(shaken.commands(), (0.35, 0.1, 0.1, 0.45), strict=True):
        for _ in range(round(kills * share)):
            if dice.random() < 0.6:
                shaken.kill_at(words, f"{dice.choice(POINTS)} {dice.randint(1, 9)}")
            else:
                shaken.kill_after(words, dice.uniform(0.2, min(2.0, usual)))
        shaken.run_through(words)


@pytest.mark.slow
def test_library_after_twenty_kills_equals_an_undisturbed_one(
    calm: tuple[Path, float], films: Path, tmp_path: Path
) -> None:
    untouched, usual = calm
    dice = random.Random(7)
    kills = 0
    while kills < KILLS:
        with FakeOllama(delay_s=THOUGHT_S) as server:
            shaken = Shaken(tmp_path / f"after {kills}", films, server)
            shake(shaken, dice, kills=max(4, KILLS - kills), usual=usual)
            assert differences(shaken.home, untouched) == {}
            assert files_of(shaken.home) == files_of(untouched)
            assert done_again(server) <= shaken.kills
        require_sound(shaken.home)
        kills += max(1, shaken.kills)
