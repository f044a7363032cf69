"""Whether the deep pass may work at this moment."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from statistics import fmean
from typing import ClassVar, Protocol

from vidlocal.enrich.runner.time_window import Window, next_showing
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.timecode import format_duration

# How old a ruling may be. Loops look far more often; conditions cost a query or a look at the machine.
_RULING_LASTS_S = 1.0

# Share of all processors that other programs use. Two thresholds and two spans keep it from flapping: a film
# that is being watched stops us within half a minute, a mail that comes in does not, and after two quiet
# minutes nobody is at the machine.
BUSY_FROM = 0.35
BUSY_AFTER_S = 30.0
CALM_BELOW = 0.15
CALM_AFTER_S = 120.0
_SAMPLE_EVERY_S = 10.0
# Two samples further apart say nothing of now. Between them lies at most one speech job.
_SAMPLES_BELONG_S = 900.0

_POWER_EVERY_S = 10.0


class When(StrEnum):
    """What the machine must be like: not in use and not on battery, not on battery, or anything."""

    IDLE = "idle"
    PLUGGED = "plugged"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Ruling:
    """`go`: start more work. Otherwise hold: finish what is in flight and look again. `over`: why the run ends now."""

    go: bool
    over: str | None = None


class Gate(Protocol):
    def look(self) -> Ruling:
        """The ruling for this moment, at once. A change is said once, in a calm sentence."""
        ...


class Open:
    """Always."""

    def look(self) -> Ruling:
        return Ruling(go=True)


class Condition(Protocol):
    """Something that must hold for work to be started. `name` is one word for the report."""

    name: ClassVar[str]

    def why_not(self) -> str | None:
        """Why nothing may be started now, in a sentence; None when it may. At once."""
        ...


class End(Protocol):
    """Something that ends the run."""

    def why_over(self) -> str | None:
        """Why the run ends now, in a sentence; None when it does not."""
        ...


class Schedule:
    """A gate of conditions that must all be met, the first unmet one speaking for all, and of ends.

    `now` is monotonic, in seconds. `turned` is told of every change: which condition holds the work now and why, None
    when it may go on. It is told before the sentence is said.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        ends: Sequence[End] = (),
        *,
        now: Callable[[], float],
        say: Callable[[str], None],
        turned: Callable[[Condition | None, str], None] = lambda held_by, why: None,
    ) -> None:
        self._conditions = conditions
        self._ends = ends
        self._now = now
        self._say = say
        self._turned = turned
        self._looked_at: float | None = None
        self._ruling = Ruling(go=False)
        self._held_by: Condition | None = None

    def look(self) -> Ruling:
        now = self._now()
        if self._looked_at is None or now - self._looked_at >= _RULING_LASTS_S:
            first = self._looked_at is None
            self._looked_at = now
            self._ruling = self._rule(first=first)
        return self._ruling

    def _rule(self, *, first: bool) -> Ruling:
        over = next((why for end in self._ends if (why := end.why_over())), None)
        if over is not None:
            return Ruling(go=False, over=over)
        held_by, why = next(
            ((condition, why) for condition in self._conditions if (why := condition.why_not())), (None, "Going on.")
        )
        if first or held_by is not self._held_by:
            self._held_by = held_by
            self._turned(held_by, why)
            if held_by is not None or not first:
                self._say(why)
        return Ruling(go=held_by is None)


@dataclass(frozen=True, slots=True)
class Night:
    """Inside the window only. `local` is the clock on the wall."""

    window: Window
    local: Callable[[], datetime]
    name: ClassVar[str] = "window"

    def why_not(self) -> str | None:
        local = self.local()
        if self.window.is_open(local):
            return None
        opening = self.window.next_opening(local)
        return f"Waiting until {opening:%H:%M}; the night window is {self.window}. Ctrl-C ends the waiting."


class Unpaused:
    """Not while `vidlocal pause` holds: an entry in the library that reaches every process at work on it."""

    name: ClassVar[str] = "paused"

    def __init__(self, library: Library) -> None:
        self._library = library

    def why_not(self) -> str | None:
        since = facts.get(self._library, facts.PAUSED)
        return "Paused, as vidlocal pause asked for. Go on with: vidlocal resume" if since else None


class Plugged:
    """Not on battery. `on_battery` tells; it is asked now and then."""

    name: ClassVar[str] = "battery"

    def __init__(self, on_battery: Callable[[], bool], now: Callable[[], float]) -> None:
        self._on_battery = on_battery
        self._now = now
        self._asked_at: float | None = None
        self._answer = False

    def why_not(self) -> str | None:
        now = self._now()
        if self._asked_at is None or now - self._asked_at >= _POWER_EVERY_S:
            self._asked_at, self._answer = now, self._on_battery()
        return "Holding while the machine runs on battery." if self._answer else None


class Idle:
    """Not while other programs keep the machine busy.

    `load` gives the share of all processors that others used since it was asked last, 0 to 1, None when that
    cannot be told; what cannot be told holds nobody up.
    """

    name: ClassVar[str] = "busy"

    def __init__(self, load: Callable[[], float | None], now: Callable[[], float]) -> None:
        self._load = load
        self._now = now
        self._sampled_at: float | None = None
        self._since = 0.0
        self._busy = False
        self._samples: deque[tuple[float, float]] = deque(maxlen=round(CALM_AFTER_S / _SAMPLE_EVERY_S))

    def why_not(self) -> str | None:
        now = self._now()
        if self._sampled_at is None or now - self._sampled_at >= _SAMPLE_EVERY_S:
            self._sample(now)
            self._decide(now)
        return "Holding while other programs use the machine." if self._busy else None

    def _sample(self, now: float) -> None:
        share = self._load()
        belongs = self._sampled_at is not None and now - self._sampled_at <= _SAMPLES_BELONG_S
        self._sampled_at = now
        if belongs and share is not None:
            self._samples.append((now, share))
        else:
            self._turn(now, busy=False)

    def _decide(self, now: float) -> None:
        span = CALM_AFTER_S if self._busy else BUSY_AFTER_S
        recent = [share for at, share in self._samples if at > now - span]
        if not recent or now - self._since < span:
            return
        if self._busy and fmean(recent) < CALM_BELOW:
            self._turn(now, busy=False)
        elif not self._busy and fmean(recent) > BUSY_FROM:
            self._turn(now, busy=True)

    def _turn(self, now: float, *, busy: bool) -> None:
        """Decide, and look at what comes from here on before the next decision."""
        self._busy, self._since = busy, now
        self._samples.clear()


class Until:
    """The run ends when the clock on the wall next shows `at`, or shows that it has passed."""

    def __init__(self, at: time, local: Callable[[], datetime]) -> None:
        self._local = local
        self._ends = next_showing(at, local())

    def why_over(self) -> str | None:
        return f"It is {self._ends:%H:%M}." if self._local().replace(tzinfo=None) >= self._ends else None


class For:
    """The run ends after so many seconds in which the machine was awake. `now` is monotonic."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._ends = now() + seconds

    def why_over(self) -> str | None:
        return f"{format_duration(self._seconds)} have passed." if self._now() >= self._ends else None
