"""The hours in which the deep pass may work, by the clock on the wall."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from vidlocal.errors import SettingsError, UsageError

_TIME = r"([01]?\d|2[0-3]):([0-5]\d)"
_WINDOW = re.compile(f"{_TIME}-{_TIME}", re.ASCII)
_LASTING = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m(?:in)?)?", re.ASCII)

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` up to, not including, `closes`; over midnight when `closes` is the earlier hour.

    All decisions are made on local wall-clock time, so that 22:00 is 22:00 on the nights the clocks change.
    What the clock shows twice in such a night is inside, or outside, both times; what it skips never comes.
    """

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M} to {self.closes:%H:%M}"

    @property
    def length_s(self) -> float:
        """Seconds from opening to closing, on a night in which the clocks do not change."""
        opens, closes = (datetime.combine(datetime.min, at) for at in (self.opens, self.closes))
        return (closes - opens).total_seconds() % _DAY_S

    def is_open(self, local: datetime) -> bool:
        now = local.time()
        if self.opens < self.closes:
            return self.opens <= now < self.closes
        return now >= self.opens or now < self.closes

    def next_opening(self, local: datetime) -> datetime:
        """The wall-clock time, without a zone, at which the window opens after `local`."""
        return next_showing(self.opens, local)


def next_showing(at: time, local: datetime) -> datetime:
    """The wall-clock time, without a zone, at which the clock shows `at` after `local`."""
    naive = local.replace(tzinfo=None)
    today = datetime.combine(naive.date(), at)
    return today if naive < today else today + timedelta(days=1)


def parse_window(text: str) -> Window:
    """A window from `22:00-07:00`. Raises SettingsError when it is not of that form."""
    match = _WINDOW.fullmatch(text.replace(" ", ""))
    if match is None:
        raise SettingsError(f"{text!r} is not a window of hours. Write it like 22:00-07:00.")
    opens_h, opens_m, closes_h, closes_m = map(int, match.groups())
    window = Window(time(opens_h, opens_m), time(closes_h, closes_m))
    if window.opens == window.closes:
        raise SettingsError(f"The window {text!r} opens and closes at the same time. Write it like 22:00-07:00.")
    return window


def parse_time(text: str) -> time:
    """A time of day from `07:00`. Raises UsageError."""
    match = re.fullmatch(_TIME, text.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"{text!r} is not a time of day. Write it like 07:00.")
    return time(int(match[1]), int(match[2]))


def parse_lasting(text: str) -> float:
    """Seconds from `3h`, `45m` or `1h30m`, at most a year of them. Raises UsageError."""
    match = _LASTING.fullmatch(text.replace(" ", "").lower())
    seconds = float(match[1] or 0) * 3600 + float(match[2] or 0) * 60 if match else 0.0
    if not 0 < seconds <= 366 * _DAY_S:
        raise UsageError(f"{text!r} is not a length of time. Write it like 3h, 45m or 1h30m.")
    return seconds
