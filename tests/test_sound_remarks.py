"""Remarks about sounds are told from words, in any script."""

import pytest

from vidlocal.records import Cue, Word
from vidlocal.sound_remarks import has_dialogue, merge_sounds, remarks, sound_cues, without_remarks


@pytest.mark.parametrize(
    "text", ["[door slams]", "(laughter) [applause]", "♪ la la ♪", "*sighs*", "（笑い）", "- [music playing]", ""]
)
def test_remarks_and_songs_alone_are_no_dialogue(text: str) -> None:
    assert not has_dialogue(text)


def test_one_sentence_is_dialogue() -> None:
    assert has_dialogue("[Tom] Come in!")


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("[Music]", ("Music",)),
        (" (applause).", ("applause",)),
        ("[ DOOR_SLAMS ] (laughter)", ("DOOR SLAMS", "laughter")),
        ("*laughs* So what?", ("laughs",)),
        ("（笑い）", ("笑い",)),
        ("【音楽】", ("音楽",)),
        ("♪♪♪", ("music",)),
        ("♪ Happy birthday ♪", ()),
        ("[BLANK_AUDIO]", ()),
        ("(silence)", ()),
        ("[...]", ()),
        ("Hello.", ()),
    ],
)
def test_sounds_are_named_without_brackets(text: str, sounds: tuple[str, ...]) -> None:
    assert remarks(text) == sounds


def test_words_beside_a_remark_stay() -> None:
    assert without_remarks("[cheering] We did it! (laughter)") == "We did it!"
    assert without_remarks("♪ Happy birthday ♪") == "Happy birthday"


def test_the_same_sound_without_a_gap_is_one() -> None:
    words = (Word("[Music]", 0.0, 30.0),)
    cues = [Cue(0.0, 30.0, "[Music]", "en", 0.5, words), Cue(31.0, 60.0, "[MUSIC]"), Cue(70.0, 80.0, "[Music]")]
    assert sound_cues(cues) == (Cue(0.0, 60.0, "Music", "en", 0.5), Cue(70.0, 80.0, "Music"))
    assert merge_sounds([Cue(0.0, 2.0, "rain"), Cue(3.0, 4.0, "rain")]) == (Cue(0.0, 4.0, "rain"),)
