"""Model servers in settings.toml."""

import json
from pathlib import Path

import pytest

from tests.support.commands import Run
from vidlocal import settings
from vidlocal.errors import ModelMissing, SettingsError, UsageError
from vidlocal.settings.servers import Role, ServerKind, parse_server_options

TWO = """
vision_model = "llava:7b"

[[servers]]
kind = "openai"
url = "127.0.0.1:8080/v1"
name = "llama.cpp"
roles = ["describe", "watch"]
vision_model = "big"

[[servers]]
url = "http://127.0.0.1:11434"
roles = ["text", "embed"]
api_key = "sk-secret"
"""


def load(tmp_path: Path, text: str, **env: str) -> settings.Settings:
    (tmp_path / "settings.toml").write_text(text)
    return settings.load(env={"VIDLOCAL_HOME": str(tmp_path), **env})


def test_servers_have_kinds_roles_and_models_of_their_own(tmp_path: Path) -> None:
    loaded = load(tmp_path, TWO)
    first, second = loaded.model_servers
    assert (first.kind, first.url, first.vision_model) == (ServerKind.OPENAI, "http://127.0.0.1:8080", "big")
    assert first.roles == {Role.DESCRIBE, Role.WATCH}
    assert (second.kind, second.api_key) == (ServerKind.OLLAMA, "sk-secret")
    assert loaded.server_for(Role.EMBED) is second


def test_a_key_is_never_printed(tmp_path: Path) -> None:
    assert "sk-secret" not in repr(load(tmp_path, TWO))


def test_without_servers_the_hosts_are_ollama_servers(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'ollama_host = "127.0.0.1:1"\nmore_hosts = "127.0.0.1:2"\n')
    assert [(server.kind, server.url) for server in loaded.model_servers] == [
        (ServerKind.OLLAMA, "http://127.0.0.1:1"),
        (ServerKind.OLLAMA, "http://127.0.0.1:2"),
    ]


def test_an_address_of_this_shell_overrides_the_servers(tmp_path: Path) -> None:
    loaded = load(tmp_path, TWO, VIDLOCAL_OLLAMA_HOST="127.0.0.1:7")
    assert [server.url for server in loaded.model_servers] == ["http://127.0.0.1:7"]


def test_a_role_without_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="role embed"):
        load(tmp_path, '[[servers]]\nurl = "http://127.0.0.1:1"\nroles = ["text"]\n').server_for(Role.EMBED)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("servers = 5", "not a list"),
        ("servers = [5]", "not a table"),
        ("[[servers]]\n", "url is not an address"),
        ('[[servers]]\nurl = "nas nas"', "url is not an address"),
        ('[[servers]]\nurl = "http://a"\nkind = "grpc"', "kind is not one of ollama, openai"),
        ('[[servers]]\nurl = "http://a"\nroles = ["dance"]', "roles is not a list of"),
        ('[[servers]]\nurl = "http://a"\nroles = []', "roles is not a list of"),
        ('[[servers]]\nurl = "http://a"\nmodel = "x"', "unknown key"),
        ("[[servers]]\nurl = 5", "url is not a text"),
        ('[[servers]]\nurl = "http://user:word@a"', "url is not an address"),
        ('[[servers]]\nkind = "transformers"\nurl = "http://a"', "url is no model folder or name"),
        (
            '[[servers]]\nkind = "transformers"\nurl = "a/b"\nroles = ["embed"]',
            "roles is not a list of describe, watch, text",
        ),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(tmp_path, text)


def test_a_setting_is_written_before_the_tables(tmp_path: Path) -> None:
    load(tmp_path, TWO)
    settings.write(tmp_path, {"vision_model": "moondream", "every": "3"})
    loaded = settings.load(env={"VIDLOCAL_HOME": str(tmp_path)})
    assert (loaded.vision_model, loaded.every) == ("moondream", 3.0)
    assert loaded.servers[0].vision_model == "big"


def test_a_model_in_process_describes_frames_by_default(tmp_path: Path) -> None:
    table = '[[servers]]\nkind = "transformers"\nurl = "llava-hf/llava-1.5-7b-hf"\n'
    [server] = load(tmp_path, table).servers
    assert (server.url, server.roles) == ("llava-hf/llava-1.5-7b-hf", {Role.DESCRIBE, Role.WATCH})
    assert load(tmp_path, f'{table}roles = ["text"]\n').servers[0].roles == {Role.TEXT}
    [option] = parse_server_options(["transformers=~/models/blip2"])
    assert (option.kind, option.url) == (ServerKind.TRANSFORMERS, "~/models/blip2")


def test_options_name_kind_and_address() -> None:
    [server] = parse_server_options(["openai=localhost:8080"])
    assert (server.kind, server.url) == (ServerKind.OPENAI, "http://localhost:8080")
    for wrong in ("localhost:8080", "grpc=localhost", "openai=", "openai=a b"):
        with pytest.raises(UsageError, match="KIND=URL"):
            parse_server_options([wrong])


def test_config_lists_the_servers_without_keys(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text(TWO)
    printed = run("config").stdout
    assert "http://127.0.0.1:8080, openai, for describe, watch" in printed
    document = json.loads(run("config", "--json").stdout)
    assert [server["url"] for server in document["servers"]] == ["http://127.0.0.1:8080", "http://127.0.0.1:11434"]
    assert "sk-secret" not in printed + json.dumps(document)


def test_setup_offers_models_of_ollama_servers_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text(TWO.replace("http://127.0.0.1:11434", "http://127.0.0.1:9"))
    offered = [line.split("\t")[0] for line in run("setup", input="n\n").stdout.splitlines()]
    assert "vision" not in offered
    assert "embeddings" in offered
