"""Wiring of `vidlocal enrich`: messages before the first frame, and exit codes."""

import json
import re
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from tests.support.fake_ollama import CATALOGUE, Asked, Behaviour, FakeOllama, Model, broken
from tests.support.films import add_video
from vidlocal.cli import app
from vidlocal.store.content import frames
from vidlocal.store.database import Library


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


@pytest.fixture
def party(library: Library) -> Library:
    """A library with a video of six colours to describe."""
    add_video(library)
    return library


def enrich(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["enrich", *words])
    return result.exit_code, result.stdout, result.stderr


def pictures_sent(server: FakeOllama) -> int:
    return sum(asked.picture is not None for asked in server.asked("/api/chat"))


def test_every_frame_is_described_and_it_says_so(party: Library, server: FakeOllama) -> None:
    code, out, err = enrich("--all")
    assert (code, out) == (0, "")
    assert "6 frames captioned" in err
    assert frames.coverage(party).described == 6


def test_the_report_tells_the_tokens_per_second_of_captions(party: Library, server: FakeOllama) -> None:
    enrich("--only", "describe")
    shown = CliRunner().invoke(app, ["report"]).stdout
    assert re.search(r"^pace\t[\d.]+ s per frame, [\d,]+ tokens per second$", shown, re.MULTILINE)


def test_a_second_run_sends_no_request_and_says_so(party: Library, server: FakeOllama) -> None:
    enrich()
    asked = len(server.requests)
    code, _, err = enrich()
    assert code == 0
    assert "Nothing to do" in err
    assert len(server.requests) == asked


def test_another_model_finds_nothing_to_do_and_says_how_it_gets_its_turn(party: Library, server: FakeOllama) -> None:
    enrich()
    assert "--redo-stale" not in enrich()[2]
    code, _, err = enrich("--model", "bakllava")
    assert code == 0
    assert "6 captions come from another model than bakllava or an older prompt. Redo them with --redo-stale." in err


def test_json_is_one_document(party: Library, server: FakeOllama) -> None:
    code, out, _ = enrich("--json", "--quiet")
    assert code == 0
    assert json.loads(out)["done"]["describe"] == 6


def test_without_a_library_it_says_how_to_start_one() -> None:
    code, _, err = enrich()
    assert code == 6
    assert "vidlocal ingest" in err


def test_without_a_server_it_names_the_command_before_any_waiting(party: Library, server: FakeOllama) -> None:
    server.down()
    code, _, err = enrich("--all", "overnight")
    assert code == 5
    assert "ollama serve" in err
    assert "Waiting" not in err


def test_missing_model_is_named_with_its_pull_command_and_installed_ones(party: Library, server: FakeOllama) -> None:
    code, _, err = enrich("--model", "moondream")
    assert code == 5
    assert "ollama pull moondream" in err
    assert "--model llava:7b" in err


@pytest.mark.parametrize("model", ["phi3.5", "embeddinggemma"])
def test_a_model_that_cannot_see_is_refused_before_any_picture(party: Library, server: FakeOllama, model: str) -> None:
    code, _, err = enrich("--model", model)
    assert code == 5
    assert "does not support images" in err
    assert pictures_sent(server) == 0


def test_a_text_model_that_cannot_be_loaded_does_not_hold_up_captions(party: Library, server: FakeOllama) -> None:
    died = broken("llama-server process has terminated: signal: illegal instruction")

    def choose(asked: Asked) -> Behaviour | None:
        return died if str(asked.body.get("model")).startswith("phi3.5") and asked.path != "/api/show" else None

    server.choose = choose
    code, _, err = enrich()
    assert frames.coverage(party).described == 6
    assert "No tags, chapters and summaries for now. phi3.5" in err
    assert "illegal instruction" in err
    assert code == 0


def test_a_model_that_answers_without_looking_describes_nothing(party: Library, server: FakeOllama) -> None:
    server.models["llava:7b"] = Model("llava:7b", ("completion", "vision"), blind=True)
    code, _, err = enrich()
    assert code == 5
    assert "does not see" in err
    assert frames.coverage(party).described == 0


@pytest.mark.parametrize("model", ["llava:cloud", "qwen3-vl:235b-CLOUD", "alias"])
def test_a_hosted_model_never_gets_a_picture(party: Library, server: FakeOllama, model: str) -> None:
    server.models["alias:latest"] = Model(
        "alias:latest", ("completion", "vision"), remote_host="https://ollama.com:443", remote_model="big"
    )
    server.cloud_disabled = False
    code, _, err = enrich("--model", model)
    assert code == 5
    assert "hosted" in err
    assert pictures_sent(server) == 0


def test_without_the_embedding_model_frames_are_described_and_search_goes_by_words(
    party: Library, server: FakeOllama
) -> None:
    del server.models["embeddinggemma:latest"]
    code, _, err = enrich()
    assert code == 0
    assert "ollama pull embeddinggemma" in err
    assert frames.coverage(party).described == 6


def test_a_server_elsewhere_must_be_allowed_on_purpose(party: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://192.0.2.1:11434")
    code, _, err = enrich()
    assert code == 5
    assert "--allow-remote-host" in err


def test_small_gpu_gets_a_fitting_model(party: Library, server: FakeOllama) -> None:
    server.models["moondream:latest"] = CATALOGUE["moondream:latest"]
    code, _, err = enrich("--vram", "4")
    assert code == 0
    assert "taking moondream:latest" in err
    used = {asked.body["model"] for asked in server.asked("/api/chat") if asked.picture is not None}
    assert used == {"moondream:latest"}


def test_two_servers_share_the_work(party: Library, server: FakeOllama) -> None:
    with FakeOllama() as second:
        code, _, _ = enrich("--host", server.host, "--host", second.host)
        assert code == 0
        assert frames.coverage(party).described == 6
        assert pictures_sent(second) > 0


def test_bounds_are_tested_once_for_a_model_and_server(party: Library, server: FakeOllama) -> None:
    def tests_of(model: str) -> int:
        asked = [asked for asked in server.asked("/api/chat") if "ten animals" in asked.prompt]
        return sum(asked.body["model"].startswith(model) for asked in asked)

    for _ in range(2):
        party.connection.execute("UPDATE jobs SET state = 'queued' WHERE kind = 'describe'")
        enrich("--all")
    assert (tests_of("llava"), tests_of("phi3.5")) == (1, 1)


def test_an_embedding_model_that_cannot_embed_is_a_sentence(
    party: Library, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_EMBED_MODEL", "phi3.5")
    code, _, err = enrich("--all")
    assert code == 0
    assert "phi3.5 does not support embeddings" in err
    assert frames.coverage(party).described == 6


def test_an_engine_failing_during_the_last_check_redoes_nothing(party: Library, server: FakeOllama) -> None:
    def fail_after_captions(asked: Asked) -> Behaviour | None:
        is_check = asked.picture is not None and "one word" in asked.prompt
        captioned = sum("Describe this scene" in earlier.prompt for earlier in server.asked("/api/chat"))
        return broken() if is_check and captioned == 6 else None

    server.choose = fail_after_captions
    assert enrich("--all")[0] == 0
    assert frames.coverage(party).described == 6
    assert party.number("SELECT count(*) FROM passages WHERE kind = 'scene' AND NOT visible") == 6
    server.choose = lambda asked: None
    code, _, err = enrich("--all")
    assert (code, "does not see" in err) == (0, False)
    assert party.number("SELECT count(*) FROM passages WHERE kind = 'scene' AND visible") == 6


def test_an_engine_failing_during_the_first_check_is_not_called_blind(party: Library, server: FakeOllama) -> None:
    server.choose = lambda asked: broken("got exception: Chunk not found") if asked.picture is not None else None
    code, _, err = enrich("--all")
    assert code == 5
    assert "Chunk not found" in err
    assert "does not see" not in err
