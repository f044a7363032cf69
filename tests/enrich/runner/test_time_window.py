"""Working hours of the deep pass."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from vidlocal.enrich.runner.time_window import next_occurrence, parse_duration, parse_time, parse_window
from vidlocal.errors import SettingsError, UsageError

# A day from noon to noon on the wall: the zone, the day it begins, the window, and the spans in UTC in which it is
# open. The days on which clocks change come with what the clock shows twice or skips inside, outside and at the ends.
DAYS = [
    ("UTC", "2026-11-20", "22:00-07:00", ["20 22:00 to 21 07:00"]),
    ("UTC", "2026-11-20", "01:00-05:00", ["21 01:00 to 21 05:00"]),
    ("UTC", "2026-11-20", "22:00-00:00", ["20 22:00 to 21 00:00"]),
    ("UTC", "2026-11-20", "00:00-06:00", ["21 00:00 to 21 06:00"]),
    ("UTC", "2026-11-20", "23:59-00:01", ["20 23:59 to 21 00:01"]),
    ("UTC", "2026-11-20", "13:00-12:59", ["20 13:00 to 21 12:00", "20 12:00 to 20 12:59"]),
    ("UTC", "2026-12-31", "22:00-07:00", ["31 22:00 to 01 07:00"]),
    ("UTC", "2028-02-28", "22:00-07:00", ["28 22:00 to 29 07:00"]),
    # The clocks go forward: the night is an hour shorter.
    ("America/New_York", "2026-03-07", "22:00-06:00", ["08 03:00 to 08 10:00"]),
    ("America/New_York", "2026-03-07", "22:00-02:30", ["08 03:00 to 08 07:00"]),
    ("America/New_York", "2026-03-07", "02:30-06:00", ["08 07:00 to 08 10:00"]),
    ("America/New_York", "2026-03-07", "02:15-02:45", []),
    ("Europe/Berlin", "2026-03-28", "22:00-07:00", ["28 21:00 to 29 05:00"]),
    # They go back: an hour longer, and what is shown twice counts twice.
    ("America/New_York", "2026-10-31", "22:00-06:00", ["01 02:00 to 01 11:00"]),
    ("America/New_York", "2026-10-31", "22:00-01:30", ["01 02:00 to 01 05:30", "01 06:00 to 01 06:30"]),
    ("America/New_York", "2026-10-31", "01:30-06:00", ["01 05:30 to 01 06:00", "01 06:30 to 01 11:00"]),
    ("America/New_York", "2026-10-31", "01:15-01:45", ["01 05:15 to 01 05:45", "01 06:15 to 01 06:45"]),
    ("Europe/Berlin", "2026-10-24", "22:00-07:00", ["24 20:00 to 25 06:00"]),
    # Half an hour, on an island; midnight itself that does not exist, and that comes twice.
    ("Australia/Lord_Howe", "2026-04-04", "22:00-07:00", ["04 11:00 to 04 20:30"]),
    ("Australia/Lord_Howe", "2026-10-03", "22:00-07:00", ["03 11:30 to 03 20:00"]),
    ("Asia/Beirut", "2026-03-28", "00:00-06:00", ["28 22:00 to 29 03:00"]),
    ("Asia/Beirut", "2026-10-24", "23:30-06:00", ["24 20:30 to 24 21:00", "24 21:30 to 25 04:00"]),
    # Zones off the hour and far from Greenwich.
    ("Asia/Kathmandu", "2026-11-20", "22:00-07:00", ["20 16:15 to 21 01:15"]),
    ("Pacific/Kiritimati", "2026-11-20", "22:00-07:00", ["20 08:00 to 20 17:00"]),
]


def spans_open(zone: str, day: str, window: str) -> list[str]:
    """When the window is open from noon of `day` to the next, found minute by minute."""
    hours = parse_window(window)
    noon = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=ZoneInfo(zone))
    at, end = noon.astimezone(UTC), (noon + timedelta(days=1)).astimezone(UTC)
    opened: datetime | None = None
    spans = []
    while at <= end:
        is_open = at < end and hours.is_open(at.astimezone(ZoneInfo(zone)))
        if is_open and opened is None:
            opened = at
        if not is_open and opened is not None:
            spans.append(f"{opened:%d %H:%M} to {at:%d %H:%M}")
            opened = None
        at += timedelta(minutes=1)
    return spans


@pytest.mark.parametrize(("zone", "day", "window", "spans"), DAYS)
def test_the_window_goes_by_the_clock_on_the_wall(zone: str, day: str, window: str, spans: list[str]) -> None:
    assert sorted(spans_open(zone, day, window)) == sorted(spans)


def test_there_are_twenty_four_days() -> None:
    assert len(DAYS) == 24


@pytest.mark.parametrize(
    ("window", "hours"), [("22:00-07:00", 9.0), ("01:00-05:00", 4.0), ("22:00-00:00", 2.0), ("23:30-06:15", 6.75)]
)
def test_a_window_knows_its_length(window: str, hours: float) -> None:
    assert parse_window(window).length_s == hours * 3600


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


def test_past_time_of_day_means_tomorrow() -> None:
    assert next_occurrence(time(7, 0), datetime(2026, 11, 21, 23, 0, tzinfo=UTC)) == datetime(2026, 11, 22, 7, 0)


@pytest.mark.parametrize("text", ["", "22-7", "25:00-07:00", "22:00", "22:00-22:00", "ten to six", "٢٢:00-07:00"])
def test_invalid_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="22:00-07:00"):
        parse_window(text)


@pytest.mark.parametrize(("text", "at"), [("07:00", time(7)), ("7:05", time(7, 5)), (" 23:59 ", time(23, 59))])
def test_a_time_of_day_is_read(text: str, at: time) -> None:
    assert parse_time(text) == at


@pytest.mark.parametrize("text", ["", "7", "24:00", "7:5", "seven", "07:00:00"])
def test_invalid_time_of_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="07:00"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("3h", 10_800), ("45m", 2_700), ("1h30m", 5_400), ("1.5h", 5_400), ("2H 15 min", 8_100)]
)
def test_a_length_of_time_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0h", "3", "h", "-1h", "1d", "3h3h", "inf h", "9999999h"])
def test_invalid_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="1h30m"):
        parse_duration(text)
