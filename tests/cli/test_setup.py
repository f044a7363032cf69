"""Setup against our own servers: messages, downloads, created models, settings."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.fake_ollama import FakeOllama, broken
from tests.support.progress_lines import RecordedLine
from tests.support.terminal import on_terminal
from vidlocal.app.setup.file_parts import WhisperPart
from vidlocal.app.setup.ollama_parts import CustomPart, OllamaPart, open_server
from vidlocal.app.setup.profile_parts import profile_parts
from vidlocal.app.setup.run import check_parts, download_missing, save_model_names
from vidlocal.cli import app
from vidlocal.engines.profiles import ProfileName, profile
from vidlocal.engines.prompts import vision_prompts
from vidlocal.errors import EngineError, ToolError
from vidlocal.settings import Settings, load, write
from vidlocal.text import format_size

WHISPER_FILE = (Path(__file__).parents[1] / "assets" / "ggml-vidlocal-test.bin").read_bytes()


class Shelf(BaseHTTPRequestHandler):
    """Serves a file with its checksum in the header of Hugging Face."""

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        body = {"/ggml-medium.en.bin": WHISPER_FILE}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("X-Linked-Etag", f'"{hashlib.sha256(body or b"").hexdigest()}"')
        self.end_headers()
        self.wfile.write(body or b"")


@pytest.fixture
def shelf() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama([]) as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        yield server


@pytest.fixture
def settings(fake: FakeOllama) -> Settings:
    return load()


@pytest.fixture(autouse=True)
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without models of other programs."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user" / "share"))
    return tmp_path / "user"


def parts(*words: str) -> dict[str, tuple[str, str]]:
    """Name and state of each part in a dry run, by role."""
    code, out, _ = run("--dry-run", "--json", *words)
    assert code == 0
    return {part["role"]: (part["name"], part["state"]) for part in json.loads(out)["parts"]}


def run(*words: str, says: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["setup", *words], input=says)
    return result.exit_code, result.stdout, result.stderr


def test_a_dry_run_says_size_and_source_of_everything_and_fetches_nothing(fake: FakeOllama) -> None:
    code, out, err = run("--dry-run", "--profile", "light", "--text")
    lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert [(line[0], line[1], line[2], line[3]) for line in lines] == [
        ("speech", "base", "148000000", "to download"),
        ("embeddings", "all-minilm", "46000000", "to download"),
        ("vision", "moondream", "1700000000", "to download"),
        ("custom model", "vidlocal", "0", "to download"),
        ("text", "phi3.5", "2200000000", "to download"),
    ]
    assert all(line[4] for line in lines)
    assert fake.asked("/api/pull") == []
    assert not load().home.exists()
    assert err == ""


def test_declining_downloads_nothing_and_exits_with_0(fake: FakeOllama) -> None:
    code, _, err = run(says="n\n")
    assert code == 0
    assert "Download 7.7 GB now? [Y/n]" in err
    assert "Nothing was downloaded." in err
    assert fake.asked("/api/pull") == []


@pytest.mark.parametrize("columns", [60, 200])
def test_the_custom_model_is_created_not_downloaded(fake: FakeOllama, tmp_path: Path, columns: int) -> None:
    shown = " ".join(on_terminal(columns, "setup", "--dry-run", "--only", "custom", home=tmp_path / "home"))
    assert "to create" in shown
    assert "to download" not in shown


def test_json_never_prompts() -> None:
    assert run("--json")[0] == 2


def test_without_a_server_the_plan_is_still_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")
    code, out, err = run("--dry-run", "--json")
    assert code == 0
    states = {part["name"]: part["reason"] for part in json.loads(out)["parts"]}
    assert states["base"] is None
    assert "127.0.0.1:9" in states["llava:7b"]
    assert "ollama.com/download" in run("--dry-run")[2]
    assert err == ""


def test_without_a_server_only_downloadable_parts_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")
    code, out, err = run(says="n\n")
    assert code == 0
    assert "Download 148 MB now? [Y/n]" in err
    states = {line.split("\t")[0]: line.split("\t")[3] for line in out.splitlines()}
    assert states == {
        "speech": "to download",
        "embeddings": "no server",
        "vision": "no server",
        "custom model": "no server",
        "text": "no server",
    }


def test_an_empty_line_means_yes_and_the_end_of_the_input_no(fake: FakeOllama) -> None:
    assert "Nothing was downloaded." in run("--only", "embeddings")[2]
    assert fake.asked("/api/pull") == []
    code, _, err = run("--only", "embeddings", says="\n")
    assert code == 0, err
    assert [request.body["model"] for request in fake.asked("/api/pull")] == ["embeddinggemma"]


def test_parts_are_selectable(fake: FakeOllama) -> None:
    assert list(parts("--only", "speech,text")) == ["speech", "text"]
    assert list(parts("--no-text")) == ["speech", "embeddings", "vision", "custom model"]
    assert run("--only", "speach", "--dry-run")[0] == 2


def test_models_of_settings_are_used_and_only_missing_ones_offered(
    fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_server(load()) as server:
        for name, needs in (("moondream", "vision"), ("all-minilm", "embedding")):
            OllamaPart(server, needs, name, needs, None).download(lambda share: None)  # type: ignore[arg-type]
    monkeypatch.setenv("VIDLOCAL_VISION_MODEL", "moondream")
    write(load().home, {"embed_model": "all-minilm"})
    chosen = parts()
    assert chosen["vision"] == ("moondream", "installed")
    assert chosen["embeddings"] == ("all-minilm", "installed")
    assert chosen["text"] == ("phi3.5", "to download")
    assert parts("--profile", "standard")["embeddings"] == ("embeddinggemma", "to download")
    before = len(fake.requests)
    code, _, err = run("--only", "embeddings,vision,custom", "--yes")
    assert code == 0, err
    assert not any(request.path == "/api/pull" for request in fake.requests[before:])
    assert fake.asked("/api/create")[-1].body["from"] == "moondream"
    assert "vision_model" not in load().file.read_text()


def test_a_whisper_model_of_another_program_is_used(fake: FakeOllama, user_home: Path) -> None:
    folder = user_home / ".cache" / "whisper.cpp"
    folder.mkdir(parents=True)
    (folder / "ggml-base.bin").write_bytes(WHISPER_FILE)  # not the published checksum
    assert parts()["speech"] == ("base", "to download")
    (folder / "ggml-medium.en.bin").write_bytes(WHISPER_FILE)  # without a published checksum
    write(load().home, {"whisper_model": "medium.en"})
    assert parts()["speech"] == (str(folder / "ggml-medium.en.bin"), "installed")
    _, _, err = run("--only", "embeddings,speech", says="n\n")
    assert "Download 622 MB now?" in err


def test_a_whisper_model_named_by_path_is_used(fake: FakeOllama, tmp_path: Path) -> None:
    (tmp_path / "own.bin").write_bytes(WHISPER_FILE)
    write(load().home, {"whisper_model": str(tmp_path / "own.bin")})
    assert parts()["speech"] == (str(tmp_path / "own.bin"), "installed")
    (tmp_path / "own.bin").unlink()
    assert parts()["speech"] == ("base", "to download")


def test_another_machine_is_refused_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://nas.invalid")
    code, out, err = run("--dry-run")
    assert (code, out) == (5, "")
    assert "--allow-remote-host" in err


def test_models_are_pulled_made_and_named_in_the_settings(fake: FakeOllama, settings: Settings, shelf: str) -> None:
    models = replace(profile(ProfileName.LIGHT, gpu_memory_bytes=None), whisper_model="medium.en")
    with open_server(settings) as server:
        wanted = profile_parts(models, server, settings, text=False, whisper_url=shelf)
        assert {item.state for item in check_parts(wanted)} == {"to download"}
        brought = download_missing(check_parts(wanted), RecordedLine())
        save_model_names(brought, settings, notify=lambda message: None)
        assert {item.state for item in brought} == {"downloaded"}, [str(item.error) for item in brought]
        assert {item.state for item in check_parts(wanted)} == {"installed"}
        asked = len(fake.requests)
        assert {item.state for item in download_missing(check_parts(wanted), RecordedLine())} == {"installed"}
    assert not any(asked.path in ("/api/pull", "/api/create") for asked in fake.requests[asked:])
    assert [asked.body["model"] for asked in fake.asked("/api/pull")] == ["all-minilm", "moondream"]
    made = fake.models["vidlocal:latest"]
    assert made.system == vision_prompts.SYSTEM
    assert made.parameters == vision_prompts.vision_options()
    assert fake.asked("/api/create")[0].body["from"] == "moondream"
    now = load()
    assert (now.vision_model, now.embed_model, now.whisper_model) == ("moondream", "all-minilm", "medium.en")
    assert (now.models_folder / "ggml-medium.en.bin").read_bytes() == WHISPER_FILE


def test_the_custom_model_is_made_anew_when_its_base_changed(fake: FakeOllama, settings: Settings) -> None:
    with open_server(settings) as server:
        OllamaPart(server, "vision", "llava:7b", "vision", None).download(lambda share: None)
        part = CustomPart(server, "llava:7b", settings.home)
        part.download(lambda share: None)
        assert part.is_installed()
        fake.models["llava:7b"] = replace(fake.models["llava:7b"], digest="f" * 64)
        assert not part.is_installed()
        assert not CustomPart(server, "llava:13b", settings.home).is_installed()


def test_progress_of_a_pull_grows_to_the_whole(settings: Settings) -> None:
    shares: list[float | None] = []
    with open_server(settings) as server:
        OllamaPart(server, "vision", "llava:7b", "vision", None).download(shares.append)
    assert shares[0] is None
    assert [share for share in shares if share is not None][:5] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


def test_failed_pull_has_a_reason_and_ends(fake: FakeOllama, settings: Settings) -> None:
    with open_server(settings) as server:
        part = OllamaPart(server, "vision", "no-such-model", "vision", None)
        with pytest.raises(EngineError, match="file does not exist"):
            part.download(lambda share: None)
    assert len(fake.asked("/api/pull")) == 1


def test_a_server_without_a_connection_is_told_in_one_sentence(fake: FakeOllama, settings: Settings) -> None:
    error = (
        'pull model manifest: Get "https://registry.ollama.ai/v2/library/llava/manifests/7b": dial tcp: lookup '
        "registry.ollama.ai on 127.0.0.53:53: no such host"
    )
    fake.choose = lambda asked: broken(error) if asked.path == "/api/pull" else None
    with open_server(settings) as server, pytest.raises(EngineError) as caught:
        OllamaPart(server, "vision", "llava:7b", "vision", None).download(lambda share: None)
    assert str(caught.value) == (
        "llava:7b: the Ollama server has no connection to ollama.com. Try again: vidlocal setup"
    )


def test_a_model_that_cannot_do_its_work_is_refused_after_the_pull(settings: Settings) -> None:
    with open_server(settings) as server, pytest.raises(EngineError, match="does not support images"):
        OllamaPart(server, "vision", "phi3.5", "vision", None).download(lambda share: None)


def test_failed_part_does_not_stop_the_others(settings: Settings, shelf: str) -> None:
    with open_server(settings) as server:
        brought = download_missing(
            check_parts(
                [
                    WhisperPart("tiny", settings.models_folder, shelf),
                    OllamaPart(server, "embeddings", "all-minilm", "embedding", "embed_model"),
                ]
            ),
            RecordedLine(),
        )
        save_model_names(brought, settings, notify=lambda message: None)
    assert [item.state for item in brought] == ["failed", "downloaded"]
    assert isinstance(brought[0].error, ToolError)
    assert load().whisper_model == "base"
    assert load().embed_model == "all-minilm"


def test_sizes_read_well() -> None:
    assert [format_size(size) for size in (885_000, 46_000_000, 4_700_000_000)] == ["0.9 MB", "46 MB", "4.7 GB"]


def test_the_speech_model_is_chosen_apart_from_the_profile(fake: FakeOllama) -> None:
    assert parts("--profile", "light", "--speech", "turbo")["speech"][0] == "large-v3-turbo"
    assert parts("--profile", "best", "--speech", "small")["speech"][0] == "small"
    assert run("--speech", "huge", "--dry-run")[0] == 7


def test_a_whisper_model_in_the_cache_of_hugging_face_is_used(fake: FakeOllama, user_home: Path) -> None:
    folder = user_home / ".cache" / "huggingface" / "hub" / "models--ggerganov--whisper.cpp" / "snapshots" / "5359861c"
    folder.mkdir(parents=True)
    (folder / "ggml-medium.en.bin").write_bytes(WHISPER_FILE)  # without a published checksum
    write(load().home, {"whisper_model": "medium.en"})
    assert parts()["speech"] == (str(folder / "ggml-medium.en.bin"), "installed")


def test_the_memory_chooses_profile_and_newer_models(fake: FakeOllama) -> None:
    code, out, err = run("--dry-run", "--memory", "4")
    assert code == 0
    assert "vision\tmoondream\t" in out
    assert "Graphics memory: 4 GB. Profile: light. Newer vision models that fit: qwen3-vl:2b" in err
    assert parts("--memory", "24")["vision"] == ("llava:34b", "to download")
    assert parts("--memory", "8")["vision"][0] == "llava:7b"
    assert parts("--memory", "24", "--profile", "light")["vision"][0] == "moondream"


def test_another_vision_model_is_chosen(fake: FakeOllama) -> None:
    _, out, _ = run("--dry-run", "--vision", "qwen3-vl:4b", "--only", "vision")
    assert out.split("\t")[:3] == ["vision", "qwen3-vl:4b", "3300000000"]


def test_setup_asks_for_the_memory_on_a_terminal(fake: FakeOllama, tmp_path: Path) -> None:
    shown = " ".join(on_terminal(100, "setup", home=tmp_path / "home", typed="4 GB\nn\n"))
    assert "Graphics memory in GB (Enter: unknown):" in shown
    assert "Profile: light" in shown
    assert "moondream" in shown
    unknown = " ".join(on_terminal(100, "setup", home=tmp_path / "home", typed="\nn\n"))
    assert "Profile:" not in unknown
    assert "llava:7b" in unknown


def test_a_named_vision_model_is_not_asked_about(
    fake: FakeOllama, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_VISION_MODEL", "llava:13b")
    shown = " ".join(on_terminal(100, "setup", home=tmp_path / "home", typed="n\n"))
    assert "Graphics memory" not in shown
    assert "llava:13b" in shown
