"""A library of films of every kind, a server for it, and a browser, shared by the tests of a file."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.browser import CHROMIUM, OpenPage
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser, server: WebServer) -> Iterator[OpenPage]:
    """Opens a page of the server. At the end, no error was printed, and nothing requested elsewhere."""
    errors: list[str] = []
    foreign: list[str] = []
    contexts = []

    def complain(message: ConsoleMessage) -> None:
        # The browser prints every refused request, and a server that ended; the page says it in words.
        is_known = re.search(r"status of (400|404|422)|ERR_CONNECTION_REFUSED", message.text)
        if message.type in ("error", "warning") and not is_known:
            errors.append(message.text)

    def open_(path: str, *, on: WebServer = server, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", complain)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((on.url, "blob:")) else foreign.append(asked.url))
        page.goto(on.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
    assert foreign == []
