import pytest

from vidlocal.records import Word
from vidlocal.search.word_spans import phrase_span, words_span

SPOKEN = "So ask not what your country can do for you, ask what you can do for your country."
WORDS = tuple(Word(text, float(number), number + 0.8) for number, text in enumerate(SPOKEN.split()))


def test_a_phrase_is_found_word_for_word() -> None:
    assert phrase_span(WORDS, "your Country can do for you") == (4.0, 9.8)
    assert phrase_span(WORDS, '"can do for your country"') == (13.0, 17.8)
    assert phrase_span(WORDS, "country you can") is None
    assert phrase_span(WORDS, "") is None
    assert phrase_span((), "country") is None


def test_words_of_a_query_are_found_where_they_stand_closest() -> None:
    assert words_span(WORDS, "country ask") == (1.0, 5.8)
    assert words_span(WORDS, "country moon") == (5.0, 5.8)
    assert words_span(WORDS, "moon") is None


@pytest.mark.parametrize("phrase", ["我们好", "们好"])
def test_scripts_without_spaces_are_found_by_letters(phrase: str) -> None:
    words = [Word("我", 1.0, 1.2), Word("们", 1.2, 1.4), Word("好。", 1.4, 1.8)]
    assert phrase_span(words, phrase) == (1.0 if phrase[0] == "我" else 1.2, 1.8)
