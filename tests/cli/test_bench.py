"""`vidlocal bench`: the vision models of the servers on pictures of the bundled clip."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Run
from tests.support.fake_ollama import VISION, Asked, Behaviour, FakeOllama, Model, broken, caption
from tests.support.fake_openai import FakeOpenAi
from tests.support.films import add_video
from tests.support.terminal import on_terminal
from vidlocal.app.bench import demo_pictures
from vidlocal.settings import load
from vidlocal.store.database import Library

GOOD, BLIND, FREE = "llava:7b", "blind:latest", "free:latest"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    models = (GOOD, Model(BLIND, VISION, blind=True), Model(FREE, VISION, obeys_schema=False), "phi3.5:latest")
    with FakeOllama(models) as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


def breaking(name: str) -> Any:
    def choose(asked: Asked) -> Behaviour | None:
        return broken() if asked.path == "/api/chat" and asked.body["model"] == name else None

    return choose


def models_of(output: str) -> dict[str, dict[str, Any]]:
    return {entry["model"]: entry for entry in json.loads(output)["models"]}


def test_every_vision_model_captions_six_frames(run: Run, server: FakeOllama) -> None:
    result = run("bench", "--json")
    assert result.exit_code == 0, result.stderr
    models = models_of(result.stdout)
    assert set(models) == {GOOD, BLIND, FREE}
    captions = [entry["caption"] for entry in models[GOOD]["captions"]]
    assert captions == [caption(picture.jpeg) for picture in demo_pictures(load(), 6)]
    assert len(set(captions)) >= 5
    assert json.loads(result.stdout)["frames_left"] is None


def test_canary_validity_and_token_rates_tell_the_models_apart(run: Run, server: FakeOllama) -> None:
    models = models_of(run("bench", "--json").stdout)
    assert [models[name]["canary"] for name in (GOOD, BLIND, FREE)] == [True, False, True]
    assert [models[name]["valid"] for name in (GOOD, BLIND, FREE)] == [6, 6, 0]
    assert all(models[FREE]["captions"][number]["caption"] for number in range(6))
    for entry in models.values():
        assert entry["seconds_per_frame"] > 0
        assert entry["server_tokens_per_second"] > entry["tokens_per_second"] > 0


def test_a_model_that_ignores_the_schema_is_asked_in_plain_words_as_by_enrich(run: Run, server: FakeOllama) -> None:
    run("bench", "--model", FREE)
    described = [asked for asked in server.asked("/api/chat") if "one word" not in asked.prompt and asked.picture]
    assert [bool(asked.body.get("format")) for asked in described] == [True, False] * 3 + [False] * 3


def test_a_model_that_fails_is_a_row_and_the_others_go_on(run: Run, server: FakeOllama) -> None:
    server.choose = breaking(BLIND)
    result = run("bench", "-n", "2", "--json")
    assert result.exit_code == 3
    models = models_of(result.stdout)
    assert models[BLIND]["error"]
    assert models[BLIND]["seconds_per_frame"] is None
    assert models[GOOD]["valid"] == 2
    assert models[GOOD]["error"] is None


def test_exit_code_5_if_all_models_fail(run: Run, server: FakeOllama) -> None:
    server.choose = breaking(GOOD)
    assert run("bench", "--model", GOOD).exit_code == 5


def test_an_unknown_model_and_a_missing_server_are_named(run: Run, server: FakeOllama) -> None:
    unknown = run("bench", "--model", "nope")
    assert unknown.exit_code == 5
    assert f"nope: not on the servers of the settings. Installed: {BLIND}, {FREE}" in unknown.stderr
    text = run("bench", "--model", "phi3.5")
    assert (text.exit_code, text.stderr.startswith("phi3.5:latest does not support images.")) == (5, True)
    gone = run("bench", "--server", "ollama=http://127.0.0.1:9")
    assert gone.exit_code == 5
    assert "127.0.0.1:9" in gone.stderr
    assert not server.asked("/api/chat")


def test_the_servers_of_the_settings_are_compared(library: Library, run: Run) -> None:
    with FakeOpenAi(model=GOOD) as other, FakeOllama([GOOD, "embeddinggemma:latest"]) as own:
        (library.folder / "settings.toml").write_text(
            f'[[servers]]\nkind = "openai"\nurl = "{other.host}"\nroles = ["describe"]\n'
            f'[[servers]]\nurl = "{own.host}"\n[[servers]]\nurl = "http://127.0.0.1:9"\n'
            '[[servers]]\nurl = "http://127.0.0.1:8"\nroles = ["text"]\n'
        )
        result = run("bench", "-n", "1")
        lines = [line.split("\t") for line in result.stdout.splitlines()]
        shown = "\n".join(on_terminal(140, "bench", "-n", "1", home=library.folder))
    assert result.exit_code == 3
    assert [line[1] for line in lines] == [other.host, own.host, "http://127.0.0.1:9"]
    assert [line[6:8] for line in lines] == [["1", "1"], ["1", "1"], ["0", "0"]]
    assert lines[2][-1].startswith("No Ollama server at http://127.0.0.1:9")
    assert f"{GOOD} at {other.host.removeprefix('http://')}" in shown


def test_the_estimate_is_for_the_frames_left_in_the_library(library: Library, run: Run, server: FakeOllama) -> None:
    add_video(library)
    result = run("bench", "--model", GOOD, "-n", "2", "--json")
    model = models_of(result.stdout)[GOOD]
    assert json.loads(result.stdout)["frames_left"] == 6
    assert model["seconds_left"] == pytest.approx(6 * model["seconds_per_frame"])


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_the_table_fits_the_terminal_with_captions_below(server: FakeOllama, tmp_path: Path, columns: int) -> None:
    server.choose = breaking(BLIND)
    lines = on_terminal(columns, "bench", "-n", "2", "-q", home=tmp_path / "home")
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= columns
    assert "picture 2, 0:30 of the demo clip" in text
    assert "not seen" not in text
    assert f"{BLIND}: " in text
    if columns >= 80:
        assert lines[0].split() == ["model", "images", "s/frame", "tokens/s", "by", "server", "valid"]
        assert any(line.split()[:2] == [GOOD, "seen"] and "2/2" in line for line in lines)


def test_the_page_has_pictures_and_escaped_captions(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "models.html"
    with FakeOllama([Model("<b>x</b>:latest", VISION)]) as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        result = run("bench", "-n", "2", "--page", str(page))
        assert result.exit_code == 0, result.stderr
        assert f"Wrote {page}" in result.stderr
        assert run("bench", "-n", "2", "--page", str(page)).exit_code == 2
    text = page.read_text("utf-8")
    assert text.count('src="data:image/jpeg;base64,') == 2
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text


def test_the_fastest_valid_model_is_proposed(run: Run, server: FakeOllama) -> None:
    assert f"Fastest with valid answers: {GOOD}. To use it, run: vidlocal config vision_model {GOOD}" in (
        run("bench", "-n", "1").stderr
    )
    assert "Fastest" not in run("bench", "-n", "1", "--model", GOOD).stderr
