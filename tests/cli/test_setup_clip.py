"""`setup --pictures`, and the report of doctor."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support import clip_model as made
from tests.support.progress_lines import RecordedLine
from vidlocal.app.setup.file_parts import PICTURES_URL, ClipPart
from vidlocal.app.setup.run import check_parts, download_missing
from vidlocal.cli import app
from vidlocal.engines.clip.clip_files import FILES, PUBLISHED, SUMS, TEXT, VISION, WEIGHTS, PublishedPart, clip_model
from vidlocal.errors import EngineError, ToolError

REVISION = "0123abc"
# A command that finds no fastembed.
WITHOUT = 'import sys; sys.modules["fastembed"] = None; from vidlocal.cli import main; main()'


class Shelf(BaseHTTPRequestHandler):
    """Serves the small model at the addresses of the real model, and records requests."""

    asked: list[str]
    instead: dict[str, bytes]

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        part, resolve, revision, name = self.path.lstrip("/").split("/")
        self.asked.append(f"{part}/{name}")
        body = self.instead.get(f"{part}/{name}", (made.ASSETS / part / name).read_bytes())
        assert (resolve, revision) == ("resolve", REVISION)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if name == WEIGHTS:
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def shelf() -> Iterator[str]:
    Shelf.asked, Shelf.instead = [], {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def part(shelf: str, tmp_path: Path) -> ClipPart:
    weights = {name: (made.ASSETS / name / WEIGHTS).read_bytes() for name in FILES}
    published = {
        name: PublishedPart(REVISION, hashlib.sha256(data).hexdigest(), len(data)) for name, data in weights.items()
    }
    return ClipPart(tmp_path / "models", shelf, published)


def test_every_file_is_fetched_once_and_the_model_is_whole(part: ClipPart) -> None:
    assert not part.is_installed()
    shares: list[float | None] = []
    part.download(shares.append)
    assert part.is_installed()
    assert sorted(Shelf.asked) == sorted(f"{folder}/{name}" for folder, names in FILES.items() for name in names)
    assert clip_model(part.folder).key.startswith("clip-vit-b32@")
    assert all(share is not None and 0 <= share <= 1 for share in shares)
    assert [item.state for item in download_missing(check_parts([part]), RecordedLine())] == ["installed"]
    assert not list(part.folder.rglob("*.part"))


def test_interrupted_setup_resumes_without_repeated_downloads(part: ClipPart) -> None:
    Shelf.instead[f"{TEXT}/tokenizer.json"] = b"<html>sign in</html>"
    with pytest.raises(EngineError, match=r"tokenizer\.json: the downloaded file is not JSON"):
        part.download(lambda share: None)
    assert not part.is_installed()
    assert not (part.folder / TEXT / SUMS).exists()
    Shelf.instead.clear()
    Shelf.asked.clear()
    part.download(lambda share: None)
    assert part.is_installed()
    assert f"{VISION}/{WEIGHTS}" not in Shelf.asked


def test_weights_with_another_checksum_than_was_published_are_thrown_away(part: ClipPart) -> None:
    Shelf.instead[f"{VISION}/{WEIGHTS}"] = b"other weights"
    with pytest.raises(ToolError, match="wrong checksum"):
        part.download(lambda share: None)
    assert not (part.folder / VISION / WEIGHTS).exists()


@pytest.mark.parametrize("name", ["model.onnx", "preprocessor_config.json"])
def test_damaged_file_is_repaired_by_the_named_command(part: ClipPart, name: str) -> None:
    part.download(lambda share: None)
    (part.folder / VISION / name).write_bytes(b"damaged")
    assert not part.is_installed()
    part.download(lambda share: None)
    assert part.is_installed()


def test_it_is_fetched_from_one_revision_for_good() -> None:
    for published in PUBLISHED.values():
        assert len(published.revision) == 40
        assert len(published.weights_sha256) == 64
    assert PICTURES_URL == "https://huggingface.co/Qdrant"


def setup(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["setup", "--dry-run", *words])
    return result.exit_code, result.stdout, result.stderr


def test_setup_lists_it_when_asked_for_and_does_not_mention_it_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")
    code, out, err = setup("--pictures")
    (line,) = [line.split("\t") for line in out.splitlines() if line.startswith("pictures")]
    assert (code, line) == (
        0,
        [
            "pictures",
            "clip-vit-b32",
            "608000000",
            "to download",
            "huggingface.co/Qdrant/clip-ViT-B-32-vision, clip-ViT-B-32-text",
        ],
    )
    code, out, err = setup()
    assert code == 0
    assert "pictures" not in out + err


def run_without_fastembed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_without_the_extra_setup_says_how_to_install_it_and_fetches_nothing() -> None:
    done = run_without_fastembed("setup", "--pictures", "--yes")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == 'Image search needs the package fastembed. Run: pip install "vidlocal[pictures]"\n'


def doctor(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0
    (found,) = [check for check in json.loads(result.stdout) if check["part"] == "image search"]
    return dict(found)


def test_doctor_calls_it_optional_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = doctor(monkeypatch)
    assert (found["state"], found["fix"]) == ("ok", "vidlocal setup --pictures")
    assert "optional" in (found["result"] or "")


def test_doctor_reports_installed_and_damaged_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    models = made.place(tmp_path / "home" / "models")
    assert (doctor(monkeypatch)["result"] or "").startswith(clip_model(models).key)
    (models / TEXT / "tokenizer.json").write_text("{}")
    found = doctor(monkeypatch)
    assert (found["state"], found["fix"]) == ("warning", "vidlocal setup --pictures")
    assert "tokenizer.json" in (found["result"] or "")


def test_doctor_without_the_extra_finds_nothing_wrong() -> None:
    done = run_without_fastembed("doctor")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("image search")]
    assert line.split("\t") == ["image search", "ok", "not installed (optional)", 'pip install "vidlocal[pictures]"']
