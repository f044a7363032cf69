"""People and speakers in a real browser. Skipped without the browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import OpenPage, needs_browser, violations
from tests.support.family import make_family
from tests.support.web_server import WebServer, web_server

pytestmark = needs_browser


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with web_server(make_family(tmp_path_factory.mktemp("family") / "home")) as running:
        yield running


def test_faces_are_named_merged_hidden_and_reviewed(open_page: OpenPage, family: WebServer) -> None:
    page = open_page("/people", on=family)
    wall, undo = page.locator("#wall li"), page.locator("#notice button")
    expect(wall).to_have_count(3)
    stranger = page.get_by_label("Name of Person 3")
    stranger.fill("Eve")
    stranger.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Named Eve.")
    expect(page.get_by_label("Name of Eve")).to_be_focused()
    undo.click()
    expect(page.locator("#notice")).to_have_text("Undone.")
    stranger.fill("anna")
    stranger.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Anna is known already.")
    undo.click()
    expect(wall).to_have_count(2)
    page.get_by_role("button", name="Undo last change").first.click()
    expect(wall).to_have_count(3)
    page.get_by_role("button", name="Hide Person 3").click()
    expect(wall).to_have_count(2)
    page.get_by_label("Show hidden").check()
    page.get_by_role("button", name="Show Person 3").click()
    expect(page.locator("#question")).to_contain_text("Is this Anna?")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.locator("#review")).to_be_hidden()
    page.locator("#wall a").first.click()
    expect(page.locator("h1")).to_have_text("Anna")


def test_forgetting_asks_first(open_page: OpenPage, tmp_path: Path) -> None:
    with web_server(make_family(tmp_path / "home")) as running:
        page = open_page("/people", on=running)
        forget = page.get_by_role("button", name="Forget Mary")
        forget.click()
        expect(page.get_by_role("dialog")).to_contain_text("Forget Mary?")
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Name of Mary")).to_have_count(1)
        forget.click()
        page.get_by_role("button", name="Forget", exact=True).click()
        expect(page.locator("#notice")).to_contain_text("Mary is forgotten.")
        expect(page.get_by_label("Name of Mary")).to_have_count(0)
        page.locator("#wall a").first.click()
        page.get_by_role("button", name="Forget Anna").click()
        page.get_by_role("button", name="Forget", exact=True).click()
        expect(page.locator("#wall li")).to_have_count(2)
        page.get_by_role("button", name="Forget everybody").click()
        page.get_by_role("dialog").get_by_role("button", name="Forget everybody").click()
        expect(page.locator("#consent")).to_be_visible()
        expect(page.locator("#wall-section")).to_be_hidden()


def test_a_speaker_is_named_beside_the_line(open_page: OpenPage, family: WebServer) -> None:
    page = open_page("/video/1", on=family)
    expect(page.locator(".seen")).to_contain_text("Anna 20 s")
    page.get_by_role("button", name="Speaker 1: change the name").click()
    field = page.get_by_label("Name of Speaker 1")
    field.fill("Uncle Bob")
    field.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Named Uncle Bob.")
    expect(page.locator("#passages")).to_contain_text("Uncle Bob:")
    page.locator("#notice button").click()
    expect(page.locator("#passages")).to_contain_text("Speaker 1:")
    page.get_by_role("button", name="Mary: change the name").click()
    page.get_by_role("button", name="Somebody else here").click()
    expect(page.locator("#notice")).to_have_text("Speaker 2 is in no other video. Nothing was split.")


def test_people_of_the_results_are_added_to_the_query(open_page: OpenPage, family: WebServer) -> None:
    page = open_page("/?q=toast", on=family)
    expect(page.locator(".card")).to_contain_text("Seen: Anna")
    page.get_by_role("button", name="Anna 1").click()
    expect(page.locator("#q")).to_have_value('toast person:"Anna"')
    expect(page.locator(".card")).to_have_count(1)


@pytest.mark.parametrize(
    ("scheme", "paths"), [("light", ("/people", "/video/1")), ("dark", ("/people/1", "/?q=toast"))]
)
def test_people_are_accessible_and_fit_a_phone(
    open_page: OpenPage, family: WebServer, scheme: str, paths: tuple[str, ...]
) -> None:
    for path in paths:
        page = open_page(path, on=family, color_scheme=scheme, viewport={"width": 390, "height": 844})
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert violations(page) == "", path
