"""Other sites and other machines can do nothing to the server."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.web_server import WebServer

OWN = {"content-type": "application/json"}
CHANGES = [
    ("POST", "/api/v1/pause"),
    ("POST", "/api/v1/videos/1/notes"),
    ("PATCH", "/api/v1/passages/1"),
    ("DELETE", "/api/v1/passages/1"),
    ("PATCH", "/api/v1/settings"),
    ("POST", "/api/v1/commands/ingest"),
]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.nip.io:8421", "localhost.evil.example", "127.0.0.1", "", "[::1]:1", "127.1:80"]
)
def test_a_host_that_is_not_this_server_is_refused(client: httpx.Client, host: str) -> None:
    for path in ("/", "/api/v1/videos", "/static/main.js"):
        assert client.get(path, headers={"host": host}).status_code == 421


def test_localhost_is_this_server(client: httpx.Client, server: WebServer) -> None:
    port = urlsplit(server.url).port
    assert client.get("/api/v1/videos", headers={"host": f"localhost:{port}"}).status_code == 200


def test_a_request_without_host_is_refused(server: WebServer) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"GET /api/v1/videos HTTP/1.0\r\n\r\n")
        assert b" 421 " in connection.recv(100) or b" 400 " in connection.recv(100)


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**OWN, "x-vidlocal-token": ""}, 403),
        ({**OWN, "x-vidlocal-token": "guess"}, 403),
        ({**OWN, "origin": "http://evil.example"}, 403),
        ({**OWN, "origin": "null"}, 403),
        ({**OWN, "sec-fetch-site": "cross-site"}, 403),
        ({**OWN, "sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_change_needs_our_page_and_json(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = client.request(method, path, content=b'{"text": "x", "time": 1}', headers=headers)
    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers


def test_another_site_may_link_to_a_page_and_load_nothing(client: httpx.Client) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/video/1", headers=link).status_code == 200
    frame = link | {"sec-fetch-dest": "iframe"}
    image = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert client.get("/video/1", headers=frame).status_code == 403
    for path in ("/api/v1/frames/1", "/api/v1/videos/1/file", "/api/v1/search?q=x", "/static/main.js"):
        assert client.get(path, headers=image).status_code == 403
        assert client.get(path, headers=link).status_code == 403


@pytest.mark.parametrize("path", ["/", "/video/1", "/api/v1/videos", "/static/main.js", "/nothing"])
def test_every_response_forbids_foreign_content(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_nothing_changes_by_get(client: httpx.Client) -> None:
    before = client.get("/api/v1/settings").json()
    for _, path in CHANGES:
        assert client.get(path).status_code in (404, 405) or path == "/api/v1/settings"
    assert client.get("/api/v1/settings?name=every&value=9").json() == before


TRAVERSALS = [
    f"{prefix}{attack}"
    for prefix in ("/static/", "/api/v1/frames/", "/api/v1/videos/", "/api/v1/clips?name=", "/")
    for attack in (
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "....//....//etc/passwd",
        "..\\..\\etc\\passwd",
        "..%5c..%5cetc%5cpasswd",
        "%00/etc/passwd",
        "/etc/passwd",
        "%252e%252e%252fetc%252fpasswd",
        "library.db",
    )
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_to_a_file(server: WebServer, path: str) -> None:
    address = urlsplit(server.url)
    request = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400")
    assert b"root:" not in answer
    assert b"SQLite format" not in answer


def test_a_large_body_is_refused_unread(client: httpx.Client) -> None:
    response = client.post("/api/v1/ask", content=b"x" * 70_000, headers=OWN)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"nul", b'{"question": 5}', b'{"question": ""}', b"[" * 60_000, b"\xff\xfe"]
)
def test_a_bad_body_gets_a_sentence(client: httpx.Client, body: bytes) -> None:
    response = client.post("/api/v1/ask", content=body, headers=OWN)
    assert response.status_code == 400
    assert response.json()["error"].endswith((".", "?")) or "missing" in response.json()["error"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=99999999999999999999999", "limit=x", "limit=1e3", "fast=maybe", "limit=-5"]
)
def test_a_bad_value_gets_a_sentence(client: httpx.Client, query: str) -> None:
    response = client.get(f"/api/v1/search?q=x&{query}")
    assert response.status_code == 400
    assert "error" in response.json()


@pytest.mark.parametrize("path", ["/api/v1/videos/999999", "/api/v1/frames/999999", "/api/v1/videos/0", "/api/v1/x"])
def test_unknown_ids_are_not_found(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (400, 404)
    assert "error" in response.json()


def test_two_hundred_slow_connections_block_no_request(server: WebServer, client: httpx.Client) -> None:
    address = urlsplit(server.url)
    slow = [socket.create_connection((address.hostname, address.port), timeout=10) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert client.get("/api/v1/search?q=bride&fast=1").status_code == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(
    ("forwarded", "status"), [("192.168.1.9", 403), ("127.0.0.1, 192.168.1.9", 403), ("127.0.0.1", 200)]
)
def test_clients_of_a_proxy_on_this_machine_are_other_machines(
    client: httpx.Client, forwarded: str, status: int
) -> None:
    assert client.get("/api/v1/people", headers={"x-forwarded-for": forwarded}).status_code == status
