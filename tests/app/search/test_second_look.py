import json

import pytest

from tests.support.commands import Run, add_video
from tests.support.fake_ollama import Asked, Behaviour, FakeOllama, caption, say
from tests.support.images import plain_colour
from vidlocal.store.database import Library


def with_pictures(library: Library, video_id: int) -> None:
    for row in library.rows("SELECT image FROM frames WHERE video_id = ? AND image IS NOT NULL", video_id):
        path = library.folder / row["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plain_colour((220, 20, 20), side_px=64))


def test_look_prints_and_stores_the_answer_of_the_model(
    run: Run, wedding: int, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_pictures(library, wedding)
    answer = say(json.dumps({"what": "A bride in white.", "shows": True}))
    with FakeOllama(["llava:7b"]) as server:
        server.choose = lambda asked: answer if "Somebody looks for" in asked.prompt else None
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        first = run("search", "bride", "--look", "3", "--json")
        (moment,) = json.loads(first.stdout)["moments"]
        assert moment["look"] == {"time": 4.0, "shows": True, "what": "A bride in white."}
        asked = len(server.asked("/api/chat"))
        again = run("search", "bride", "--look", "3", "--json", "--limit", "1")
        assert json.loads(again.stdout)["moments"][0]["look"] == moment["look"]
        assert len(server.asked("/api/chat")) <= asked + 5  # what waits there is described; the answer is remembered
        assert sum("Somebody looks for" in request.prompt for request in server.asked("/api/chat")) == 1


def test_a_model_that_tells_colours_by_one_token_answers_so(
    run: Run, wedding: int, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tells(asked: Asked) -> Behaviour | None:
        if not asked.body.get("logprobs") or asked.picture is None:
            return None
        shown = caption(asked.picture)
        mean = shown.split(" scene")[0].split()[-1]
        return say("yes" if "bride" in asked.prompt or f"plain {mean} " in asked.prompt else "no")

    with_pictures(library, wedding)
    with FakeOllama(["llava:7b"]) as server:
        server.choose = tells
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        (moment,) = json.loads(run("search", "bride", "--look", "3", "--json").stdout)["moments"]
        assert moment["look"] == {"time": 4.0, "shows": True, "what": ""}
        asked = sum("logprobs" in request.body for request in server.asked("/api/chat"))
        assert asked == 5  # four control questions
        run("search", "bride", "--look", "3")
        assert sum("logprobs" in request.body for request in server.asked("/api/chat")) == asked


def test_look_without_a_server_prints_a_notice_and_the_usual_result(
    run: Run, wedding: int, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    add_video(library, "party", "the bride cuts the cake")
    result = run("search", "bride", "--look", "2")
    assert result.exit_code == 0
    assert result.stdout == run("search", "bride").stdout
    (sentence,) = result.stderr.splitlines()
    assert "No Ollama server at" in sentence


def test_private_search_is_not_recorded(
    run: Run, wedding: int, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_pictures(library, wedding)
    with FakeOllama(["llava:7b"]) as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        assert run("search", "bride", "--look", "1", "--private").exit_code == 0
        assert library.number("SELECT count(*) FROM looks") == 0
        assert run("search", "bride", "--look", "1").exit_code == 0
        assert library.number("SELECT count(*) FROM looks") == 1
