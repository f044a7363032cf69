"""`vidlocal serve --lan`: pass phrase and sessions."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import needs_browser
from tests.support.commands import Run
from tests.support.web_server import WebServer, web_server
from vidlocal.web.application import create_application
from vidlocal.web.guard import Access
from vidlocal.web.login import Login
from vidlocal.web.server import open_services

PHRASE = "four plain words here"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    home = tmp_path_factory.mktemp("home")
    with web_server(home, "--lan", env={"VIDLOCAL_PASS_PHRASE": PHRASE}) as running:
        yield running


@pytest.fixture
def client(shared: WebServer) -> Iterator[httpx.Client]:
    with shared.client() as opened:
        yield opened


def log_in(client: httpx.Client, phrase: str) -> httpx.Response:
    return client.post("/login", data={"phrase": phrase})


def test_nothing_is_shown_before_the_login(client: httpx.Client) -> None:
    for path in ("/", "/video/1", "/status"):
        response = client.get(path)
        assert (response.status_code, response.headers["location"]) == (303, "/login")
    for path in ("/api/v1/videos", "/api/v1/frames/1", "/api/v1/videos/1/file", "/static/main.js"):
        assert client.get(path).status_code in (401, 303)
    assert "token" not in client.get("/login").text


def test_the_phrase_opens_a_session_in_a_safe_cookie(client: httpx.Client) -> None:
    response = log_in(client, PHRASE)
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/settings").status_code == 200


@pytest.mark.parametrize("phrase", ["", "four plain words", PHRASE.upper(), "x" * 5000])
def test_another_phrase_opens_nothing(client: httpx.Client, phrase: str) -> None:
    response = log_in(client, phrase)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert client.get("/api/v1/videos").status_code == 401


def test_another_machine_changes_no_settings_and_sees_no_folders(shared: WebServer) -> None:
    address = next(
        (item.address for items in psutil.net_if_addrs().values() for item in items if _is_of_network(item)), None
    )
    if address is None:
        pytest.skip("this machine has no address but loopback")
    elsewhere = f"http://{address}:{shared.url.rsplit(':', 1)[1]}"
    with httpx.Client(base_url=elsewhere, headers={"x-vidlocal-token": shared.token}, trust_env=False) as client:
        log_in(client, PHRASE)
        page = client.get("/").text
        client.headers["x-vidlocal-token"] = page.split('vidlocal-token" content="')[1].split('"')[0]
        assert client.get("/api/v1/settings").status_code == 200
        body = {"name": "allow_remote_host", "value": "true", "path": "/", "time": 1}
        for method, path in [
            ("PATCH", "/settings"),
            ("GET", "/folders"),
            ("POST", "/commands/ingest"),
            ("POST", "/commands/watch"),
            ("POST", "/videos/1/player"),
        ]:
            response = client.request(method, f"/api/v1{path}", json=body)
            assert (response.status_code, "machine of the server" in response.text) == (403, True), path


def _is_of_network(item: Any) -> bool:
    return item.family == socket.AF_INET and not item.address.startswith("127.")


def test_a_forged_cookie_opens_nothing(client: httpx.Client) -> None:
    client.cookies.set("vidlocal-session", "guess")
    assert client.get("/api/v1/videos").status_code == 401


def test_another_site_cannot_log_in(client: httpx.Client) -> None:
    response = client.post("/login", data={"phrase": PHRASE}, headers={"origin": "http://evil.example"})
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


def test_the_phrase_is_stored_as_scrypt_for_the_owner_only(shared: WebServer) -> None:
    stored = shared.home / "passphrase.json"
    assert stored.stat().st_mode & 0o077 == 0
    assert PHRASE not in stored.read_text()


def test_lan_without_a_terminal_and_phrase_is_refused(run: Run, tmp_path: Path) -> None:
    result = run("serve", "--lan", "--port", "0")
    assert result.exit_code == 2
    assert "pass phrase" in result.stderr


def test_a_short_phrase_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_PASS_PHRASE", "short")
    result = run("serve", "--lan", "--port", "0")
    assert result.exit_code == 2
    assert "four or more words" in result.stderr


def test_a_port_in_use_is_named(run: Run, shared: WebServer) -> None:
    port = shared.url.rsplit(":", 1)[1]
    result = run("serve", "--port", port)
    assert result.exit_code == 5
    assert f"Port {port}" in result.stderr


class CountingLogin(Login):
    """Counts simultaneous checks of pass phrases."""

    def __init__(self) -> None:
        super().__init__(b"salt", b"digest")
        self._lock = Lock()
        self._running = 0
        self.most = 0

    def open_session(self, phrase: str) -> str | None:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        session = super().open_session(phrase)
        with self._lock:
            self._running -= 1
        return session


def test_pass_phrases_are_checked_one_at_a_time(tmp_path: Path) -> None:
    login = CountingLogin()
    services = open_services(tmp_path, read_only=True)
    application = create_application(services, Access(hosts={"server"}, login=login))

    async def guess() -> list[int]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            guesses = [client.post("/login", data={"phrase": f"guess {number}"}) for number in range(4)]
            return [response.status_code for response in await asyncio.gather(*guesses)]

    try:
        assert asyncio.run(guess()) == [403] * 4
        assert login.most == 1
    finally:
        services.close()


@needs_browser
def test_a_browser_logs_in(browser: Browser, shared: WebServer) -> None:
    page = browser.new_page()
    page.goto(f"{shared.url}/login")
    page.get_by_label("Pass phrase").fill(PHRASE)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    page.close()
