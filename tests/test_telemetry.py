"""Readings of cameras: recognized among subtitles, and read as values."""

import pytest

from vidlocal.records import Cue
from vidlocal.telemetry import is_telemetry, readings, values


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "F/2.8, SS 320.0, ISO 100, EV 0, GPS (8.33, 46.57, 15), D 24.4m, H.S 0.00m/s, V.S -0.20m/s",
            {"F": "2.8", "SS": "320.0", "ISO": "100", "EV": "0", "GPS": "(8.33, 46.57, 15)", "D": "24.4m"}
            | {"H.S": "0.00m/s", "V.S": "-0.20m/s"},
        ),
        (
            "FrameCnt : 1, DiffTime : 33ms\n2019-09-25 01:22:35,118\n[shutter : 1/320.0] [rel_alt: 1.3 abs_alt: -5.5]",
            {"FrameCnt": "1", "DiffTime": "33ms", "shutter": "1/320.0", "rel_alt": "1.3", "abs_alt": "-5.5"}
            | {"clock": "2019-09-25 01:22:35,118"},
        ),
        (
            "HOME(149.0,-20.2) 2017.08.05 14:11:51\nBAROMETER:1.9\nEV: Fnum:2.2",
            {"HOME": "(149.0,-20.2)", "BAROMETER": "1.9", "Fnum": "2.2", "clock": "2017.08.05 14:11:51"},
        ),
        ("12/08/2015 13:22:01", {"clock": "12/08/2015 13:22:01"}),
        ("N 48.137 E 11.575 52 km/h", {"N": "48.137", "E": "11.575", "text": "N 48.137 E 11.575 52 km/h"}),
    ],
)
def test_values_have_the_names_of_the_camera(text: str, expected: dict[str, str]) -> None:
    assert values(text) == expected


def test_a_cue_per_frame_makes_a_reading_per_second() -> None:
    frames = [Cue(number / 30, (number + 1) / 30, f"ISO {number}") for number in range(91)]
    assert [reading.values["ISO"] for reading in readings(frames)] == ["0", "30", "60", "90"]
