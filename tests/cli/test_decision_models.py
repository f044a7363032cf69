"""A decision model as judge: of frames, of texts, of captions."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.commands import Run, add_video
from tests.support.fake_ollama import CATALOGUE, Behaviour, FakeOllama, say
from tests.support.fake_openai import FakeOpenAi
from tests.support.films import add_colours
from tests.support.films import add_video as add_plain_video
from vidlocal.search.judging import NOTHING
from vidlocal.store.database import Library


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama(["llava:7b", "phi3.5:latest", "clef-flash:latest"], slots=2) as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


def describe_all(library: Library, run: Run) -> None:
    add_plain_video(library)
    assert run("enrich", "--only", "describe").exit_code == 0


def test_look_asks_the_decision_model_and_keeps_its_answers(run: Run, library: Library, server: FakeOllama) -> None:
    describe_all(library, run)
    first = run("search", "red scene", "--look", "6", "--json")
    moments = json.loads(first.stdout)["moments"]
    assert moments[0]["look"]["shows"] is True
    assert moments[0]["look"]["what"] == ""
    assert "red" in moments[0]["text"]
    asked = len(server.asked("/v1/systemone"))
    assert not any("Somebody looks for" in request.prompt for request in server.asked("/api/chat"))
    again = run("search", "red scene", "--look", "6", "--json")
    assert json.loads(again.stdout)["moments"] == moments
    assert len(server.asked("/v1/systemone")) == asked


def test_nothing_is_refused_by_look(run: Run, library: Library, server: FakeOllama) -> None:
    for number in range(6):
        add_plain_video(library, name=f"party {number}", pictures=1)
    result = run("search", "party", "--look", "6", "--json")
    assert NOTHING in result.stderr
    assert json.loads(result.stdout)["confident"] is False


def test_deep_asks_the_decision_model(run: Run, library: Library, server: FakeOllama) -> None:
    add_video(library, "bread", "the bread is cut")
    add_video(library, "wedding", "the cake is cut with a long knife while all of the guests watch")
    result = run("search", "cake cut", "--deep", "--json")
    best = json.loads(result.stdout)["moments"][0]
    assert (best["video"]["title"], best["judged"]) == ("wedding", pytest.approx(0.97))
    assert server.asked("/v1/systemone")
    assert not server.asked("/api/chat")


def test_a_decision_model_that_fails_the_controls_leaves_the_work_to_the_others(
    run: Run, library: Library, server: FakeOllama
) -> None:
    describe_all(library, run)
    server.models["clef-flash:latest"] = replace(CATALOGUE["clef-flash:latest"], digest="b" * 64, blind=True)
    run("search", "red scene", "--look", "2")
    assert any("Somebody looks for" in request.prompt for request in server.asked("/api/chat"))


def test_a_caption_that_does_not_fit_is_asked_for_again(run: Run, library: Library, server: FakeOllama) -> None:
    add_plain_video(library)
    wrong = say(json.dumps({"description": "A turquoise lake in the mountains.", "tags": []}))
    scenes: list[int] = []

    def choose(asked: object) -> Behaviour | None:
        body = getattr(asked, "body", {})
        if "Describe this scene" in getattr(asked, "prompt", ""):
            scenes.append(body["options"]["seed"])
            return wrong if len(scenes) == 1 else None
        return None

    server.choose = choose
    done = run("enrich", "--only", "describe")
    assert done.exit_code == 0, done.stderr
    assert "1 caption did not fit the image according to clef-flash:latest, and was asked for again." in done.stderr
    assert scenes[1] == scenes[0] + 1
    assert not any("turquoise lake" in str(row["text"]) for row in library.rows("SELECT text FROM passages"))


def test_models_that_do_not_fit_at_once_check_no_captions(
    run: Run, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_plain_video(library)
    with FakeOllama(["llava:7b", "clef-flash:latest"], slots=1) as small:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", small.host)
        done = run("enrich", "--only", "describe")
        assert "Captions are not checked: llava:7b and clef-flash:latest do not fit into memory at once." in done.stderr
        assert small.loads["llava:7b"] <= 3


def test_doctor_says_if_a_decision_model_judges_images(run: Run, server: FakeOllama) -> None:
    rows = dict(line.split("\t")[::2] for line in run("doctor", "--server", server.host).stdout.splitlines())
    assert rows["clef-flash:latest: decisions"] == "it judges images"
    assert "llava:7b: decisions" not in rows


def test_a_server_with_the_openai_api_needs_the_name(run: Run, library: Library) -> None:
    add_colours(library)
    with FakeOpenAi(model="llava:7b") as fake:
        (library.folder / "settings.toml").write_text(f'[[servers]]\nkind = "openai"\nurl = "{fake.host}"\n')
        run("search", "colours", "--look", "1")
        assert not fake.asked("/v1/systemone")
        with (library.folder / "settings.toml").open("a") as settings:
            settings.write('decision_model = "llava:7b"\n')
        yes = json.dumps({"answers": {"answer": {"type": "noul", "noul": 0.9}}}).encode()
        fake.answer = lambda path, body: (200, yes) if path == "/v1/systemone" else None
        run("search", "colours", "--look", "1")
        assert len(fake.asked("/v1/systemone")) == 4  # the control questions, which it fails
