"""Subtitles of all the speech, and a few lines."""

from vidlocal.media.subtitles.cue_content import covers_speech
from vidlocal.records import Cue


def test_full_subtitles_are_distinguished_from_a_few_lines() -> None:
    film = 3600.0
    talk = [Cue(60.0 * minute, 60.0 * minute + 2.0, "Come in!") for minute in range(0, 60, 2)]
    assert covers_speech(talk, film)
    assert covers_speech(talk[:1], 10.0)
    assert covers_speech(talk[:1], 0.0)
    assert not covers_speech(talk[:2], film)
    assert not covers_speech([Cue(0.0, 3000.0, "[music]")], film)
    assert not covers_speech([], film)
