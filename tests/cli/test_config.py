"""The wiring of `vidlocal config`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vidlocal import settings
from vidlocal.cli import app


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["config", *words])
    return result.exit_code, result.stdout, result.stderr


def test_config_lists_every_setting_with_its_value_and_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_EVERY", "5")
    code, out, err = run()
    lines = [line.split("\t") for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert ["every", "5.0", "VIDLOCAL_EVERY"] in lines
    assert ["ffmpeg", "the one installed with vidlocal", "default"] in lines
    assert [line[0] for line in lines] == [row.setting.name for row in settings.explain()]


def test_config_as_json_is_one_document() -> None:
    _, out, _ = run("--json")
    found = json.loads(out)
    assert {row["name"]: row["value"] for row in found["settings"]}["embed_on_gpu"] is False


def test_config_stores_a_value_and_prints_it_alone(tmp_path: Path) -> None:
    assert run("window", "21:00-06:00")[:2] == (0, "")
    assert run("window") == (0, "21:00-06:00\n", "")
    assert 'window = "21:00-06:00"' in (tmp_path / "home" / "settings.toml").read_text()


def test_config_reports_an_overriding_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_EVERY", "5")
    code, _, err = run("every", "9")
    assert code == 0
    assert "VIDLOCAL_EVERY overrides it" in err


@pytest.mark.parametrize("words", [("evry",), ("every", "often"), ("home", "/tmp")])
def test_config_refuses_with_exit_7(words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (7, "")
    assert len(err.splitlines()) == 1


def test_config_tells_of_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_EVRY", "5")
    assert "VIDLOCAL_EVRY" in run()[2]
