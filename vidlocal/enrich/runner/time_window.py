"""Night window and other times of day, by the wall clock."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from vidlocal.errors import SettingsError, UsageError

_TIME = r"([01]?\d|2[0-3]):([0-5]\d)"
_WINDOW = re.compile(f"{_TIME}-{_TIME}", re.ASCII)
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m(?:in)?)?", re.ASCII)

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Hours from `opens` to `closes` (exclusive); across midnight if `closes` is earlier.

    Decided by local wall-clock time, so 22:00 is 22:00 in nights of a clock change. Times that occur twice in such a
    night are inside, or outside, both times; skipped times never occur.
    """

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M} to {self.closes:%H:%M}"

    @property
    def length_s(self) -> float:
        """Seconds from opening to closing, in a night without a clock change."""
        opens, closes = (datetime.combine(datetime.min, at) for at in (self.opens, self.closes))
        return (closes - opens).total_seconds() % _DAY_S

    def is_open(self, local: datetime) -> bool:
        now = local.time()
        if self.opens < self.closes:
            return self.opens <= now < self.closes
        return now >= self.opens or now < self.closes

    def next_opening(self, local: datetime) -> datetime:
        """Naive wall-clock time of the next opening after `local`."""
        return next_occurrence(self.opens, local)


def next_occurrence(at: time, local: datetime) -> datetime:
    """Naive wall-clock time of the next occurrence of `at` after `local`."""
    naive = local.replace(tzinfo=None)
    today = datetime.combine(naive.date(), at)
    return today if naive < today else today + timedelta(days=1)


def parse_window(text: str) -> TimeWindow:
    """Parse `22:00-07:00`. Raises SettingsError."""
    match = _WINDOW.fullmatch(text.replace(" ", ""))
    if match is None:
        raise SettingsError(f"{text!r} is not a time window. Example: 22:00-07:00")
    opens_h, opens_m, closes_h, closes_m = map(int, match.groups())
    window = TimeWindow(time(opens_h, opens_m), time(closes_h, closes_m))
    if window.opens == window.closes:
        raise SettingsError(f"The window {text!r} starts and ends at the same time. Example: 22:00-07:00")
    return window


def parse_time(text: str) -> time:
    """Parse a time of day like `07:00`. Raises UsageError."""
    match = re.fullmatch(_TIME, text.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"{text!r} is not a time of day. Example: 07:00")
    return time(int(match[1]), int(match[2]))


def parse_duration(text: str) -> float:
    """Parse `3h`, `45m` or `1h30m` into seconds, at most a year. Raises UsageError."""
    match = _DURATION.fullmatch(text.replace(" ", "").lower())
    seconds = float(match[1] or 0) * 3600 + float(match[2] or 0) * 60 if match else 0.0
    if not 0 < seconds <= 366 * _DAY_S:
        raise UsageError(f"{text!r} is not a duration. Examples: 3h, 45m, 1h30m")
    return seconds
