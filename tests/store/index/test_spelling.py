import pytest

from tests.support.text_videos import add_video
from vidlocal.store.database import Library
from vidlocal.store.index import spelling


@pytest.fixture
def told(library: Library) -> Library:
    add_video(
        library, "a", ["The wedding was lovely.", "Grandmother dances.", "Photosynthesis in leaves.", "Свадьба летом"]
    )
    return library


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("weding", "wedding"), ("weddding", "wedding"), ("wedidng", "wedding"), ("webding", "wedding")),
        *(("dannces", "dances"), ("gramdmother", "grandmother"), ("цвадьба", "свадьба"), ("Lovély", None)),
    ],
)
def test_one_slip_is_put_right(told: Library, typed: str, meant: str | None) -> None:
    assert spelling.corrections(told, typed) == ({typed: meant} if meant else {})


@pytest.mark.parametrize(
    "typed", ["wedding", "weddings", "photosyn", "wdng", "wexxing", "lobe", "婚礼婚礼婚", "12345", "\0\ud800"]
)
def test_what_is_known_short_or_further_off_is_left_alone(told: Library, typed: str) -> None:
    assert spelling.corrections(told, typed) == {}


def test_the_more_usual_word_is_meant(library: Library) -> None:
    add_video(library, "a", ["a bridle", "the bride", "the bride again"])
    assert spelling.corrections(library, "briide") == {"briide": "bride"}


def test_corrected_words_stand_in_the_query() -> None:
    assert spelling.apply("Weding CAKE", {"weding": "wedding"}) == "wedding cake"
    assert spelling.apply("Weding CAKE", {}) == "Weding CAKE"
