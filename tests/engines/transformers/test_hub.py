"""Models on a fake of Hugging Face: listing, choice of files, download."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.engines.transformers.test_transformers_files import weights
from vidlocal.app.setup.transformers_part import TransformersPart
from vidlocal.engines.transformers.hub import list_model
from vidlocal.engines.transformers.transformers_files import downloaded_folder, find_model
from vidlocal.errors import ModelMissing, ToolError

NAME = "ann/tiny-llava"
FILES = {
    "config.json": b'{"model_type": "llava"}',
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ x }}",
    "model.safetensors": weights([3, 4]),
    "pytorch_model.bin": b"pickle",
    "modeling_own.py": b"raise SystemExit",
    "README.md": b"# readme",
    "onnx/model.onnx": b"other",
}


class Hub(BaseHTTPRequestHandler):
    """Serves a single model. `reply` replaces the listing; `asked`: requested paths."""

    reply: ClassVar[tuple[int, bytes] | None]
    asked: ClassVar[list[str]]

    def log_message(self, format: str, *args: object) -> None:
        """No log."""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/api/models/"):
            self.send(*(self.reply or (200, json.dumps(listing()).encode())))
        else:
            self.send(200, FILES[self.path.rsplit("/", 1)[1]])

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def listing(**changes: Any) -> dict[str, Any]:
    siblings = [
        {"rfilename": name, "size": len(content), "lfs": {"sha256": hashlib.sha256(content).hexdigest()}}
        if name.endswith("safetensors")
        else {"rfilename": name, "size": len(content)}
        for name, content in FILES.items()
    ]
    return {"sha": "a" * 40, "siblings": siblings, "tags": ["pytorch", "license:apache-2.0"]} | changes


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.reply, Hub.asked = None, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_listing_has_licence_size_and_needed_files_only(hub: str) -> None:
    model = list_model(NAME, hub_url=hub)
    assert model.licence == "apache-2.0"
    names = [file.name for file in model.files]
    assert sorted(names) == ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]
    assert names[-1] == "config.json"
    assert model.size_bytes == sum(len(FILES[name]) for name in names)


def test_a_download_is_a_model_afterwards(hub: str, tmp_path: Path) -> None:
    folder = downloaded_folder(NAME, tmp_path)
    part = TransformersPart(list_model(NAME, hub_url=hub), folder, hub)
    assert "licence apache-2.0" in part.source
    shares: list[float | None] = []
    part.download(shares.append)
    assert shares[-1] == 1.0
    assert find_model(NAME, tmp_path, tmp_path / "cache").parameters == 12
    assert all(f"/resolve/{'a' * 40}/" in path for path in Hub.asked[1:])
    assert "pytorch_model.bin" not in {file.name for file in folder.iterdir()}


def test_weights_with_another_checksum_are_refused(hub: str, tmp_path: Path) -> None:
    data = listing()
    data["siblings"][3]["lfs"]["sha256"] = "0" * 64
    Hub.reply = 200, json.dumps(data).encode()
    part = TransformersPart(list_model(NAME, hub_url=hub), tmp_path / "model", hub)
    with pytest.raises(ToolError, match="wrong checksum"):
        part.download(lambda share: None)
    assert not (tmp_path / "model" / "config.json").exists()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((404, b"{}"), "unknown to Hugging Face"),
        ((401, b"{}"), "unknown to Hugging Face"),
        ((503, b"busy"), r"invalid answer of 127\.0\.0\.1"),
        ((200, b"<html>"), "invalid answer"),
        ((200, b"[]"), "invalid answer"),
        ((200, b'{"sha": "main", "siblings": []}'), "invalid answer"),
        ((200, json.dumps(listing(siblings=[{"rfilename": "config.json"}])).encode()), "no weights in safetensors"),
        ((200, json.dumps(listing(siblings=[{"rfilename": "../config.json"}, 3])).encode()), r"has no config\.json"),
    ],
)
def test_odd_listings_are_a_sentence(hub: str, reply: tuple[int, bytes], message: str) -> None:
    Hub.reply = reply
    with pytest.raises((ModelMissing, ToolError), match=message):
        list_model(NAME, hub_url=hub)


@pytest.mark.parametrize("name", ["llava", "../etc/passwd", "a/b/c", "ann/x?y", ""])
def test_names_of_another_form_are_not_asked_for(hub: str, name: str) -> None:
    with pytest.raises(ModelMissing, match="not the name of a model"):
        list_model(name, hub_url=hub)
    assert Hub.asked == []


def test_without_network_it_is_a_sentence() -> None:
    with pytest.raises(ToolError, match=r"ann/tiny-llava: no connection to 127\.0\.0\.1:9"):
        list_model(NAME, hub_url="http://127.0.0.1:9")
