"""Telemetry is told from dialogue."""

import pytest

from vidlocal.media.cue_content import covers_speech, is_telemetry
from vidlocal.records import Cue


def cues(*texts: str) -> list[Cue]:
    return [Cue(float(number), number + 1.0, text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    "text",
    [
        "F/2.8, SS 320.54, ISO 100, EV 0, GPS (8.6499, 53.1665, 15), D 24.5m, H 6.0m, H.S 0.0m/s, V.S 0.0m/s",
        "FrameCnt : 1, DiffTime : 33ms 2023-01-01 12:00:00,000 [iso : 110] [shutter : 1/1000.0] [fnum : 280] [ev : 0]",
        "HOME(149.0251,-20.2532) 2017.08.05 14:11:51",
        "12/08/2015 13:22:01",
    ],
)
def test_settings_positions_and_times_are_telemetry(text: str) -> None:
    assert is_telemetry(cues(*(f"{text} {number}" for number in range(5))))


def test_spoken_numbers_are_no_telemetry() -> None:
    assert not is_telemetry(cues("We met in 1984.", "On June 5, 1984.", "At 10:30?", "No, 11.", "Of course."))
    assert not is_telemetry(cues("3", "2", "1"))


def test_subtitles_of_the_speech_are_told_from_a_few_lines() -> None:
    film = 3600.0
    talk = [Cue(60.0 * minute, 60.0 * minute + 2.0, "Come in!") for minute in range(0, 60, 2)]
    assert covers_speech(talk, film)
    assert covers_speech(talk[:1], 10.0)
    assert covers_speech(talk[:1], 0.0)
    assert not covers_speech(talk[:2], film)
    assert not covers_speech([Cue(0.0, 3000.0, "[music]")], film)
    assert not covers_speech([], film)
