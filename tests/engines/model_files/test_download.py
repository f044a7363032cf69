"""Downloads from a fake server with broken connections, wrong data and redirects."""

import hashlib
import re
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Self

import pytest

from vidlocal.engines.model_files.download import Checksums, compute_checksums, download_file
from vidlocal.errors import StoreError, ToolError

CONTENT = bytes(range(256)) * 4000
SHA1, SHA256 = hashlib.sha1(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


class Host:
    """Serves CONTENT with ranges. `script`: per request a status, or the number of bytes before disconnecting."""

    def __init__(self) -> None:
        self.script: deque[int | str] = deque()
        self.ranges: list[str | None] = []
        self.content = CONTENT
        self.linked_etag = ""
        self.ranged = True

    def __enter__(self) -> Self:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answer,), {"host": self}))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Answer(BaseHTTPRequestHandler):
    host: ClassVar[Host]

    def log_message(self, format: str, *args: object) -> None:
        """No log."""

    def do_GET(self) -> None:
        if self.path.startswith("/redirect"):
            self.respond(302, {"Location": "/file", "X-Linked-Etag": f'"{self.host.linked_etag}"'}, b"")
            return
        if self.path == "/loop":
            self.respond(302, {"Location": "/loop"}, b"")
            return
        self.host.ranges.append(self.headers.get("Range"))
        step = self.host.script.popleft() if self.host.script else len(self.host.content) + 1
        if step == "huge":
            self.respond(200, {"Content-Length": str(1 << 60)}, b"")
            return
        if isinstance(step, str):
            status, _, kind = step.partition(" ")
            self.respond(int(status), {"Content-Type": kind or "text/html"}, b"<html>sorry</html>")
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start, size = int(asked[1]) if asked and self.host.ranged else 0, len(self.host.content)
        if start >= size:
            self.respond(416, {"Content-Range": f"bytes */{size}"}, b"")
            return
        head = {"Content-Range": f"bytes {start}-{size - 1}/{size}"} if start else {}
        self.respond(206 if start else 200, head, self.host.content[start:], cut_after=step)

    def respond(self, status: int, headers: dict[str, str], body: bytes, *, cut_after: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut_after])
        self.close_connection = True


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models" / "ggml-base.bin"


def no_sleep(seconds: float) -> None:
    assert seconds > 0


def test_a_file_is_complete_private_and_verified(host: Host, target: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    checksums = download_file(
        f"{host.base}/file",
        target,
        expected=Checksums(sha1=SHA1),
        on_progress=lambda *progress: reports.append(progress),
    )
    assert checksums == Checksums(SHA1, SHA256) == compute_checksums(target)
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in list(target.parents)[:2]} == {0o700}
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_a_broken_connection_is_resumed(host: Host, target: Path) -> None:
    host.script.extend([300_000, 10, "503", 0])
    download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1), sleep=no_sleep)
    assert host.ranges == [None, *["bytes=300000-"], *["bytes=300010-"] * 3]
    assert target.read_bytes() == CONTENT


def test_a_later_run_resumes_an_earlier_one(host: Host, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("ggml-base.bin.part").write_bytes(CONTENT[:1000])
    download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1))
    assert host.ranges == ["bytes=1000-"]
    assert target.read_bytes() == CONTENT


def test_a_complete_part_is_only_verified(host: Host, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("ggml-base.bin.part").write_bytes(CONTENT)
    download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("old_part", [b"of another version", CONTENT + b"too long"])
def test_a_part_of_another_file_is_replaced(host: Host, target: Path, old_part: bytes) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("ggml-base.bin.part").write_bytes(old_part)
    download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1), sleep=no_sleep)
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(host: Host, target: Path) -> None:
    host.ranged = False
    host.script.append(500)
    download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1), sleep=no_sleep)
    assert target.read_bytes() == CONTENT


def test_a_wrong_checksum_keeps_the_old_file_and_nothing_else(host: Host, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old file")
    host.content = CONTENT[:-1] + b"!"
    with pytest.raises(ToolError, match="wrong checksum"):
        download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1))
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_bytes() == b"old file"


def test_the_checksum_stated_by_the_server_is_compared(host: Host, target: Path) -> None:
    host.linked_etag = SHA256
    assert download_file(f"{host.base}/redirect", target).sha256 == SHA256
    host.linked_etag = "0" * 64
    with pytest.raises(ToolError, match="wrong checksum"):
        download_file(f"{host.base}/redirect", target.with_name("other.bin"))


@pytest.mark.parametrize(
    ("answer", "message"),
    [("404", "not found"), ("401", "HTTP 401"), ("200 text/html", "web page")],
)
def test_anything_but_the_file_is_an_error_and_not_kept(host: Host, target: Path, answer: str, message: str) -> None:
    host.script.append(answer)
    with pytest.raises(ToolError, match=message):
        download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1), sleep=no_sleep)
    assert list(target.parent.iterdir()) == []


def test_retries_without_progress_end(host: Host, target: Path) -> None:
    host.script.extend([100, *["503"] * 20])
    with pytest.raises(ToolError, match="To resume it, run: vidlocal setup"):
        download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1), sleep=no_sleep)
    assert len(host.ranges) == 6
    assert target.with_name("ggml-base.bin.part").stat().st_size == 100


def test_endless_redirects_end(host: Host, target: Path) -> None:
    with pytest.raises(ToolError, match="too many redirects"):
        download_file(f"{host.base}/loop", target)


def test_an_unreachable_server_is_named(target: Path) -> None:
    with pytest.raises(ToolError, match=r"127\.0\.0\.1:9"):
        download_file("http://127.0.0.1:9/file", target, sleep=no_sleep)


def test_without_a_network_the_retries_take_seconds(target: Path) -> None:
    waits: list[float] = []
    with pytest.raises(ToolError):
        download_file("http://127.0.0.1:9/file", target, sleep=waits.append)
    assert sum(waits) == 6.0


def test_an_unusable_proxy_is_reported(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(ToolError, match="ALL_PROXY"):
        download_file("http://127.0.0.1:9/file", target, sleep=no_sleep)


def test_uncreatable_folder_is_reported(host: Host, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(StoreError, match=r"cannot store ggml-base\.bin"):
        download_file(f"{host.base}/file", tmp_path / "models" / "ggml-base.bin")


def test_a_file_larger_than_the_free_space_is_refused_before_the_download(host: Host, target: Path) -> None:
    host.script.append("huge")
    with pytest.raises(StoreError, match="not enough disk space") as error:
        download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1))
    assert error.value.exit_code == 6
    assert list(target.parent.iterdir()) == []


def test_two_setups_do_not_write_into_one_part(host: Host, target: Path) -> None:
    def second(done: int, total: int | None) -> None:
        with pytest.raises(ToolError, match="another vidlocal setup"):
            download_file(f"{host.base}/file", target)

    download_file(f"{host.base}/file", target, expected=Checksums(sha1=SHA1), on_progress=second)
    assert target.read_bytes() == CONTENT
