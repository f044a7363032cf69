"""Checks before the first image: installed, local, capable."""

import re

import pytest

from tests.support.fake_ollama import CATALOGUE, TEXT, VISION, FakeOllama, Model, broken, hang, redirect
from tests.support.fake_ollama import body as replies
from vidlocal.engines.host_policy import is_loopback
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.served.models import ServedVision
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing

ELSEWHERE = {"remote_host": "https://ollama.com:443", "remote_model": "llava:34b"}


def images_sent(server: FakeOllama) -> int:
    return sum(asked.picture is not None for asked in server.requests)


def test_preflight_returns_digest_and_capabilities(ollama: Ollama) -> None:
    model = ollama.preflight("llava:7b", "vision")
    assert (model.name, model.digest, model.capabilities) == ("llava:7b", CATALOGUE["llava:7b"].sha, VISION)
    assert model.key == f"llava:7b@{model.digest[:12]}"


def test_a_name_without_a_tag_means_latest(ollama: Ollama) -> None:
    assert ollama.preflight("bakllava", "vision").name == "bakllava:latest"
    assert ollama.preflight(" BakLLaVA:latest ", "vision").name == "bakllava:latest"


def test_a_missing_model_names_the_command_to_install_it(ollama: Ollama, server: FakeOllama) -> None:
    with pytest.raises(ModelMissing) as caught:
        ollama.preflight("llava:70b", "vision")
    assert str(caught.value) == (
        f"llava:70b is not installed on the Ollama server at {server.host}. Run: ollama pull llava:70b"
    )
    assert caught.value.exit_code == 5


def test_a_model_without_the_capability_is_refused(ollama: Ollama) -> None:
    with pytest.raises(EngineError, match=r"phi3.5 does not support images.*config vision_model llava:7b"):
        ollama.preflight("phi3.5", "vision")
    with pytest.raises(EngineError, match=r"llava:7b does not support embeddings.*config embed_model"):
        ollama.preflight("llava:7b", "embedding")


def test_the_capabilities_of_an_old_server_are_unknown() -> None:
    with FakeOllama([Model("llava:7b", None)], old=True, version="0.5.0") as server, Ollama(server.host) as ollama:
        assert ollama.preflight("llava:7b", "vision").capabilities is None


@pytest.mark.parametrize(
    "hosted",
    [
        Model("gpt-vision:cloud", VISION),
        Model("qwen3-vl:235b-CLOUD", VISION),
        Model("alias:latest", VISION, remote_host="https://ollama.com:443", remote_model="llava:34b"),
        Model("host-only:latest", VISION, remote_host="https://ollama.com:443"),
        Model("model-only:latest", VISION, remote_model="llava:34b"),
    ],
    ids=lambda model: model.name,
)
def test_hosted_models_are_refused_before_any_image(hosted: Model) -> None:
    with FakeOllama([hosted], cloud_disabled=False) as server, Ollama(server.host) as ollama:
        with pytest.raises(EngineError, match="is a hosted model"):
            ollama.preflight(hosted.name, "vision")
        assert images_sent(server) == 0


def test_a_model_that_only_show_reports_as_hosted_is_refused(ollama: Ollama, server: FakeOllama) -> None:
    server.script(lambda exchange: exchange.send_json({"capabilities": [*VISION], **ELSEWHERE}), path="/api/show")
    with pytest.raises(EngineError, match="is a hosted model"):
        ollama.preflight("llava:7b", "vision")
    assert images_sent(server) == 0


def test_another_hosted_model_on_the_server_is_ignored(ollama: Ollama, server: FakeOllama) -> None:
    server.models["far:latest"] = Model("far:latest", VISION, remote_host="https://ollama.com:443", remote_model="x")
    assert ollama.preflight("llava:7b", "vision")
    assert "far:latest" not in {model.name for model in ollama.models()}


def test_a_model_that_becomes_hosted_later_gives_no_caption(
    vision: ServedVision, server: FakeOllama, red: bytes
) -> None:
    server.cloud_disabled = False  # else the server itself refuses
    server.models["llava:7b"] = Model("llava:7b", VISION, remote_host="https://ollama.com:443")
    with pytest.raises(EngineError, match="runs on another machine"):
        vision.describe(red)


def test_a_hosted_name_never_reaches_the_server(ollama: Ollama, server: FakeOllama) -> None:
    with pytest.raises(EngineError, match="hosted"):
        ollama.chat("x:cloud", system="", prompt="", options={}, keep_alive="1m")
    with pytest.raises(EngineError, match="hosted"):
        ollama.embed("x:1b-cloud", ["a"], options={}, keep_alive="1m")
    with pytest.raises(EngineError, match="hosted"):
        list(ollama.pull("x:Cloud"))
    assert server.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "http://nas:11434",
        "http://192.168.1.5:11434",
        "https://ollama.com",
        "http://127.0.0.1.nip.io:11434",
        "http://0.0.0.0:1",
    ],
)
def test_another_machine_needs_permission(host: str) -> None:
    with pytest.raises(EngineError, match="--allow-remote-host"):
        Ollama(host)
    Ollama(host, allow_remote=True).close()


@pytest.mark.parametrize(
    "host", ["http://localhost:11434", "http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]:11434"]
)
def test_this_machine_needs_no_permission(host: str) -> None:
    assert is_loopback(host)
    Ollama(host).close()


@pytest.mark.parametrize(
    "host", ["", "localhost:11434", "ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:x"]
)
def test_an_invalid_address_is_named(host: str) -> None:
    with pytest.raises(EngineError, match=re.escape(repr(host)) + " is not the address"):
        Ollama(host)


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(EngineError) as caught:
        Ollama("http://me:secret@nas:11434")
    assert "secret" not in str(caught.value)


def test_a_stopped_server_is_unreachable(server: FakeOllama, ollama: Ollama) -> None:
    server.down()
    with pytest.raises(EngineUnreachable, match="ollama serve"):
        ollama.preflight("llava:7b", "vision")
    server.up()
    assert ollama.preflight("llava:7b", "vision").name == "llava:7b"


@pytest.mark.parametrize("path", ["/api/tags", "/api/show"])
def test_a_silent_or_broken_server_is_unreachable(server: FakeOllama, ollama: Ollama, path: str) -> None:
    for behaviour in (hang(), broken("boom", 500), broken("boom", 502)):
        server.script(behaviour, path=path)
        with pytest.raises(EngineUnreachable):
            ollama.preflight("llava:7b", "vision")


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "content", [b"[]", b"<html>hello</html>", b"", b"null", b'{"models": 3}', b'{"models": [7]}', DEEP]
)
def test_another_kind_of_server_is_an_error(server: FakeOllama, ollama: Ollama, content: bytes) -> None:
    server.script(replies(content), path="/api/tags")
    with pytest.raises(EngineError):
        ollama.preflight("llava:7b", "vision")


def test_redirects_are_not_followed(server: FakeOllama, ollama: Ollama) -> None:
    with FakeOllama() as other:
        server.script(redirect(f"{other.host}/api/tags"), path="/api/tags")
        with pytest.raises(EngineError, match="redirects"):
            ollama.preflight("llava:7b", "vision")
        assert other.requests == []


def test_version_memory_and_cloud_setting_of_the_server(
    server: FakeOllama, ollama: Ollama, vision: ServedVision, red: bytes
) -> None:
    vision.describe(red)
    assert ollama.version() == "0.33.0"
    assert ollama.cloud_enabled() is False
    assert ollama.loaded_models() == [("llava:7b", 4_733_363_377, 4_733_363_377)]
    assert {model.name for model in ollama.models()} == set(CATALOGUE)
    server.script(broken("404 page not found", 404), path="/api/status")
    assert ollama.cloud_enabled() is None


def test_pull_reports_progress_and_errors(ollama: Ollama, server: FakeOllama) -> None:
    del server.models["moondream:latest"]
    steps = list(ollama.pull("moondream"))
    assert [steps[0].status, steps[-1].status] == ["pulling manifest", "success"]
    assert any(step.completed_bytes == step.total_bytes > 0 for step in steps)
    assert ollama.preflight("moondream", "vision")
    with pytest.raises(EngineError, match="file does not exist"):
        list(ollama.pull("no-such-model"))


def test_create_makes_a_model_from_an_installed_one(ollama: Ollama, server: FakeOllama) -> None:
    ollama.create("vidlocal", base="llava:7b", system="You look.", parameters={"num_ctx": 4096})
    assert ollama.preflight("vidlocal", "vision").capabilities == VISION
    assert server.models["vidlocal:latest"].system == "You look."
    assert server.models["vidlocal:latest"].parameters == {"num_ctx": 4096}
    with pytest.raises(ModelMissing):
        ollama.create("other", base="llava:70b", system="", parameters={})


def test_malformed_capabilities_are_ignored(server: FakeOllama) -> None:
    server.models["old:latest"] = Model("old", TEXT)
    with Ollama(server.host, timeouts=Timeouts(small=1.0)) as ollama:
        server.script(lambda exchange: exchange.send_json({"capabilities": "vision"}), path="/api/show")
        with pytest.raises(EngineError):
            ollama.preflight("old", "vision")


def test_architectures_without_parallel_requests_have_one_slot(server: FakeOllama, ollama: Ollama) -> None:
    assert ollama.slots() is None
    assert ollama.slots("llava:7b") is None
    server.models["qwen3-vl:4b"] = Model("qwen3-vl:4b", VISION, family="qwen3vl")
    assert ollama.slots("qwen3-vl:4b") == 1
