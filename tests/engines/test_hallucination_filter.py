import pytest

from vidlocal.engines.hallucination_filter import remove_hallucinations
from vidlocal.records import Cue


def texts(*said: str, gap: float = 0.0) -> list[str]:
    cues = [Cue(number * (2 + gap), number * (2 + gap) + 2, text) for number, text in enumerate(said)]
    return [cue.text for cue in remove_hallucinations(cues)]


def test_a_line_that_loops_is_kept_once() -> None:
    assert texts("Hello.", *["Thank you."] * 6, "thank you", "Bye.") == ["Hello.", "Thank you.", "Bye."]


def test_a_line_said_twice_or_with_pauses_is_kept() -> None:
    assert texts("Yes.", "Yes.") == ["Yes.", "Yes."]
    assert texts(*["Push!"] * 5, gap=1.0) == ["Push!"] * 5


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("and then and then and then and then and then and then", "and then"),
        ("No, no, no, no!", "No, no, no, no!"),
        ("ha" * 12, "ha"),
        ("谢谢" * 9, "谢"),
    ],
)
def test_words_that_loop_inside_a_line_are_kept_once(said: str, kept: str) -> None:
    assert texts(said) == [kept]


@pytest.mark.parametrize("remark", ["[Music]", "(applause)", "*laughs*", "[BLANK_AUDIO]", "♪♪♪", "...", "【音楽】"])
def test_remarks_about_the_sound_are_no_words(remark: str) -> None:
    assert texts(remark) == []


def test_words_beside_a_remark_stay() -> None:
    assert texts("[cheering] We did it!", "♪ Happy birthday ♪") == ["We did it!", "Happy birthday"]
