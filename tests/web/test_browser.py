"""The page in a real browser: Chromium by Playwright. Skipped without the browser."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import OpenPage, needs_browser, violations
from tests.support.fake_ollama import FakeOllama
from tests.support.family import make_family
from tests.support.text_videos import add_video
from tests.support.web_server import FILM_S, SWITCH_S, WebServer, index, make_films, web_server
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library

pytestmark = needs_browser

PAGES = ("/", "/?q=bride", "/videos", "/people", "/status", "/ask", "/settings", "/welcome")
HOSTILE = (
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "<iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>",
    '"><svg onload=window.pwned=1>',
    "javascript:window.pwned=1",
    "${window.pwned=1} {{window.pwned=1}}",
    "</textarea><script>window.pwned = 1</script>",
)


def advances(page: Page, time: float) -> None:
    """Wait until the player plays from about `time` on."""
    playing = "time => { const film = document.querySelector('video'); return film.currentTime > time + 0.2 }"
    page.wait_for_function(playing, arg=time)
    now = page.evaluate("document.querySelector('video').currentTime")
    assert time <= now < time + 6


def test_results_appear_while_typing_and_the_url_is_the_search(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator("#q").blur()
    page.keyboard.press("/")
    page.keyboard.type("brid")
    page.keyboard.type("e")
    expect(page.locator(".card mark")).to_have_text("bride")
    expect(page).to_have_url(re.compile(r"\?q=bride$"))
    page.reload()
    expect(page.locator(".card mark")).to_have_text("bride")


def test_keys_alone_find_open_and_play(open_page: OpenPage) -> None:
    page = open_page("/?q=walks")
    expect(page.locator(".card")).to_have_count(1)
    page.locator("body").press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator("#preview")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#preview video').currentTime > 4.2")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()
    page.locator(".main-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("plain")
    advances(page, 4.0)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def test_filters_are_offered_and_completed(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("button", name="kind:").click()
    page.keyboard.type("sp")
    expect(page.locator("#suggestions option").first).to_have_attribute("value", "kind:speech")
    page.locator("#q").fill("kind:speech")
    expect(page.locator(".card .text")).to_contain_text("Welcome")
    page.get_by_label("Group by video").check()
    expect(page.locator("#results h2")).to_have_text("plain")
    expect(page).to_have_url(re.compile("group=1"))


def test_more_like_this_and_why(open_page: OpenPage) -> None:
    page = open_page("/?q=walks")
    page.get_by_text("Why").click()
    expect(page.locator("details li")).to_contain_text("words: rank 1")
    page.get_by_role("link", name="More like this").click()
    expect(page.locator(".card").first).to_be_visible()


@pytest.mark.parametrize("title", ["plain", "phone", "container", "old", "variable", "free", "broadcast", "sound"])
def test_every_film_plays_from_the_moment(open_page: OpenPage, ids: dict[str, int], title: str) -> None:
    page = open_page(f"/video/{ids[title]}?t=5")
    advances(page, 5.0)
    page.evaluate("document.querySelector('video').currentTime = 1")
    page.wait_for_function(
        "() => (film => film.currentTime > 1.1 && film.currentTime < 4)(document.querySelector('video'))"
    )
    page.wait_for_function("() => Number.isFinite(document.querySelector('video').duration)")
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(FILM_S, abs=0.5)


SEEK_ABOUT = """async (times) => {
  const film = document.querySelector("video");
  for (const time of times) {
    film.currentTime = time;
    await new Promise((resolve) => film.addEventListener("progress", resolve, { once: true }));
  }
}"""


def test_seeks_that_interrupt_each_other_end_at_the_last_time(
    open_page: OpenPage, film_home: Path, tmp_path: Path
) -> None:
    make_films(tmp_path, "long.ts")
    index(film_home, tmp_path)
    with Library.open(film_home) as library:
        film = videos.resolve(library, "long")
    page = open_page(f"/video/{film.id}?t=5")
    advances(page, 5.0)
    page.evaluate(SEEK_ABOUT, [float(80 + 37 * n % 190) for n in range(12)] + [40.0])
    advances(page, 40.0)


def test_a_film_removed_during_playback_is_reported_once(open_page: OpenPage, film_home: Path, tmp_path: Path) -> None:
    make_films(tmp_path, "removed.ts")
    index(film_home, tmp_path)
    with Library.open(film_home) as library:
        film = videos.resolve(library, "removed")
    page = open_page(f"/video/{film.id}?t=5")
    advances(page, 5.0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/piece.mp4" in request.url else None)
    (tmp_path / "removed.ts").unlink()
    page.evaluate("document.querySelector('video').currentTime = 200")
    expect(page.locator(".player .problem")).to_contain_text("removed.ts")
    assert len(asked) <= 2


BRIGHTNESS = """async (time) => {
  const film = document.querySelector("video");
  film.pause();
  film.currentTime = time;
  await new Promise((resolve) => film.addEventListener("seeked", resolve, { once: true }));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext("2d");
  pen.drawImage(film, 0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data[0];
}"""


@pytest.mark.parametrize("title", ["switch-copied", "switch-hevc", "switch-old", "switch-broadcast"])
def test_the_picture_is_that_of_the_time_to_the_frame(open_page: OpenPage, ids: dict[str, int], title: str) -> None:
    page = open_page(f"/video/{ids[title]}?t=4.5")
    advances(page, 4.5)
    assert page.evaluate(BRIGHTNESS, SWITCH_S - 0.06) < 60
    assert page.evaluate(BRIGHTNESS, SWITCH_S + 0.02) > 190


def test_a_photo_is_shown(open_page: OpenPage, ids: dict[str, int]) -> None:
    page = open_page(f"/video/{ids['photo']}")
    image = page.locator(".screen img")
    expect(image).to_be_visible()
    assert image.evaluate("async (image) => (await image.decode(), image.naturalWidth)") > 100


def test_the_transcript_follows_and_jumps(open_page: OpenPage, ids: dict[str, int]) -> None:
    page = open_page(f"/video/{ids['plain']}?t=4.5&q=dances")
    expect(page.locator("li[aria-current]")).to_contain_text("The bride walks")
    page.locator("#passages .jump").first.click()
    expect(page.locator("li[aria-current]")).to_contain_text("Welcome")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next hit").click()
    expect(page.locator("li[aria-current]")).to_contain_text("Everybody dances")


def test_texts_are_edited_noted_and_undone(open_page: OpenPage, ids: dict[str, int]) -> None:
    page = open_page(f"/video/{ids['plain']}")
    first = page.locator("#passages li").first
    first.get_by_role("button", name="Edit").click()
    first.locator("textarea").fill("Hello <b>garden</b>")
    first.get_by_role("button", name="Save").click()
    expect(page.locator("#passages .said").first).to_have_text("Hello <b>garden</b>")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#passages .said").first).to_have_text("Welcome to the garden")
    page.get_by_label("Note at this time").fill("Uncle Bob waves")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#passages li", has_text="Uncle Bob waves")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#passages li", has_text="Uncle Bob waves")).to_have_count(0)


def test_a_marked_part_is_cut(open_page: OpenPage, ids: dict[str, int], server: WebServer) -> None:
    page = open_page(f"/video/{ids['plain']}?t=2")
    advances(page, 2.0)
    page.get_by_role("button", name="Set in").click()
    page.evaluate("document.querySelector('video').currentTime = 6")
    page.get_by_role("button", name="Set out").click()
    page.get_by_role("button", name="Cut clip").click()
    expect(page.locator("#notice")).to_contain_text("Cut plain")
    assert list((server.home / "clips").glob("plain*.mp4"))


def test_status_shows_the_work_as_it_goes(open_page: OpenPage, film_home: Path) -> None:
    with FakeOllama() as ollama, web_server(film_home, env={"VIDLOCAL_OLLAMA_HOST": ollama.host}) as running:
        page = open_page("/status", on=running)
        expect(page.locator("#headline")).to_contain_text("frames 0/")
        page.get_by_label("Frames per video").fill("1")
        page.get_by_role("button", name="Start captions").click()
        expect(page.locator("#commands")).to_contain_text("done", timeout=60_000)
        link = page.locator("#by-video a").first
        link.evaluate("node => { node.dataset.old = 'yes'; node.focus() }")
        with running.client() as other:
            other.post("/api/v1/pause", json={})
        expect(page.locator("#by-video a[data-old]")).to_have_count(0)
        expect(link).to_be_focused()
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#headline")).not_to_contain_text("frames 0/")
        expect(page.locator("#reports progress")).not_to_have_count(0)
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#totals")).to_contain_text("Paused.")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#totals")).not_to_contain_text("Paused.")
        question = open_page("/ask", on=running)
        question.get_by_label("Question").fill("who walks down the aisle?")
        question.get_by_role("button", name="Ask").click()
        expect(question.locator("#answer p").nth(1)).to_be_visible(timeout=60_000)
        page.close()


def test_more_moments_are_shown_on_request(open_page: OpenPage, tmp_path: Path) -> None:
    with Library.open(tmp_path / "home", create=True) as library:
        for number in range(70):
            add_video(library, f"film {number}", [f"pigeon {number}"])
    with web_server(tmp_path / "home") as running:
        page = open_page("/?q=pigeon", on=running)
        expect(page.locator("#count")).to_have_text("60 or more moments")
        page.get_by_role("button", name="More moments").click()
        expect(page.locator("#count")).to_have_text("70 moments")
        expect(page.locator("#results .card")).to_have_count(70)
        expect(page.get_by_role("button", name="More moments")).to_be_hidden()


def test_going_back_shows_the_part_of_the_list_that_was_left(open_page: OpenPage) -> None:
    page = open_page("/videos", viewport={"width": 390, "height": 500})
    last = page.locator(".card").last
    last.scroll_into_view_if_needed()
    last.click()
    expect(page.locator(".timeline, .screen img").first).to_be_attached()
    page.go_back()
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()


def test_a_missing_video_is_reported_on_the_page(open_page: OpenPage) -> None:
    page = open_page("/video/9999")
    expect(page.locator("h1")).to_have_text("No video 9999.")
    expect(page.locator(".buttons")).to_have_count(0)


def test_a_server_that_ended_is_told_in_plain_words(open_page: OpenPage, tmp_path: Path) -> None:
    with web_server(make_family(tmp_path / "home")) as running:
        page = open_page("/?q=toast", on=running)
        expect(page.locator(".card")).to_have_count(1)
    page.locator("#q").fill("cake")
    expect(page.locator("#notice")).to_have_text("The server does not answer. Run: vidlocal serve")


def test_an_empty_result_links_to_videos_with_similar_names(open_page: OpenPage) -> None:
    page = open_page("/?q=countainer of ships")
    page.get_by_role("link", name="container").click()
    expect(page.locator("h1")).to_have_text("container")


def test_a_photo_has_no_controls_of_a_film(open_page: OpenPage, ids: dict[str, int]) -> None:
    page = open_page(f"/video/{ids['photo']}")
    expect(page.get_by_role("button", name="Open in player")).to_be_visible()
    expect(page.get_by_role("button", name="Cut clip")).to_be_hidden()
    expect(page.locator(".timeline")).to_be_hidden()


def test_the_keyboard_stays_at_the_text_that_was_edited(open_page: OpenPage, ids: dict[str, int]) -> None:
    page = open_page(f"/video/{ids['plain']}")
    second = page.locator("#passages li").nth(1)
    second.get_by_role("button", name="Edit").click()
    second.get_by_role("button", name="Save").press("Enter")
    expect(page.locator("#notice")).to_contain_text("Saved.")
    expect(page.locator("#passages li").nth(1).get_by_role("button", name="Edit")).to_be_focused()


def test_settings_are_saved_with_their_origin(open_page: OpenPage) -> None:
    page = open_page("/settings")
    field = page.get_by_label("every", exact=True)
    field.fill("3")
    field.press("Enter")
    expect(page.locator("#notice")).to_have_text("Saved every.")
    expect(page.locator("#every-help")).to_contain_text("settings.toml")
    field.fill("often")
    field.press("Enter")
    expect(page.locator("#notice")).to_contain_text("a number of seconds")
    field.fill("2")
    field.press("Enter")


def test_the_first_day_begins_with_nothing(open_page: OpenPage, tmp_path: Path) -> None:
    films = tmp_path / "films"
    make_films(films, "plain.mp4")
    with web_server(tmp_path / "new") as running:
        page = open_page("/videos", on=running)
        page.goto(f"{running.url}/welcome")
        expect(page.locator("#checks")).to_contain_text("ffmpeg", timeout=60_000)
        page.get_by_label("Folder with your videos").fill(str(films))
        page.get_by_role("button", name="Index").click()
        expect(page.locator("#index-progress")).to_contain_text("Indexed 1 files", timeout=120_000)
        page.get_by_role("link", name="Search", exact=True).click()
        expect(page.locator(".card")).to_have_count(1)


def test_hostile_texts_stay_texts(open_page: OpenPage, film_home: Path, ids: dict[str, int]) -> None:
    with Library.open(film_home) as library:
        old = videos.resolve(library, "old")
        texts = [
            Passage(float(n), n + 1.0, PassageKind.SPEECH, f"hostile {text}", speaker=f"Tom {text}")
            for n, text in enumerate(HOSTILE)
        ]
        passages.add(library, old.id, texts)
    page = open_page("/?q=hostile")
    expect(page.locator(".card b").first).to_contain_text("Tom ")
    assert page.locator("#results script, #results iframe, #results object").count() == 0
    assert page.evaluate("window.pwned") is None
    page.goto(f"{page.url.split('?')[0]}video/{ids['old']}?q={quote(HOSTILE[0])}")
    expect(page.locator("#passages li .who").first).to_contain_text(f"Tom {HOSTILE[0]}:")
    assert page.locator("#passages script, #passages img, #passages iframe").count() == 0
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(open_page: OpenPage, ids: dict[str, int], scheme: str) -> None:
    for path in (*PAGES, f"/video/{ids['plain']}?q=bride"):
        page = open_page(path, color_scheme=scheme, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
        page.wait_for_load_state("networkidle" if path != "/status" else "load")
        page.locator("h1").first.wait_for(state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert violations(page) == "", path
