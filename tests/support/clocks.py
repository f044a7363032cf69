"""Clocks set by hand."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass
class Wall:
    """A monotonic clock and an adjustable wall clock for tests."""

    at: float = 1000.0
    shows: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 21, 0, tzinfo=ZoneInfo("Europe/Berlin")))

    def now(self) -> float:
        return self.at

    def local(self) -> datetime:
        return self.shows

    def pass_time(self, seconds: float) -> None:
        self.at += seconds
        self.shows += timedelta(seconds=seconds)
