"""When the deep pass may work."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from vidlocal.errors import SettingsError
from vidlocal.steps.window import parse_window

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("window", "clock", "is_open"),
    [
        ("22:00-07:00", "2026-11-20 21:59", False),
        ("22:00-07:00", "2026-11-20 22:00", True),
        ("22:00-07:00", "2026-11-20 23:59", True),
        ("22:00-07:00", "2026-11-21 00:00", True),
        ("22:00-07:00", "2026-11-21 06:59", True),
        ("22:00-07:00", "2026-11-21 07:00", False),
        ("22:00-07:00", "2026-11-21 12:00", False),
        ("01:00-05:00", "2026-11-21 00:59", False),
        ("01:00-05:00", "2026-11-21 01:00", True),
        ("01:00-05:00", "2026-11-21 05:00", False),
        ("1:00-5:00", "2026-11-21 02:30", True),
        # The night the clocks go back: 01:30 comes twice, both times inside; 07:00 is still the end.
        ("22:00-07:00", "2026-11-01 01:30", True),
        ("22:00-07:00", "2026-11-01 07:00", False),
        # The night they go forward: 02:30 does not exist, 03:30 does.
        ("22:00-07:00", "2026-03-08 03:30", True),
        ("02:30-03:00", "2026-03-08 03:30", False),
    ],
)
def test_the_window_goes_by_the_clock_on_the_wall(window: str, clock: str, is_open: bool) -> None:
    local = datetime.fromisoformat(clock).replace(tzinfo=NEW_YORK)
    assert parse_window(window).is_open(local) is is_open


@pytest.mark.parametrize(
    ("clock", "opening"),
    [
        ("2026-11-21 12:00", "2026-11-21 22:00"),
        ("2026-11-21 22:00", "2026-11-22 22:00"),
        ("2026-11-21 03:00", "2026-11-21 22:00"),
        ("2026-12-31 23:00", "2027-01-01 22:00"),
    ],
)
def test_the_next_opening_is_the_next_time_the_wall_clock_shows_it(clock: str, opening: str) -> None:
    assert parse_window("22:00-07:00").next_opening(datetime.fromisoformat(clock)) == datetime.fromisoformat(opening)


@pytest.mark.parametrize("text", ["", "22-7", "25:00-07:00", "22:00", "22:00-22:00", "ten to six"])
def test_a_window_that_makes_no_sense_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="22:00-07:00"):
        parse_window(text)
