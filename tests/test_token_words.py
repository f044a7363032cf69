import pytest

from vidlocal.records import Word
from vidlocal.token_words import group_tokens


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([" And", " so", ",", " my"], ["And", "so,", "my"]),
        ([" ill", "-", "dis", "posed", "."], ["ill-disposed."]),
        (["我", "们", "好", "。", " OK"], ["我", "们", "好。", "OK"]),
        ([" ", "♪"], ["♪"]),
        ([], []),
    ],
)
def test_tokens_become_words(tokens: list[str], words: list[str]) -> None:
    timed = [(token.encode(), float(number), number + 0.5) for number, token in enumerate(tokens)]
    assert [word.text for word in group_tokens(timed)] == words


def test_a_letter_in_two_tokens_is_one_word_with_the_times_of_both() -> None:
    letter = "é".encode()
    tokens = [(b" caf" + letter[:1], 1.0, 1.5), (letter[1:], 1.5, 2.0), (b" x", 2.0, 2.5)]
    assert group_tokens(tokens) == (Word("café", 1.0, 2.0), Word("x", 2.0, 2.5))
