import pytest

from tests.support.text_videos import add_video
from vidlocal.store.database import Library
from vidlocal.store.index import spelling


@pytest.fixture
def texts(library: Library) -> Library:
    add_video(
        library, "a", ["The wedding was lovely.", "Grandmother dances.", "Photosynthesis in leaves.", "Свадьба летом"]
    )
    return library


@pytest.mark.parametrize(
    ("typed", "intended"),
    [
        *(("weding", "wedding"), ("weddding", "wedding"), ("wedidng", "wedding"), ("webding", "wedding")),
        *(("dannces", "dances"), ("gramdmother", "grandmother"), ("цвадьба", "свадьба"), ("Lovély", None)),
    ],
)
def test_a_word_at_edit_distance_one_is_corrected(texts: Library, typed: str, intended: str | None) -> None:
    assert spelling.corrections(texts, typed) == ({typed: intended} if intended else {})


@pytest.mark.parametrize(
    "typed", ["wedding", "weddings", "photosyn", "wdng", "wexxing", "lobe", "婚礼婚礼婚", "12345", "\0\ud800"]
)
def test_indexed_short_and_distant_words_are_left_alone(texts: Library, typed: str) -> None:
    assert spelling.corrections(texts, typed) == {}


def test_the_more_frequent_word_wins(library: Library) -> None:
    add_video(library, "a", ["a bridle", "the bride", "the bride again"])
    assert spelling.corrections(library, "briide") == {"briide": "bride"}


def test_corrections_are_applied_to_the_query() -> None:
    assert spelling.apply("Weding CAKE", {"weding": "wedding"}) == "wedding cake"
    assert spelling.apply("Weding CAKE", {}) == "Weding CAKE"
