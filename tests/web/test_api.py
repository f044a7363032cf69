"""The JSON API: search, texts, settings, work, and changing libraries."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.fake_ollama import FakeOllama
from tests.support.web_server import WebServer, index, make_films, web_server
from vidlocal.errors import UsageError
from vidlocal.store.database import Library
from vidlocal.web.errors import response_of


def until(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait for another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.1)


def passages(client: httpx.Client, video: int) -> dict[int, str]:
    return {passage["id"]: passage["text"] for passage in client.get(f"/api/v1/videos/{video}").json()["passages"]}


def test_search_finds_and_highlights(client: httpx.Client, ids: dict[str, int]) -> None:
    found = client.get("/api/v1/search?q=bride").json()
    [moment] = found["moments"]
    assert moment["video"]["id"] == ids["plain"]
    assert found["confident"] is True
    assert [moment["text"][start:end] for start, end in moment["highlights"]] == ["bride"]
    assert moment["hits"][0]["why"]["words"]["rank"] == 1
    assert moment["frame"] in moment["storyboard"]


def test_fast_search_needs_no_model_and_says_nothing_about_it(client: httpx.Client) -> None:
    assert client.get("/api/v1/search?q=bride&fast=1").json()["notice"] is None


def test_an_empty_result_names_the_missing_work(client: httpx.Client) -> None:
    assert "no caption yet" in client.get("/api/v1/search?q=zebra").json()["advice"]


def test_filters_and_their_values_are_completed(client: httpx.Client) -> None:
    def words(typed: str) -> list[str]:
        return [item["word"] for item in client.get("/api/v1/suggestions", params={"q": typed}).json()["suggestions"]]

    assert "video:" in words("vi")
    assert "kind:speech" in words("kind:s")
    assert "video:plain" in words("video:pl")


def test_similar_moments(client: httpx.Client, ids: dict[str, int]) -> None:
    found = client.get(f"/api/v1/similar?to={ids['plain']}@3").json()
    assert {moment["video"]["title"] for moment in found["moments"]} >= {"container"}


def test_a_text_is_edited_deleted_and_restored(client: httpx.Client, ids: dict[str, int], server: WebServer) -> None:
    video = ids["plain"]
    before = passages(client, video)
    passage_id = next(iter(before))
    edited = client.patch(f"/api/v1/passages/{passage_id}", json={"text": "A better text"}).json()
    assert passages(client, video)[passage_id] == "A better text"
    client.post(f"/api/v1/edits/{edited['edit']}/undo", json={})
    assert passages(client, video) == before
    with Library.open(server.home) as library:
        row = library.row("SELECT engine, text FROM passages WHERE id = ?", passage_id)
    assert row is not None
    assert row["engine"] is None
    deleted = client.request("DELETE", f"/api/v1/passages/{passage_id}", json={}).json()
    assert passage_id not in passages(client, video)
    client.post(f"/api/v1/edits/{deleted['edit']}/undo", json={})
    assert passages(client, video) == before
    assert client.get("/api/v1/search?q=garden").json()["moments"]
    assert client.post(f"/api/v1/edits/{deleted['edit']}/undo", json={}).status_code == 400


def test_a_note_is_added_found_and_undone(client: httpx.Client, ids: dict[str, int]) -> None:
    note = client.post(f"/api/v1/videos/{ids['plain']}/notes", json={"time": 5, "text": "Uncle Bob"}).json()
    assert note["passage"]["kind"] == "note"
    assert client.get("/api/v1/search?q=uncle bob").json()["moments"]
    client.post(f"/api/v1/edits/{note['edit']}/undo", json={})
    assert not client.get("/api/v1/search?q=uncle bob").json()["moments"]
    assert client.post(f"/api/v1/videos/{ids['plain']}/notes", json={"time": 5, "text": "  "}).status_code == 400


def test_a_clip_is_cut_and_downloaded(client: httpx.Client, ids: dict[str, int], server: WebServer) -> None:
    cut = client.post(f"/api/v1/videos/{ids['plain']}/clips", json={"start": 4, "end": 7}).json()
    assert Path(cut["file"]).parent == server.home / "clips"
    download = client.get("/api/v1/clips", params={"name": cut["name"]})
    assert download.content == Path(cut["file"]).read_bytes()


def test_settings_are_listed_and_changed(client: httpx.Client, server: WebServer) -> None:
    def value(name: str) -> object:
        rows = client.get("/api/v1/settings").json()["settings"]
        return next(row["value"] for row in rows if row["name"] == name)

    assert value("every") == 2.0
    assert client.patch("/api/v1/settings", json={"name": "every", "value": "1.5"}).status_code == 200
    assert value("every") == 1.5
    assert "every = 1.5" in (server.home / "settings.toml").read_text()
    wrong = client.patch("/api/v1/settings", json={"name": "every", "value": "often"})
    assert wrong.status_code == 400
    assert "every" in wrong.json()["error"]
    client.patch("/api/v1/settings", json={"name": "every", "value": "2"})


def test_pause_and_resume(client: httpx.Client) -> None:
    assert client.post("/api/v1/pause", json={}).json()["paused_since"]
    assert client.post("/api/v1/resume", json={}).json()["paused_since"] is None


def test_events_send_the_status_when_it_changes(client: httpx.Client) -> None:
    with client.stream("GET", "/api/v1/events") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        assert json.loads(next(lines)[6:])["paused_since"] is None
        client.post("/api/v1/pause", json={})
        assert json.loads(next(lines)[6:])["paused_since"]
    client.post("/api/v1/resume", json={})


def test_servers_and_checks_name_the_missing_server(client: httpx.Client) -> None:
    [server] = client.get("/api/v1/servers").json()["servers"]
    assert "No Ollama server" in server["error"]
    assert any(check["part"] == "Ollama server" for check in client.get("/api/v1/doctor").json()["checks"])


def test_the_folders_of_the_settings_are_offered(client: httpx.Client, server: WebServer) -> None:
    folder = str(server.home / "frames")
    client.patch("/api/v1/settings", json={"name": "page_folders", "value": folder}).raise_for_status()
    assert client.get("/api/v1/folders").json()["folders"] == [folder]
    client.patch("/api/v1/settings", json={"name": "page_folders", "value": ""}).raise_for_status()
    assert str(Path.home()) in client.get("/api/v1/folders").json()["folders"]


def test_folders_are_listed(client: httpx.Client, server: WebServer) -> None:
    listed = client.get("/api/v1/folders", params={"path": str(server.home)}).json()
    assert str(server.home / "frames") in listed["folders"]
    assert client.get("/api/v1/folders", params={"path": str(server.home / "none")}).status_code == 400
    assert client.get("/api/v1/folders", params={"path": "relative"}).status_code == 400


def test_captions_are_made_from_the_page_and_shown(film_home: Path) -> None:
    with (
        FakeOllama() as ollama,
        web_server(film_home, env={"VIDLOCAL_OLLAMA_HOST": ollama.host}) as running,
        running.client() as client,
    ):
        plain = next(v["id"] for v in client.get("/api/v1/videos").json()["videos"] if v["title"] == "plain")
        client.post("/api/v1/commands/enrich", json={"video": plain, "budget": 2}).raise_for_status()
        until(lambda: client.get("/api/v1/status").json()["frames"]["described"] >= 2)
        until(lambda: client.get("/api/v1/commands").json()["commands"][0]["exit_code"] == 0)
        kinds = {passage["kind"] for passage in client.get(f"/api/v1/videos/{plain}").json()["passages"]}
        assert "scene" in kinds
        [server] = client.get("/api/v1/status").json()["servers"]
        assert server["address"] == ollama.host
        assert server["roles"] == ["describe", "embed", "text", "watch"]
        lines = client.post("/api/v1/ask", json={"question": "who walks down the aisle?"}).text.splitlines()
        assert json.loads(lines[0])["moments"]
        assert len(lines) > 1


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[WebServer]:
    with web_server(tmp_path / "home") as running:
        yield running


def test_a_first_library_is_made_from_the_page(empty: WebServer, tmp_path: Path) -> None:
    films = tmp_path / "films"
    make_films(films, "plain.mp4")
    with empty.client() as client:
        assert client.get("/api/v1/videos").status_code == 404
        assert client.get("/welcome").status_code == 200
        started = client.post("/api/v1/commands/ingest", json={"path": str(films / "plain.mp4")}).json()
        assert started["command"][:2] == ["vidlocal", "ingest"]
        again = client.post("/api/v1/commands/ingest", json={"path": str(films / "plain.mp4")})
        until(lambda: client.get("/api/v1/commands").json()["commands"][0]["exit_code"] is not None, seconds=120)
        assert client.get("/api/v1/videos").json()["total"] == 1
        assert "already running" in again.json()["error"]
        for path in ("relative.mp4", "/does/not/exist"):
            assert client.post("/api/v1/commands/ingest", json={"path": path}).status_code == 400


def test_a_read_only_server_refuses_every_change(film_home: Path) -> None:
    with web_server(film_home, "--read-only") as running, running.client() as client:
        assert client.get("/api/v1/search?q=bride").json()["moments"]
        for method, path in [("POST", "/pause"), ("PATCH", "/passages/1"), ("PATCH", "/settings"), ("GET", "/folders")]:
            response = client.request(method, f"/api/v1{path}", json={"text": "x", "name": "every", "value": "1"})
            assert response.status_code == 403
            assert "read-only" in response.json()["error"]


def test_a_library_that_changes_below_the_server_gets_a_sentence(tmp_path: Path) -> None:
    home, films = tmp_path / "home", tmp_path / "films"
    make_films(films, "plain.mp4")
    index(home, films / "plain.mp4")
    with web_server(home) as running, running.client() as client:
        assert client.get("/api/v1/videos").json()["total"] == 1
        home.rename(tmp_path / "elsewhere")
        gone = client.get("/api/v1/videos")
        (tmp_path / "elsewhere").rename(home)
        assert gone.status_code == 404
        assert "No library" in gone.json()["error"]
        assert client.get("/api/v1/videos").json()["total"] == 1
        (films / "plain.mp4").unlink()
        video = client.get("/api/v1/videos").json()["videos"][0]["id"]
        lost = client.get(f"/api/v1/videos/{video}/playback")
        assert lost.status_code == 422
        assert "not found" in lost.json()["error"]
        (home / "library.db").write_bytes(b"rubbish" * 1000)
        damaged = client.get("/api/v1/videos")
        assert damaged.status_code == 503
        assert "library" in damaged.json()["error"]


@pytest.mark.parametrize("path", ["~nobody-of-this-name", "relative", "/tmp/" + "x" * 5000])
def test_an_impossible_folder_gets_a_sentence(client: httpx.Client, path: str) -> None:
    for answer in (
        client.get("/api/v1/folders", params={"path": path}),
        client.post("/api/v1/commands/watch", json={"path": path}),
        client.post("/api/v1/commands/ingest", json={"path": path}),
    ):
        assert answer.status_code == 400, answer.text


def test_a_folder_with_a_loop_of_links_is_listed(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "trip").mkdir()
    listed = client.get("/api/v1/folders", params={"path": str(tmp_path)}).json()
    assert listed["folders"] == [str(tmp_path / "trip")]


def test_a_clip_with_an_impossible_name_does_not_exist(client: httpx.Client) -> None:
    assert client.get("/api/v1/clips", params={"name": "x" * 5000}).status_code == 404


def test_an_error_with_half_a_letter_is_json() -> None:
    assert json.loads(bytes(response_of(UsageError("bad\udcff.mp4: no such video.")).body))["error"].startswith("bad")
