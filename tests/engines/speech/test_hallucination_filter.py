"""Typical hallucinations of speech models are removed from transcripts."""

import pytest

from vidlocal.engines.speech.hallucination_filter import remove_farewells, remove_hallucinations
from vidlocal.records import Cue


def texts(*lines: str, gap: float = 0.0) -> list[str]:
    cues = [Cue(number * (2 + gap), number * (2 + gap) + 2, text) for number, text in enumerate(lines)]
    return [cue.text for cue in remove_hallucinations(cues)]


def test_a_looping_line_is_kept_once() -> None:
    assert texts("Hello.", *["Thank you."] * 6, "thank you", "Bye.") == ["Hello.", "Thank you.", "Bye."]


def test_a_repeated_or_paused_line_is_kept() -> None:
    assert texts("Yes.", "Yes.") == ["Yes.", "Yes."]
    assert texts(*["Push!"] * 5, gap=1.0) == ["Push!"] * 5


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("and then and then and then and then and then and then", "and then"),
        ("No, no, no, no!", "No, no, no, no!"),
        ("ha" * 12, "ha"),
        ("谢谢" * 9, "谢"),
    ],
)
def test_looping_words_in_a_line_are_kept_once(text: str, result: str) -> None:
    assert texts(text) == [result]


@pytest.mark.parametrize("remark", ["[Music]", "(applause)", "*laughs*", "[BLANK_AUDIO]", "♪♪♪", "...", "【音楽】"])
def test_remarks_about_sounds_are_removed(remark: str) -> None:
    assert texts(remark) == []


def test_words_beside_a_remark_are_kept() -> None:
    assert texts("[cheering] We did it!", "♪ Happy birthday ♪") == ["We did it!", "Happy birthday"]


@pytest.mark.parametrize(
    "credit",
    [
        "Untertitel der Amara.org-Community",
        "Untertitelung des ZDF, 2020",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Sous-titrage Société Radio-Canada par Anne",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Legendas pela comunidade Amara.org",
        "Sottotitoli e revisione a cura di QTSS",
        "Субтитры сделал DimaTorzok",
        "Subtitles by the Amara.org community",
        "字幕by索兰娅",
    ],
)
def test_credits_of_subtitles_are_removed(credit: str) -> None:
    assert remove_hallucinations([Cue(0.0, 2.0, credit), Cue(3.0, 4.0, "Hello.")]) == (Cue(3.0, 4.0, "Hello."),)


@pytest.mark.parametrize(
    "text", ["Thank you.", "I read the subtitles of the film.", "Thanks for watching this with me."]
)
def test_speech_about_subtitles_stays(text: str) -> None:
    assert remove_hallucinations([Cue(0.0, 2.0, text)]) == (Cue(0.0, 2.0, text),)


def test_a_farewell_is_kept_if_the_model_is_sure_and_says_it_once() -> None:
    sure, unsure = (Cue(0.0, 2.0, "Thanks for watching!", "en", value) for value in (0.95, 0.4))
    speech = Cue(4.0, 6.0, "Thank you.", "en", 0.3)
    assert remove_farewells([sure, speech]) == (sure, speech)
    assert remove_farewells([unsure, speech]) == (speech,)
    assert remove_farewells([sure, sure, sure, speech]) == (speech,)


@pytest.mark.parametrize(
    "text",
    [
        "ご視聴ありがとうございました",
        "Please subscribe to my channel!",
        "谢谢大家观看",
        "Спасибо за просмотр!",
        "Merci d'avoir regardé cette vidéo !",
        "Gracias por ver el video.",
    ],
)
def test_farewells_of_many_languages_are_known(text: str) -> None:
    assert remove_farewells([Cue(0.0, 2.0, text, None, 0.5)]) == ()
