"""The hours of the night in which the deep pass may work, by the clock on the wall."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from vidlocal.errors import SettingsError

_FORM = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` up to, not including, `closes`; over midnight when `closes` is the earlier hour.

    All decisions are made on local wall-clock time, so that 22:00 is 22:00 on the nights the clocks change.
    """

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M} to {self.closes:%H:%M}"

    def is_open(self, local: datetime) -> bool:
        now = local.time()
        if self.opens < self.closes:
            return self.opens <= now < self.closes
        return now >= self.opens or now < self.closes

    def next_opening(self, local: datetime) -> datetime:
        """The wall-clock time, without a zone, at which the window opens after `local`."""
        today = datetime.combine(local.date(), self.opens)
        naive = local.replace(tzinfo=None)
        return today if naive < today else today + timedelta(days=1)


def parse_window(text: str) -> Window:
    """A window from `22:00-07:00`. Raises SettingsError when it is not of that form."""
    match = _FORM.fullmatch(text.replace(" ", ""))
    if match is None:
        raise SettingsError(f"{text!r} is not a window of hours. Write it like 22:00-07:00.")
    opens_h, opens_m, closes_h, closes_m = map(int, match.groups())
    window = Window(time(opens_h, opens_m), time(closes_h, closes_m))
    if window.opens == window.closes:
        raise SettingsError(f"The window {text!r} opens and closes at the same time. Write it like 22:00-07:00.")
    return window
