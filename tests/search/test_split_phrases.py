import pytest

from tests.support.text_videos import add_video
from vidlocal.records import Moment, Passage, PassageKind
from vidlocal.render.highlight import find_matches, query_words
from vidlocal.search.run import search
from vidlocal.search.verbatim import VERBATIM_SCORE
from vidlocal.store.database import Library

SPEECH = ("Ask not what your", "country can do for", "you. Ask what you can do.", "Bananas are yellow.")


def add_lines(library: Library, title: str, texts: tuple[str, ...], kind: PassageKind = PassageKind.SPEECH) -> None:
    lines = [Passage(4.0 * number, 4.0 * number + 4, kind, text) for number, text in enumerate(texts)]
    add_video(library, title, lines)


def only(library: Library, query: str) -> Moment:
    (moment,) = search(library, query).moments
    return moment


@pytest.mark.parametrize(
    ("query", "span"),
    [
        ('"what your country"', (0.0, 8.0)),
        ('"your countries can do for you"', (0.0, 12.0)),
        ("your country can do for you", (0.0, 12.0)),
    ],
)
def test_phrase_over_lines_is_one_moment(library: Library, query: str, span: tuple[float, float]) -> None:
    add_lines(library, "speech", SPEECH)
    moment = only(library, query)
    assert (moment.start, moment.end) == span


def test_whole_phrase_is_shown_and_highlighted(library: Library) -> None:
    add_lines(library, "speech", SPEECH)
    moment = only(library, '"not what your country"')
    assert moment.text == "Ask not what your country can do for"
    assert moment.score == VERBATIM_SCORE
    marked = [moment.text[start:end] for start, end in find_matches(moment.text, query_words("not what your country"))]
    assert marked == ["not", "what", "your", "country"]


def test_phrase_over_lines_and_further_words(library: Library) -> None:
    add_lines(library, "speech", SPEECH)
    add_lines(library, "market", ("bananas from your", "own country"))
    assert only(library, '"your country" ask').video_title == "speech"


def test_phrase_over_lines_of_a_script_without_spaces(library: Library) -> None:
    add_lines(library, "speech", ("我们去拍全家", "福照片了"))
    moment = only(library, '"全家福"')
    assert (moment.start, moment.end) == (0.0, 8.0)


def test_excluded_phrase_over_lines(library: Library) -> None:
    add_lines(library, "speech", SPEECH)
    assert only(library, 'ask -"what your country"').text == "you. Ask what you can do."


def test_captions_and_lines_far_apart_hold_no_phrase_together(library: Library) -> None:
    add_lines(library, "film", ("a red", "country house"), PassageKind.SCENE)
    add_video(
        library,
        "speech",
        [Passage(0.0, 2.0, PassageKind.SPEECH, "the red"), Passage(60.0, 62.0, PassageKind.SPEECH, "country house")],
    )
    assert search(library, '"red country"').notice == 'No exact match for "red country"; searched for the words.'


def test_filters_hold_for_the_other_lines(library: Library) -> None:
    add_lines(library, "speech", SPEECH)
    moment = only(library, '"your country" -ask')
    assert (moment.start, moment.end) == (4.0, 8.0)
