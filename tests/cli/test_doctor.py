"""Checks of doctor, and their exit codes."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.fake_ollama import FakeOllama, Model, broken
from tests.support.terminal import on_terminal
from vidlocal import settings
from vidlocal.cli import app
from vidlocal.store.database import Library
from vidlocal.store.history import facts


def run(*words: str) -> tuple[int, dict[str, dict[str, str]], str]:
    result = CliRunner().invoke(app, ["doctor", "--json", *words])
    return result.exit_code, {check["part"]: check for check in json.loads(result.stdout)}, result.stderr


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")


def test_a_fresh_machine_can_ingest_and_search_and_learns_how_to_mend_the_rest() -> None:
    code, found, err = run()
    assert code == 0
    assert "Ingest and search work" in err
    states = {part: check["state"] for part, check in found.items()}
    assert {states[part] for part in ("ffmpeg", "decoder", "database", "library", "OCR")} == {"ok"}
    assert found["Ollama server"]["state"] == "missing"
    assert "ollama serve" in found["Ollama server"]["fix"]
    assert found["speech"]["fix"] == "vidlocal setup"
    assert all(check["fix"] for check in found.values() if check["state"] != "ok")
    assert not settings.load().home.exists()


def test_a_fix_is_shown_once(tmp_path: Path) -> None:
    shown = "\n".join(on_terminal(200, "doctor", home=tmp_path / "home"))
    assert shown.count("ollama serve") == 1
    assert "Run: " not in shown


def test_a_part_that_is_ok_has_a_command_but_nothing_to_fix(tmp_path: Path) -> None:
    shown = "\n".join(on_terminal(200, "doctor", home=tmp_path / "home"))
    assert "command: vidlocal ingest PATH" in shown
    assert "site-packages" not in shown
    assert ", bundled" in shown


def test_the_scheduler_of_a_cluster_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cluster" not in run()[1]
    with socket.create_server(("127.0.0.1", 0)) as scheduler:
        address = f"tcp://127.0.0.1:{scheduler.getsockname()[1]}"
        monkeypatch.setenv("VIDLOCAL_CLUSTER", address)
        found = run()[1]["cluster"]
        assert (found["state"], found["result"]) == ("ok", f"scheduler at {address}")
    code, states, _ = run()
    assert code == 0
    assert (states["cluster"]["state"], states["cluster"]["fix"]) == ("warning", "vidlocal cluster start")
    assert f"No scheduler on {address}" in states["cluster"]["result"]


def test_piped_it_is_four_fields_a_line() -> None:
    lines = CliRunner().invoke(app, ["doctor"]).stdout.splitlines()
    assert {line.count("\t") for line in lines} == {3}


def test_server_models_and_capabilities_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOllama() as fake:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", fake.host)
        _, found, _ = run()
        assert found["Ollama server"]["state"] == found["vision model"]["state"] == "ok"
        assert "vision" in found["vision model"]["result"]
        assert found["hosted models"]["state"] == "ok"
        assert found["custom model"]["result"].endswith("is missing or outdated; enrich works without it")
        monkeypatch.setenv("VIDLOCAL_VISION_MODEL", "bakllava")
        monkeypatch.setenv("VIDLOCAL_TEXT_MODEL", "qwen3")
        _, found, _ = run()
        assert found["vision model"]["fix"] == "vidlocal setup, or: vidlocal config vision_model llava:7b"
        assert found["text model"]["fix"] == "vidlocal setup --text"
        monkeypatch.delenv("VIDLOCAL_TEXT_MODEL")
        monkeypatch.setenv("VIDLOCAL_VISION_MODEL", "phi3.5")
        monkeypatch.setenv("VIDLOCAL_EMBED_MODEL", "no-such")
        _, found, _ = run()
        assert "does not support images" in found["vision model"]["result"]
        assert found["embedding model"]["state"] == "missing"
        assert not any(asked.path in ("/api/pull", "/api/chat", "/api/create") for asked in fake.requests)


def test_an_engine_that_dies_while_loading_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    died = "llama runner process has terminated: signal: illegal instruction (core dumped)"
    with FakeOllama() as fake:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", fake.host)
        assert run()[1]["embedding model"]["state"] == "ok"
        fake.choose = lambda asked: broken(died) if asked.path == "/api/embed" else None
        check = run()[1]["embedding model"]
    assert check["state"] == "missing"
    assert "the engine of the server fails" in check["result"]
    assert "illegal instruction" in check["result"]
    assert "Restart Ollama" in check["fix"]


def test_how_several_frames_are_shown_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOllama() as fake:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", fake.host)
        assert "enrich tests it" in run()[1]["multiple images"]["result"]
        digest = fake.models["llava:7b"].sha
        for answer, told in ((facts.NO, "contact sheet"), (facts.YES, "several in order")):
            with Library.open(settings.load().home, create=True) as library:
                facts.put(library, facts.multi_image_key(digest), answer)
            assert told in run()[1]["multiple images"]["result"]
        assert fake.asked("/api/chat") == []
        assert run()[1]["text model"]["state"] == "ok"


def test_hosted_models_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    hosted = Model("sneaky:latest", ("completion", "vision"), remote_host="https://ollama.com:443", remote_model="x")
    with FakeOllama([hosted], cloud_disabled=False) as fake:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", fake.host)
        monkeypatch.setenv("VIDLOCAL_VISION_MODEL", "sneaky")
        _, found, _ = run()
    assert found["hosted models"]["state"] == "warning"
    assert "OLLAMA_NO_CLOUD" in found["hosted models"]["fix"]
    assert "hosted model" in found["vision model"]["result"]


def test_a_server_too_old_to_tell_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOllama([Model("llava:7b", None)], version="0.5.1") as fake:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", fake.host)
        _, found, _ = run()
    assert found["Ollama server"]["state"] == found["vision model"]["state"] == "warning"


def test_without_ffmpeg_it_is_exit_5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_FFMPEG", "/nowhere/ffmpeg")
    code, found, err = run()
    assert code == 5
    assert found["ffmpeg"]["state"] == "missing"
    assert "Fix this first: ffmpeg" in err


def test_unreadable_library_exits_with_6(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "library.db").write_bytes(b"this is no database at all" * 100)
    code, found, _ = run()
    assert code == 6
    assert "damaged" in found["library"]["result"]


def test_readable_library_is_a_warning(library: Library) -> None:
    library.folder.chmod(0o755)
    code, found, err = run()
    assert code == 0
    assert "All checks passed" not in err
    assert found["permissions"]["state"] == "warning"
    assert found["permissions"]["fix"].startswith("chmod")


def test_a_damaged_speech_model_and_a_wrong_name_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "ggml-base.bin").write_bytes(b"<html>not found</html>" * 50_000)
    assert "not a complete whisper.cpp model" in run()[1]["speech"]["result"]
    monkeypatch.setenv("VIDLOCAL_WHISPER_MODEL", "bsae")
    assert "config" in run()[1]["speech"]["fix"]


def test_a_misspelt_variable_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_EVRY", "1")
    assert "VIDLOCAL_EVRY" in run()[1]["settings"]["result"]
