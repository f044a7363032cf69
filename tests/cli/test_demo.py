"""The demo runs the full pipeline, reports its results and deletes its library."""

import json
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vidlocal import settings
from vidlocal.app.demo import QUERIES
from vidlocal.cli import app


@pytest.mark.slow
def test_the_demo_finds_speech_and_text_on_screen_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("VIDLOCAL_WHISPER_MODEL", "large-v3-turbo")
    result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.stderr
    found = {document["query"]: document["moments"] for document in json.loads(result.stdout)}
    assert tuple(found) == QUERIES
    boat, sign, balloons = (found[query][0] for query in QUERIES)
    assert "subtitle" in boat["kinds"]
    assert 12.0 <= boat["start"] <= 12.5
    assert sign["kinds"][0] == "screen_text"
    assert 15.0 <= sign["start"] <= 17.0
    assert set(balloons["kinds"]) == {"subtitle", "screen_text"}
    assert 31.0 <= balloons["start"] <= 33.0
    assert "demo library was deleted" in result.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not settings.load().home.exists()
