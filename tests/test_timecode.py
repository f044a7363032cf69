"""Formatting of dates."""

import time
from collections.abc import Iterator

import pytest

from vidlocal.timecode import format_date


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
