"""Queries are embedded by an Ollama server, quickly and safely."""

import math
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.fake_ollama import EMBEDDING, Asked, Exchange, FakeOllama, Model
from vidlocal.engines.served.models import ServedEmbeddings
from vidlocal.engines.served.query_vector import MAX_QUERY_CHARACTERS, embed_query
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing


def always(path: str, behaviour: object) -> object:
    return lambda asked: behaviour if asked.path == path else None


def embed_requests(server: FakeOllama) -> list[Asked]:
    return [asked for asked in server.requests if asked.path == "/api/embed"]


def test_a_query_is_a_unit_vector_with_the_key_of_stored_vectors(
    server: FakeOllama, embeddings: ServedEmbeddings
) -> None:
    vector = embed_query(server.host, "embeddinggemma", "bride")
    assert vector.key == embeddings.key
    assert math.isclose(sum(value * value for value in vector.values), 1.0, rel_tol=1e-5)
    assert len(vector.values) == len(embeddings.embed(["bride"])[0])


def test_the_query_has_the_prefix_of_its_model(server: FakeOllama) -> None:
    embed_query(server.host, "embeddinggemma", "bride")
    embed_query(server.host, "all-minilm", "bride")
    inputs = [asked.body["input"] for asked in embed_requests(server)]
    assert inputs == [["task: search result | query: bride"], ["bride"]]


@pytest.mark.parametrize("on_gpu", [False, True])
def test_the_options_equal_the_options_of_enrich(server: FakeOllama, on_gpu: bool) -> None:
    embed_query(server.host, "embeddinggemma", "bride", on_gpu=on_gpu)
    (asked,) = embed_requests(server)
    assert asked.body["options"].get("num_gpu") == (None if on_gpu else 0)


def test_a_long_query_is_truncated(server: FakeOllama) -> None:
    embed_query(server.host, "all-minilm", "x" * 1_000_000)
    assert [len(text) for text in embed_requests(server)[0].body["input"]] == [MAX_QUERY_CHARACTERS]


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "犬 🎉", '"quoted"'])
def test_any_text_has_a_vector(server: FakeOllama, text: str) -> None:
    assert embed_query(server.host, "all-minilm", text).values


def test_an_unreachable_server_is_named(server: FakeOllama) -> None:
    server.down()
    with pytest.raises(EngineUnreachable, match="No Ollama server at http://127"):
        embed_query(server.host, "embeddinggemma", "bride")


def test_a_missing_model_names_the_command_to_install_it(server: FakeOllama) -> None:
    with pytest.raises(
        ModelMissing,
        match=rf"nothing is not installed on the Ollama server at {server.host}\. Run: ollama pull nothing",
    ):
        embed_query(server.host, "nothing", "bride")


@pytest.mark.parametrize("name", ["embed:cloud", "embed:120b-CLOUD", "alias"])
def test_a_hosted_model_never_sees_the_query(name: str) -> None:
    hosted = Model("alias:latest", EMBEDDING, remote_host="https://ollama.com:443", remote_model="x")
    with FakeOllama([hosted]) as server:
        with pytest.raises(EngineError, match="is a hosted model"):
            embed_query(server.host, name, "bride")
        assert not embed_requests(server)


@pytest.mark.parametrize(
    "host", ["http://192.0.2.1:11434", "http://nas:11434", "http://127.0.0.1.nip.io", "http://[2001:db8::1]"]
)
def test_another_machine_needs_permission(host: str) -> None:
    with pytest.raises(EngineError, match="another machine"):
        embed_query(host, "embeddinggemma", "bride")


@pytest.mark.parametrize(
    "host", ["", "nonsense", "ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:99999"]
)
def test_an_invalid_address_is_refused(host: str) -> None:
    with pytest.raises(EngineError, match="not the address"):
        embed_query(host, "embeddinggemma", "bride")


def test_a_proxy_from_the_environment_is_never_used(server: FakeOllama, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    assert embed_query(server.host, "embeddinggemma", "bride").values


def test_a_redirect_is_not_followed(server: FakeOllama) -> None:
    with FakeOllama() as elsewhere:
        server.choose = always(  # type: ignore[assignment]
            "/api/embed",
            lambda exchange: exchange.send_json({}, 307, {"Location": f"{elsewhere.host}/api/embed"}),
        )
        with pytest.raises(EngineError, match="HTTP 307"):
            embed_query(server.host, "embeddinggemma", "bride")
        assert not elsewhere.requests


MALFORMED: list[object] = [
    {},
    [],
    {"embeddings": []},
    {"embeddings": [[]]},
    {"embeddings": [["a"]]},
    {"embeddings": [[0.0, 0.0]]},
    {"embeddings": [[float("nan")]]},
    {"embeddings": [[float("inf"), 1.0]]},
    {"embeddings": [[1e308, 1e308]]},
    {"embeddings": [[10**400, 1]]},
    {"embeddings": [1.0]},
    {"embeddings": {"0": [1.0]}},
    {"embeddings": [[1.0], [1.0]], "remote_host": "https://ollama.com"},
]


@pytest.mark.parametrize("reply", MALFORMED)
def test_a_malformed_answer_is_an_error(server: FakeOllama, reply: object) -> None:
    server.choose = always("/api/embed", lambda exchange: exchange.send_json(reply))  # type: ignore[assignment]
    with pytest.raises(EngineError):
        embed_query(server.host, "embeddinggemma", "bride")


BODIES = [b"", b"<html>502</html>", b"\xff\xfe", b'{"embeddings": [[0.1, ', b"[" * 100_000, b"1" * 5_000_000]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/api/tags", "/api/embed"])
def test_an_answer_without_json_is_an_error(server: FakeOllama, path: str, body: bytes) -> None:
    server.choose = always(path, lambda exchange: exchange.send_bytes(200, body, "text/html"))  # type: ignore[assignment]
    with pytest.raises(EngineError, match=r"invalid response|not installed on the Ollama server"):
        embed_query(server.host, "embeddinggemma", "bride")


def test_a_broken_connection_is_an_error(server: FakeOllama) -> None:
    server.choose = always("/api/embed", Exchange.drop)  # type: ignore[assignment]
    with pytest.raises(EngineUnreachable):
        embed_query(server.host, "embeddinggemma", "bride")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"])
def test_a_hanging_or_slow_server_times_out(listener: socket.socket, data: bytes) -> None:
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5.0)
            connection.recv(65536)
            try:
                connection.sendall(data)
                while not ended.wait(0.05):
                    connection.sendall(b" " if data else b"")
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        began = time.monotonic()
        with pytest.raises(EngineUnreachable, match=r"within 0\.4 s"):
            embed_query(f"http://127.0.0.1:{listener.getsockname()[1]}", "embeddinggemma", "bride", timeout_s=0.4)
        assert time.monotonic() - began < 5.0  # instead of never
    finally:
        ended.set()
        thread.join()
