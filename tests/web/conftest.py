"""A library of films of every kind, and a server on it, shared by the tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.web_server import WebServer, index, make_films, make_switches, web_server
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library


@pytest.fixture(scope="module")
def film_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library with all films; `plain` has speech."""
    films, home = tmp_path_factory.mktemp("films"), tmp_path_factory.mktemp("home")
    make_films(films)
    make_switches(films)
    index(home, films)
    with Library.open(home) as library:
        plain = videos.resolve(library, "plain")
        lines = ("Welcome to the garden", "The bride walks down the aisle", "Everybody dances")
        spoken = [Passage(4.0 * n, 4.0 * n + 3, PassageKind.SPEECH, text, "en") for n, text in enumerate(lines)]
        passages.add(library, plain.id, spoken)
    return home


@pytest.fixture(scope="module")
def server(film_home: Path) -> Iterator[WebServer]:
    with web_server(film_home) as running:
        yield running


@pytest.fixture
def client(server: WebServer) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def ids(server: WebServer) -> dict[str, int]:
    """The ids of the videos by title."""
    with server.client() as client:
        return {video["title"]: video["id"] for video in client.get("/api/v1/videos").json()["videos"]}
