import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from vidlocal.records import Moment, PassageKind
from vidlocal.render.page import Card, page

EVIL = "<img src=x onerror=alert(1)>\"'&</p><script>bride</script>"


class Tags(HTMLParser):
    """Every tag with its attributes, and all text outside of style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def moment(text: str = "the bride walks", title: str = "wedding", path: str = "/videos/a b#1?.mp4") -> Moment:
    return Moment(1, title, path, 3.1, 5.0, 0.9, (PassageKind.SPEECH,), text, ())


def test_texts_titles_names_and_queries_are_escaped() -> None:
    written = page(EVIL, [Card(moment(EVIL, EVIL, f"/videos/{EVIL}.mp4"), b"jpeg")])
    seen = Tags(written)
    assert seen.text.count("<img src=x onerror=alert(1)>") >= 3
    assert "script" not in {tag for tag, _ in seen.tags}
    assert not [name for _, names in seen.tags for name in names if name.startswith("on")]
    images = [names["poster"] for tag, names in seen.tags if tag == "video"]
    assert images == ["data:image/jpeg;base64," + base64.b64encode(b"jpeg").decode()]


def test_the_page_cannot_load_or_run_anything() -> None:
    written = page("bride", [Card(moment(), None)])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', written)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:; media-src file:; style-src 'sha256-")
    style = re.search(r"<style>(.*?)</style>", written, re.DOTALL)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r'(src|href)="(?!data:|file:///)', written)


def test_a_moment_links_to_its_file_and_time_and_highlights_the_query() -> None:
    written = page("brides", [Card(moment(), None)])
    assert 'href="file:///videos/a%20b%231%3F.mp4#t=3.1"' in written
    assert "the <mark>bride</mark> walks" in written


@pytest.mark.parametrize(
    "path",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example/x", "http://evil.example", "\\\\evil\\x", "", " "],
)
def test_any_path_is_a_link_to_a_file(path: str) -> None:
    written = page("bride", [Card(moment(path=path), None)])
    for link in re.findall(r'href="([^"]*)"', written):
        scheme, colon, rest = link.partition(":")
        assert not colon or scheme == "file", link
        assert scheme != "file" or rest.startswith("///"), link
        assert not link.startswith("//"), link


def test_moments_without_a_good_match_are_called_nearest() -> None:
    assert "<p>No good match. Nearest matches:</p>" in page("query", [], is_confident=False)
    assert "Nearest" not in page("query", [])


def test_a_moment_has_a_player_that_loads_nothing_by_itself() -> None:
    [player] = [names for tag, names in Tags(page("bride", [Card(moment(), b"jpeg")])).tags if tag == "video"]
    assert player["preload"] == "none"
    assert player["src"] == "file:///videos/a%20b%231%3F.mp4#t=3.1"
