"""`vidlocal ask`."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import clips
from tests.support.commands import EVIL, Run
from tests.support.fake_faults import say
from tests.support.fake_ollama import FakeOllama
from tests.support.hostile_content import harmful
from tests.support.wedding_film import add_film
from vidlocal.store.database import Library


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


def test_the_answer_names_video_and_time(run: Run, library: Library, server: FakeOllama) -> None:
    add_film(library)
    result = run("ask", "when do the guests dance?")
    assert result.exit_code == 0, result.stderr
    assert "Now all the guests dance in the garden. [wedding @ 0:04:10]" in result.stdout.splitlines()


def test_json_has_the_answer_and_its_citations(run: Run, library: Library, server: FakeOllama) -> None:
    add_film(library)
    server.script(say("They dance [1][8]. There is cake [9]."))
    found = json.loads(run("ask", "when do the guests dance?", "--json").stdout)
    assert found["question"] == "when do the guests dance?"
    assert found["answer"] == "They dance. [1]"
    [citation] = found["citations"]
    assert (citation["n"], citation["video"]["title"]) == (1, "wedding")
    assert citation["start"] <= 250.0 <= citation["end"]
    assert "dance" in citation["text"]


@pytest.mark.parametrize("said", ["NOT SAID", "They dance.", "They dance [40].", "The evidence does not say it [1]."])
def test_an_answer_without_grounds_is_none(run: Run, library: Library, server: FakeOllama, said: str) -> None:
    add_film(library)
    server.script(say(said), say(said))
    result = run("ask", "when do the guests dance?")
    assert (result.exit_code, result.stdout) == (0, "The library does not say.\n")
    found = json.loads(run("ask", "when do the guests dance?", "--json").stdout)
    assert (found["answer"], found["citations"]) == ("The library does not say.", [])


def test_without_evidence_no_model_is_asked(run: Run, library: Library, server: FakeOllama) -> None:
    add_film(library)
    result = run("ask", "zeppelin")
    assert (result.exit_code, result.stdout) == (0, "The library does not say.\n")
    assert "No results" in result.stderr
    assert server.asked("/api/chat") == []


def test_only_the_named_video_is_asked_about(run: Run, library: Library, server: FakeOllama) -> None:
    add_film(library)
    add_film(library, name="picnic", said=[(3.0, "The guests dance on the beach.")])
    result = run("ask", "where do the guests dance?", "--video", "picnic")
    assert result.stdout == "The guests dance on the beach. [picnic @ 0:00:03]\n"


def test_a_missing_server_or_model_is_one_sentence(
    run: Run, library: Library, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_film(library)
    del server.models["phi3.5:latest"]
    result = run("ask", "when do the guests dance?", "--quiet")
    assert (result.exit_code, result.stderr.count("\n")) == (5, 1)
    assert "phi3.5" in result.stderr
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    result = run("ask", "when do the guests dance?", "--quiet")
    assert (result.exit_code, result.stderr.count("\n")) == (5, 1)


def test_a_moment_and_a_question_ask_the_vision_model(run: Run, library: Library, server: FakeOllama) -> None:
    add_film(library)
    result = run("ask", "wedding@0:05", "what is on the cake?")
    assert result.exit_code == 0, result.stderr
    assert "[wedding @ 0:00:04]" in result.stdout
    asked = server.asked("/api/chat")[-1]
    assert asked.picture is not None
    assert 'Answer this question about what you see, in one or two sentences: "what is on the cake?"' in asked.prompt
    found = json.loads(run("ask", "wedding@5", "what", "is", "it?", "--json").stdout)
    assert (found["answer"][-3:], found["citations"][0]["start"]) == ("[1]", 4.0)
    server.script(say("NOT SAID"))
    assert run("ask", "wedding@5", "who?").stdout == "The image does not show it.\n"


@pytest.mark.slow
def test_query_image_is_the_frame_at_that_time(
    run: Run, tmp_path: Path, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = clips.numbered(tmp_path / "film.mp4", rate="10")
    assert run("ingest", str(film), "--every", "5", "--quiet").exit_code == 0
    result = run("ask", "film@3.74", "what is it?", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["citations"][0]["start"] == 3.7
    assert json.loads(result.stdout)["citations"][0]["end"] == 3.8
    assert seen_by(server) == 37
    film.rename(tmp_path / "elsewhere.mp4")
    result = run("ask", "film@3.74", "what is it?")
    assert "[film @ 0:00:00]" in result.stdout
    assert result.stderr.startswith(f"{film}: not found or changed; using the stored frame at 0:00:00")
    assert seen_by(server) == 0
    film.write_bytes(b"another film")
    assert "not found or changed" in run("ask", "film@3.74", "what is it?").stderr
    assert run("ask", "film@3.74", "what is it?", "--quiet").stderr == ""


def seen_by(server: FakeOllama) -> int:
    """Number on the picture in the last request to the model."""
    jpeg = server.asked("/api/chat")[-1].picture
    assert jpeg is not None
    return clips.number_in(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")))


def test_first_server_with_the_model_is_asked(
    run: Run, library: Library, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_film(library)
    with FakeOllama(["embeddinggemma:latest"]) as bare, FakeOllama(["phi3.5:latest"]) as writes:
        del server.models["phi3.5:latest"]
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", bare.host)
        monkeypatch.setenv("VIDLOCAL_MORE_HOSTS", f"http://127.0.0.1:9 {server.host} {writes.host}")
        assert "[wedding @ 0:04:10]" in run("ask", "when do the guests dance?").stdout
        assert "[wedding @ 0:00:04]" in run("ask", "wedding@4", "what?").stdout
        answers = [asked for asked in writes.asked("/api/chat") if not asked.body.get("logprobs")]
        assert (len(answers), len(server.asked("/api/chat")), bare.asked("/api/chat")) == (1, 1, [])


def test_another_machine_is_not_asked_without_leave(
    run: Run, library: Library, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_film(library)
    server.models.clear()
    monkeypatch.setenv("VIDLOCAL_MORE_HOSTS", "http://192.0.2.1:11434")
    for words in (["when do the guests dance?"], ["wedding@4", "what?"]):
        result = run("ask", *words, "--quiet")
        assert (result.exit_code, result.stdout) == (5, "")


def test_moment_without_image_is_reported(run: Run, library: Library, server: FakeOllama) -> None:
    add_film(library, pictures=0)
    for words in (["wedding@5"], ["wedding@5", "what?"], ["wedding@9999", "what?"], ["nothing@1", "what?"], [" "]):
        result = run("ask", *words)
        assert (result.exit_code, result.stdout) == (2, "")


def test_nothing_of_an_answer_steers_the_terminal(run: Run, library: Library, evil: int, server: FakeOllama) -> None:
    words = EVIL.replace("\ud800", "").replace("[", "(")
    for extra in ([], ["--json"]):
        server.script(say(f"{words} [1]\n"))
        result = run("ask", "evil", *extra)
        assert result.exit_code == 0, result.stderr
        assert harmful(result.stdout + result.stderr) == []
