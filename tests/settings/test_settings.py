"""Precedence, validation and writing of settings."""

import os
from pathlib import Path

import pytest

from vidlocal import settings
from vidlocal.errors import SettingsError
from vidlocal.settings import ollama_address
from vidlocal.settings.table import TABLE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def in_file(home: Path, text: str) -> dict[str, str]:
    (home / "settings.toml").write_text(text, encoding="utf-8")
    return {"VIDLOCAL_HOME": str(home)}


def test_every_field_has_the_default_of_the_table(home: Path) -> None:
    env = {"VIDLOCAL_HOME": str(home)}
    loaded = settings.load(env=env)
    for setting in TABLE:
        if setting.default is not None:
            assert getattr(loaded, setting.name) == setting.default == setting.parse(setting.default)
    assert loaded == settings.Settings(home, home / "models", home / "clips")


def test_precedence_is_option_variable_file_default(home: Path) -> None:
    env = {"VIDLOCAL_HOME": str(home)}
    assert settings.load(env=env).every == 2.0
    env = in_file(home, "every = 3\n")
    assert settings.load(env=env).every == 3.0
    env["VIDLOCAL_EVERY"] = "4.5"
    assert settings.load(env=env).every == 4.5
    assert settings.load({"every": 0.0}, env).every == 0.0
    assert settings.load({"every": None}, env).every == 4.5


def test_explain_has_the_origin_of_each_value(home: Path) -> None:
    env = in_file(home, 'vision_model = "moondream"\n') | {"VIDLOCAL_NUM_CTX": "8192", "OLLAMA_HOST": "0.0.0.0:9"}
    loaded = {row.setting.name: (row.value, row.origin) for row in settings.explain({"every": 1.0}, env)}
    assert loaded["home"] == (home, "VIDLOCAL_HOME")
    assert loaded["vision_model"] == ("moondream", str(home / "settings.toml"))
    assert loaded["num_ctx"] == (8192, "VIDLOCAL_NUM_CTX")
    assert loaded["every"] == (1.0, "option")
    assert loaded["ollama_host"] == ("http://127.0.0.1:9", "OLLAMA_HOST")
    assert loaded["text_model"] == ("phi3.5", "default")


def test_vidlocal_host_variable_overrides_ollama_host(home: Path) -> None:
    env = {"VIDLOCAL_HOME": str(home), "OLLAMA_HOST": "10.0.0.1", "VIDLOCAL_OLLAMA_HOST": "http://nas"}
    assert settings.load(env=env).ollama_host == "http://nas:80"


def test_an_empty_variable_counts_as_not_set(home: Path) -> None:
    env = in_file(home, "num_ctx = 8192") | {"VIDLOCAL_NUM_CTX": " ", "OLLAMA_HOST": ""}
    assert settings.load(env=env).num_ctx == 8192
    assert settings.load(env=env).ollama_host == "http://127.0.0.1:11434"


def test_a_relative_folder_in_the_file_is_relative_to_the_file(home: Path) -> None:
    assert settings.load(env=in_file(home, 'models_folder = "speech"\n')).models_folder == home / "speech"


def test_the_default_home_is_the_user_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    loaded = settings.load(env={}).home
    assert loaded.is_relative_to(tmp_path)
    assert loaded.name == "vidlocal"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("every", "-1"),
        ("every", "nan"),
        ("every", "soon"),
        ("every", "1e9"),
        ("num_ctx", "12"),
        ("num_ctx", "4096.5"),
        ("embed_on_gpu", "perhaps"),
        ("ollama_host", "ftp://h"),
        ("ollama_host", "h:99999"),
        ("ollama_host", "user:secret@h"),
        ("keep_alive", "half an hour"),
        ("keep_alive", "30 m"),
        ("window", "22-7"),
        ("window", "25:00-07:00"),
        ("window", "07:00-07:00"),
        ("vision_model", "two words"),
        ("vision_model", "evil\x1b[31m"),
    ],
)
def test_an_invalid_value_is_an_error_with_name_origin_and_allowed_values(home: Path, name: str, text: str) -> None:
    setting = settings.get_setting(name)
    with pytest.raises(SettingsError) as refused:
        settings.load(env={"VIDLOCAL_HOME": str(home), setting.env: text})
    assert refused.value.exit_code == 7
    assert name in str(refused.value)
    assert setting.env in str(refused.value)
    assert setting.allowed in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "name"), [("every = true", "every"), ("num_ctx = true", "num_ctx"), ("window = 5", "window")]
)
def test_a_value_of_the_wrong_type_in_the_file_is_an_error(home: Path, line: str, name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name}: invalid value .*settings\.toml"):
        settings.load(env=in_file(home, line))


def test_an_unknown_name_in_the_file_is_an_error_with_a_suggestion(home: Path) -> None:
    with pytest.raises(SettingsError, match=r"'vison_model'.*Did you mean vision_model"):
        settings.load(env=in_file(home, 'vison_model = "llava"\n'))
    with pytest.raises(SettingsError, match="VIDLOCAL_HOME"):
        settings.load(env=in_file(home, 'home = "/tmp"\n'))


def test_broken_toml_names_the_line(home: Path) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        settings.load(env=in_file(home, "every = 2\nnum_ctx = = 3\n"))


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, f"slots = {'9' * 5_000}", f"every = {'9' * 400}.0"])
def test_poisoned_toml_is_an_error(home: Path, text: str) -> None:
    (home / "settings.toml").write_text(text)
    with pytest.raises(SettingsError):
        settings.load()


def test_a_pipe_in_place_of_the_file_is_an_error(home: Path) -> None:
    os.mkfifo(home / "settings.toml")
    with pytest.raises(SettingsError, match="not a file"):
        settings.load()


@pytest.mark.parametrize("text", ["9" * 5_000, "1" * 10 + "h", "1s" * 99])
def test_an_endless_keep_alive_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VIDLOCAL_KEEP_ALIVE", text)
    with pytest.raises(SettingsError, match="KEEP_ALIVE"):
        settings.load()


def test_binary_file_or_folder_is_an_error(home: Path) -> None:
    (home / "settings.toml").write_bytes(b"every = \xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        settings.load(env={"VIDLOCAL_HOME": str(home)})
    (home / "settings.toml").unlink()
    (home / "settings.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(env={"VIDLOCAL_HOME": str(home)})


def test_misspelt_variables_are_listed() -> None:
    assert settings.unknown_variables({"VIDLOCAL_EVRY": "2", "VIDLOCAL_EVERY": "2", "PATH": ""}) == ["VIDLOCAL_EVRY"]


def test_writing_keeps_the_other_lines_and_comments(home: Path) -> None:
    env = in_file(home, '# mine\nevery = 2 # often\nvision_model = "llava:7b"\r\n# end')
    settings.write(home, {"every": "5", "vision_model": "moondream", "embed_on_gpu": True})
    text = (home / "settings.toml").read_bytes().decode()
    assert text == '# mine\nevery = 5.0 # often\nvision_model = "moondream"\r\n# end\nembed_on_gpu = true\n'
    assert settings.load(env=env).vision_model == "moondream"


def test_writing_creates_a_private_file_in_a_private_folder(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    settings.write(home, {"whisper_model": 'odd "name"\\ é'})
    assert settings.load(env={"VIDLOCAL_HOME": str(home)}).whisper_model == 'odd "name"\\ é'
    assert (home / "settings.toml").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in home.iterdir()] == ["settings.toml"]


def test_writing_an_invalid_value_changes_nothing(home: Path) -> None:
    in_file(home, 'window = """\n22:00-07:00"""\n')
    before = (home / "settings.toml").read_bytes()
    for changes in ({"every": -1}, {"home": "/tmp"}, {"evry": 1}, {"window": "23:00-05:00"}):
        with pytest.raises(SettingsError):
            settings.write(home, changes)
        assert (home / "settings.toml").read_bytes() == before


def test_writing_through_a_link_keeps_the_link(home: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("every = 3\n")
    (home / "settings.toml").symlink_to(real)
    settings.write(home, {"every": 4})
    assert (home / "settings.toml").is_symlink()
    assert real.read_text() == "every = 4.0\n"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("h", "http://h:11434"),
        (' "127.0.0.1:5" ', "http://127.0.0.1:5"),
        ("http://h", "http://h:80"),
        ("https://h/", "https://h:443"),
        ("HTTP://h/x/", "http://h:80/x"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:5", "http://[::1]:5"),
        ("[::]", "http://[::1]:11434"),
        ("0.0.0.0:8", "http://127.0.0.1:8"),
        (":8", "http://127.0.0.1:8"),
        ("ollama.com", "https://ollama.com:443"),
    ],
)
def test_addresses_are_parsed_as_by_the_server(given: str, url: str) -> None:
    assert ollama_address(given) == ollama_address(given, lenient=True) == url


def test_an_invalid_port_in_the_variable_of_ollama_means_the_default_port(home: Path) -> None:
    env = {"VIDLOCAL_HOME": str(home), "OLLAMA_HOST": "1.2.3.4:x"}
    assert settings.load(env=env).ollama_host == "http://1.2.3.4:11434"


def test_an_invalid_option_is_wrong_usage() -> None:
    with pytest.raises(SettingsError, match=r"every: invalid value '-1'\. Expected") as refused:
        settings.load({"every": "-1"})
    assert refused.value.exit_code == 2
