"""Formatting of dates."""

import time
from collections.abc import Iterator

import pytest

from vidlocal.timecode import format_date, parse_time


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2016-02-06T07:53:22Z", "2016-02-06 02:53"),
        ("2026-11-21T15:54:41+00:00", "2026-11-21 10:54"),
        ("2019-06-02T14:00:00+02:00", "2019-06-02 14:00"),
        ("2019-06-02T14:00:00", "2019-06-02 14:00"),
        ("2019-06-02", "2019-06-02"),
        ("2019", "2019"),
        ("Tuesday", "Tuesday"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_utc_is_converted_to_local_time(new_york: None, stored: str, shown: str) -> None:
    assert format_date(stored) == shown


@pytest.mark.parametrize("text", ["nan", "inf", "-1e400", "9" * 400, "9" * 5_000 + ":00:00", "9" * 20 + ":00:00"])
def test_a_time_longer_than_any_video_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)
