"""Videos that are similar to a query by their names."""

import pytest

from tests.support.text_videos import add_video
from vidlocal.app.search.run import advice, name_advice, similar_names
from vidlocal.search.title_search import NamedVideo, similar_titles
from vidlocal.store.database import Library


def titles(library: Library, query: str) -> list[str]:
    return [video.title for video in similar_titles(library, query)]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("someone pours coffee", "pour over coffee"),
        ("a red flower", "flower"),
        ("rabit", "rabbit320"),
        ("chaplinn policeman", "chaplin"),
        ("coffe", "pour over coffee"),
        ("Blümen", "blumen im garten"),
    ],
)
def test_a_word_of_the_query_is_in_the_name(library: Library, query: str, title: str) -> None:
    for name in ("pour over coffee", "flower", "rabbit320", "chaplin", "blumen im garten", "countdown"):
        add_video(library, name, ["A plain background."])
    assert titles(library, query) == [title]


def test_videos_with_more_of_the_words_leave_out_those_with_fewer(library: Library) -> None:
    for name in ("birthday 2018", "birthday cake", "garden"):
        add_video(library, name, ["A plain background."])
    assert titles(library, "birthday cake with candles") == ["birthday cake"]
    assert titles(library, "the birthday of grandfather") == ["birthday 2018", "birthday cake"]


def test_other_words_and_words_of_nearly_all_names_are_similar_to_none(library: Library) -> None:
    for number in range(30):
        add_video(library, f"holiday {number}", ["A plain background."])
    assert titles(library, "our holiday") == []
    assert titles(library, "zebra") == titles(library, "the") == titles(library, "videos") == []


def test_names_are_listed_with_a_command() -> None:
    coffee, tea = NamedVideo(3, "coffee"), NamedVideo(4, "tea")
    assert name_advice([coffee]) == "Similar name: coffee. Run: vidlocal show id:3"
    assert name_advice([coffee, tea]) == "Similar names: coffee (3), tea (4). Run: vidlocal show id:3"
    assert name_advice([]) == ""


def test_a_filter_without_any_video_is_the_only_reason_given(library: Library) -> None:
    add_video(library, "coffee", ["A plain background."])
    assert advice(library, "video:nosuch cup") == advice(library, "camera:iphone") == "No results."
    assert advice(library, "video:coffee cup") == "No results. Try fewer or other words."
    assert similar_names(library, "video:coffee") == ()
