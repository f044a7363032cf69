"""Frames go to the configured server only."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.support.fake_ollama import FakeOllama
from vidlocal.engines.served.models import ServedVision

_DESCRIBE = """
import sys
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served.models import ServedEmbeddings, ServedVision
from tests.support.images import plain_colour
with Ollama(sys.argv[1]) as ollama:
    vision = ServedVision(ollama, ollama.preflight("llava:7b", "vision"))
    print(vision.describe(plain_colour((0, 0, 200), side_px=64)).description)
    ServedEmbeddings(ollama, ollama.preflight("embeddinggemma", "embedding")).embed(["a"])
"""


class Listener:
    """Counts connections, and closes them without an answer."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


@pytest.mark.parametrize(
    ("scheme", "more"),
    [
        ("http", {}),
        ("socks5", {"OLLAMA_HOST": "::1"}),
        ("http", {"OLLAMA_HOST": '"0.0.0.0"', "OLLAMA_API_KEY": "secret-key"}),
    ],
)
def test_proxies_of_the_environment_are_not_used(
    server: FakeOllama, listener: Listener, scheme: str, more: dict[str, str]
) -> None:
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    proxies = dict.fromkeys(names, f"{scheme}://127.0.0.1:{listener.port}")
    done = subprocess.run(
        [sys.executable, "-c", _DESCRIBE, server.host],
        env={**os.environ, **proxies, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "blue" in done.stdout
    assert listener.connections == 0
    assert len(server.asked("/api/chat")) == len(server.asked("/api/embed")) == 1


def test_the_api_key_of_the_environment_is_not_sent(
    server: FakeOllama, monkeypatch: pytest.MonkeyPatch, red: bytes
) -> None:
    from vidlocal.engines.ollama.server import Ollama

    monkeypatch.setenv("OLLAMA_API_KEY", "secret-key")
    with Ollama(server.host) as ollama:
        ServedVision(ollama, ollama.preflight("llava:7b", "vision")).describe(red)
    assert server.asked("/api/chat")
    assert not any("secret-key" in str(asked.headers) for asked in server.requests)


def test_the_environment_is_not_changed(server: FakeOllama, monkeypatch: pytest.MonkeyPatch) -> None:
    from vidlocal.engines.ollama.server import Ollama

    monkeypatch.setenv("OLLAMA_HOST", "http://192.0.2.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:2")
    before = dict(os.environ)
    with Ollama(server.host) as ollama:
        assert ollama.version()
    assert dict(os.environ) == before
