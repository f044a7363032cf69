"""Names of people and speakers in the page: visible and editable on this machine only."""

import asyncio
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.family import make_family
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, people, speakers
from vidlocal.store.database import Library
from vidlocal.web.application import create_application
from vidlocal.web.guard import Access
from vidlocal.web.server import open_services

HERE, ELSEWHERE = "127.0.0.1", "192.168.1.9"


class Page:
    """Requests of a client to the application, without a network."""

    def __init__(self, home: Path, client: str, *, read_only: bool = False) -> None:
        self._services = open_services(home, read_only=read_only)
        self._access = Access(hosts={"server"})
        self._application = create_application(self._services, self._access)
        self.client = client

    def __call__(self, method: str, path: str, **body: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application, client=(self.client, 50_000))
            headers = {"x-vidlocal-token": self._access.token}
            async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=headers) as client:
                return await client.request(method, f"/api/v1{path}", json=body if method != "GET" else None)

        return asyncio.run(ask())

    def close(self) -> None:
        self._services.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_family(tmp_path / "home")


@pytest.fixture
def page(home: Path) -> Iterator[Page]:
    opened = Page(home, HERE)
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(home: Path) -> Iterator[Page]:
    opened = Page(home, ELSEWHERE)
    yield opened
    opened.close()


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [person["name"] for person in response.json()["people"]]


def id_of(page: Page, name: str, kind: str = "people") -> int:
    return next(int(item["id"]) for item in page("GET", f"/{kind}").json()[kind] if item["name"] == name)


def test_a_person_is_named_and_the_name_undone(page: Page) -> None:
    assert names(page("GET", "/people")) == ["Anna", "Tom", "Person 3"]
    assert names(page("PATCH", "/people/3", name="Eve")) == ["Anna", "Tom", "Eve"]
    taken = page("PATCH", "/people/3", name="anna")
    assert (taken.status_code, "already the name" in taken.json()["error"]) == (400, True)
    undone = page("POST", "/people/undo").json()
    assert (undone["undone"], undone["people"][2]["name"]) == (True, "Person 3")


def test_people_are_merged_hidden_and_shown(page: Page) -> None:
    anna = id_of(page, "Anna")
    assert names(page("POST", f"/people/{anna}/merge", other=3)) == ["Anna", "Tom"]
    page("POST", "/people/undo")
    hidden = page("POST", "/people/3/hide")
    assert (names(hidden), hidden.json()["hidden"]) == (["Anna", "Tom"], 1)
    assert names(page("GET", "/people?hidden=1")) == ["Anna", "Tom", "Person 3"]
    assert names(page("POST", "/people/3/hide", hide=False)) == ["Anna", "Tom", "Person 3"]


def test_a_doubtful_face_is_asked_about_once(page: Page) -> None:
    [doubt] = page("GET", "/doubts").json()["doubts"]
    assert (doubt["person"]["name"], doubt["face"]["video"]["title"]) == ("Anna", "beachday")
    rejected = page("POST", f"/people/{doubt['person']['id']}/reject", tracks=doubt["tracks"])
    assert names(rejected) == ["Anna", "Tom", "Person 3"]
    assert page("GET", "/doubts").json() == {"doubts": [], "alike": []}
    page("POST", "/people/undo")
    assert names(page("POST", f"/people/{doubt['person']['id']}/confirm", tracks=doubt["tracks"])) == ["Anna", "Tom"]
    shown = page("GET", f"/people/{doubt['person']['id']}").json()
    assert [face["video"]["title"] for face in shown["faces"] if face["is_confirmed"]].count("beachday") == 1


def test_two_who_look_alike_stay_apart_for_good(page: Page) -> None:
    [pair] = page("GET", "/doubts").json()["alike"]
    assert [person["name"] for person in pair["people"]] == ["Anna", "Person 3"]
    assert page("POST", "/people/1/apart", other=3).status_code == 200
    assert page("GET", "/doubts").json()["alike"] == []


def test_who_is_seen_in_a_video_and_how_long(page: Page) -> None:
    seen = page("GET", "/videos/1/people").json()["people"]
    assert [(person["name"], person["seconds"], person["spans"]) for person in seen] == [
        ("Anna", 20, [[0, 20]]),
        ("Tom", 20, [[10, 30]]),
    ]


def test_a_face_is_a_small_picture_that_browsers_do_not_keep(page: Page) -> None:
    face = page("GET", "/videos/1/people").json()["people"][0]["face"]
    picture = page("GET", f"/faces/{face}?width=64")
    assert (picture.headers["content-type"], picture.headers["cache-control"]) == ("image/jpeg", "no-store")
    assert picture.content.startswith(b"\xff\xd8")
    assert page("GET", "/faces/999").status_code == 404


def test_results_name_the_people_who_are_seen(page: Page) -> None:
    found = page("GET", "/search?q=toast&fast=1").json()
    assert found["moments"][0]["people"] == ["Anna"]
    assert [(person["name"], person["moments"]) for person in found["people"]] == [("Anna", 1)]


@pytest.mark.skipif(find_spec("dlib") is not None, reason="the models of dlib are installed")
def test_consent_is_stored_before_any_work(home: Path) -> None:
    with Library.open(home) as library:
        people.forget(library, None)
    page = Page(home, HERE)
    try:
        before = page("GET", "/people").json()
        assert (before["has_consent"], before["people"]) == (False, [])
        assert "biometric" in before["consent"]
        agreed = page("POST", "/people/consent").json()
        assert (agreed["has_consent"], agreed["obstacle"]) == (
            True,
            "The models for faces are not installed. Run: vidlocal setup --people",
        )
        assert page("GET", "/commands").json()["commands"] == []
    finally:
        page.close()


def test_a_forbidden_library_takes_no_consent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.toml").write_text("recognize_people = false\n")
    page = Page(home, HERE)
    refused = page("POST", "/people/consent")
    page.close()
    assert refused.status_code == 400
    assert "recognize_people" in refused.json()["error"]


def test_a_speaker_is_named_merged_and_undone(page: Page) -> None:
    unnamed = id_of(page, "Speaker 1", "speakers")
    mary = id_of(page, "Mary", "speakers")
    listed = page("PATCH", f"/speakers/{unnamed}", name="Tom").json()["speakers"]
    assert sorted(speaker["name"] for speaker in listed) == ["Mary", "Tom"]
    video = page("GET", "/videos/1").json()
    assert [speaker["name"] for speaker in video["speakers"]] == ["Tom", "Mary"]
    merged = page("POST", f"/speakers/{mary}/merge", other=unnamed).json()["speakers"]
    assert [speaker["name"] for speaker in merged] == ["Mary"]
    assert page("POST", "/speakers/undo").json()["undone"] is True
    assert page("POST", "/speakers/undo").json()["undone"] is True
    assert [speaker["name"] for speaker in page("POST", "/speakers/undo").json()["speakers"]] == ["Mary", "Speaker 1"]
    assert page("PATCH", "/speakers/99", name="X").status_code == 404
    assert page("POST", f"/speakers/{mary}/split", video=1).status_code == 400


def test_a_speaker_is_linked_to_the_person_who_is_seen(page: Page, home: Path) -> None:
    with Library.open(home) as library:
        long = [Passage(1.0 * n, n + 1, PassageKind.SPEECH, f"line {n}", speaker="Uncle") for n in range(11)]
        passages.add(library, 1, [*long, Passage(40, 60, PassageKind.SPEECH, "This was the day", speaker="Mary")])
    [match] = page("GET", "/speakers").json()["likely"]
    assert match["person"] == "Anna"
    linked = page("POST", f"/speakers/{match['speaker_id']}/link", person=match["person_id"]).json()
    assert linked["likely"] == []
    assert "Anna" in [speaker["name"] for speaker in linked["speakers"]]
    assert page("POST", f"/speakers/{match['speaker_id']}/link", person=99).status_code == 404
    unlinked = page("POST", f"/speakers/{match['speaker_id']}/link").json()
    assert "Uncle" in [speaker["name"] for speaker in unlinked["speakers"]]


def test_a_person_is_forgotten_with_all_faces(page: Page, home: Path) -> None:
    anna = id_of(page, "Anna")
    assert "Anna" not in names(page("DELETE", f"/people/{anna}"))
    assert page("DELETE", f"/people/{anna}").status_code == 404
    assert page("GET", f"/people/{anna}").status_code == 404
    assert b"Anna" not in (home / "library.db").read_bytes()


def test_all_people_are_forgotten_with_the_consent(page: Page) -> None:
    listed = page("DELETE", "/people").json()
    assert (listed["people"], listed["has_consent"]) == ([], False)


def test_a_speaker_is_forgotten_but_not_what_is_said(page: Page) -> None:
    mary = id_of(page, "Mary", "speakers")
    said = page("GET", "/videos/1").json()["passages"]
    left = [speaker["name"] for speaker in page("DELETE", f"/speakers/{mary}").json()["speakers"]]
    assert "Mary" not in left
    assert [passage["text"] for passage in page("GET", "/videos/1").json()["passages"]] == [
        passage["text"] for passage in said
    ]


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("PATCH", "/speakers/1", {"name": "Eve"}),
    ("POST", "/speakers/1/merge", {"other": 2}),
    ("POST", "/speakers/1/split", {"video": 1}),
    ("POST", "/speakers/1/link", {"person": 1}),
    ("POST", "/speakers/undo", {}),
    ("DELETE", "/speakers/1", {}),
    ("DELETE", "/people/1", {}),
    ("DELETE", "/people", {}),
    ("POST", "/people/consent", {}),
    ("POST", "/people/undo", {}),
    ("PATCH", "/people/1", {"name": "Eve"}),
    ("POST", "/people/1/merge", {"other": 2}),
    ("POST", "/people/1/apart", {"other": 2}),
    ("POST", "/people/1/hide", {}),
    ("POST", "/people/1/confirm", {"tracks": [1]}),
    ("POST", "/people/1/reject", {"tracks": [1]}),
]
READS = ["/people", "/people/1", "/doubts", "/faces/1", "/videos/1/people"]


def test_other_machines_see_no_faces_and_change_nothing(elsewhere: Page, home: Path) -> None:
    with Library.open(home) as library:
        before = (people.every(library, hidden=True), speakers.every(library))
    for path in READS:
        assert elsewhere("GET", path).status_code == 403, path
    for method, path, body in CHANGES:
        assert elsewhere(method, path, **body).status_code == 403, path
    assert elsewhere("GET", "/speakers").json()["alike"] == []
    with Library.open(home) as library:
        assert (people.every(library, hidden=True), speakers.every(library)) == before


@pytest.mark.parametrize("query", ["person:anna", "toast -person:tom"])
def test_other_machines_search_no_people(elsewhere: Page, query: str) -> None:
    assert elsewhere("GET", f"/search?q={query}").status_code == 403
    assert elsewhere("GET", "/suggestions?q=person:").json()["suggestions"] == []
    found = elsewhere("GET", "/search?q=anna toast&fast=1").json()
    assert found["people"] == []
    assert all("people" not in moment for moment in found["moments"])
    assert elsewhere("GET", "/videos/1").json()["video"]["people"] == []
    assert elsewhere("POST", "/ask", question="when is person:anna seen?").status_code == 403
    moments = json.loads(elsewhere("POST", "/ask", question="toast to the bride").text.splitlines()[0])["moments"]
    assert [moment.get("people") for moment in moments] == [None]


def test_a_read_only_server_changes_no_names(home: Path) -> None:
    page = Page(home, HERE, read_only=True)
    try:
        assert names(page("GET", "/people")) == ["Anna", "Tom", "Person 3"]
        for method, path, body in CHANGES:
            assert page(method, path, **body).status_code == 403, path
    finally:
        page.close()


@pytest.mark.parametrize("tracks", ["1", ["1"], [1.5], [True], [2**60], None])
def test_tracks_are_a_list_of_numbers(page: Page, tracks: object) -> None:
    assert page("POST", "/people/1/confirm", tracks=tracks).status_code == 400
