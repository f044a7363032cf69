"""`search --deep`: the text model judges the best moments."""

import json
from collections.abc import Iterator

import pytest

from tests.support.commands import Run, add_video
from tests.support.fake_ollama import FakeOllama, say
from vidlocal.search.judging import NOTHING
from vidlocal.store.database import Library


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama(["phi3.5:latest"]) as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


def titles(output: str) -> list[str]:
    return [moment["video"]["title"] for moment in json.loads(output)["moments"]]


def test_moments_confirmed_by_the_model_come_first(run: Run, library: Library, server: FakeOllama) -> None:
    add_video(library, "bread", "the bread is cut")
    add_video(library, "wedding", "the cake is cut with a long knife while all of the guests watch")
    assert titles(run("search", "cut", "--json").stdout) == ["bread", "wedding"]
    server.choose = lambda asked: say("no") if "bread" in asked.prompt and asked.body.get("logprobs") else None
    result = run("search", "cut", "--deep", "--json")
    assert titles(result.stdout) == ["wedding", "bread"]
    document = json.loads(result.stdout)
    assert document["confident"] is True
    assert [round(moment["judged"], 3) for moment in document["moments"]] == [1.0, 0.0]


def test_controls_are_asked_once(run: Run, wedding: int, server: FakeOllama) -> None:
    run("search", "bride", "--deep", "--private")
    first = len(server.asked("/api/chat"))
    run("search", "bride", "--deep")
    assert len(server.asked("/api/chat")) == 2 * first - 4


def test_a_judged_moment_is_not_asked_about_again(run: Run, wedding: int, server: FakeOllama) -> None:
    first = run("search", "bride", "--deep", "--json").stdout
    asked = len(server.asked("/api/chat"))
    assert run("search", "bride", "--deep", "--json").stdout == first
    assert len(server.asked("/api/chat")) == asked
    run("search", "the bride", "--deep")
    assert len(server.asked("/api/chat")) > asked


def test_model_that_agrees_to_everything_is_not_used(run: Run, wedding: int, server: FakeOllama) -> None:
    server.choose = lambda asked: say("yes") if asked.body.get("logprobs") else None
    result = run("search", "bride", "--deep", "--json")
    assert "phi3.5:latest cannot tell matching texts from others" in result.stderr
    assert "judged" not in json.loads(result.stdout)["moments"][0]


def test_nothing_matches(run: Run, library: Library, server: FakeOllama) -> None:
    for number in range(6):
        add_video(library, f"film {number}", f"the bride walks down aisle {number}")
    server.choose = lambda asked: say("no") if "bride" in asked.prompt and asked.body.get("logprobs") else None
    result = run("search", "bride", "--deep", "--json")
    assert NOTHING in result.stderr
    assert json.loads(result.stdout)["confident"] is False
    answer = run("ask", "where is the bride?")
    assert (answer.stdout, answer.stderr) == ("The library does not say.\n", f"{NOTHING}\n")


def test_without_a_server_or_model_the_order_stays(
    run: Run, wedding: int, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run("search", "bride").stdout
    server.models.clear()
    missing = run("search", "bride", "--deep")
    assert missing.stdout == plain
    assert missing.stderr.startswith("Not reranked. ")
    assert "phi3.5" in missing.stderr
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    assert run("search", "bride", "--deep").stderr.startswith("Not reranked. ")


def test_no_time_is_no_request(run: Run, wedding: int, server: FakeOllama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_RERANK_SECONDS", "0")
    assert run("search", "bride", "--deep").stderr == ""
    assert server.asked("/api/chat") == []
