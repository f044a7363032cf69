"""Schedule of the deep pass: conditions for work, and events to end the run."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from statistics import fmean
from typing import ClassVar, Protocol

from vidlocal.enrich.runner.time_window import TimeWindow, next_occurrence
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.timecode import format_duration

# Maximum age of a decision. Loops ask far more often; a condition costs a query or a reading of the system.
_DECISION_TTL_S = 1.0

# CPU share of other programs, 0 to 1. Hysteresis with two thresholds and two spans: watching a film holds the work
# within half a minute, an incoming mail does not, and after two quiet minutes the machine counts as unused.
BUSY_ABOVE = 0.35
BUSY_AFTER_S = 30.0
CALM_BELOW = 0.15
CALM_AFTER_S = 120.0
_SAMPLE_INTERVAL_S = 10.0
# Samples further apart are discarded. At most one speech job lies between two samples.
_MAX_SAMPLE_GAP_S = 900.0

_POWER_INTERVAL_S = 10.0


class When(StrEnum):
    """Required state of the machine: unused and on mains, on mains, or any."""

    IDLE = "idle"
    PLUGGED = "plugged"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Decision:
    """`go`: start more work, else finish the requests in flight and wait. `over`: reason to end the run now."""

    go: bool
    over: str | None = None


class Scheduler(Protocol):
    """Decides at any moment if work may start."""

    def decide(self) -> Decision:
        """Return the current decision without blocking. A change is announced once."""
        ...


class AlwaysOn:
    """A schedule without conditions."""

    def decide(self) -> Decision:
        return Decision(go=True)


class Condition(Protocol):
    """A condition for starting work. `name` is one word for the report."""

    name: ClassVar[str]

    def hold_reason(self) -> str | None:
        """Return a sentence with the reason to hold, or None. Does not block."""
        ...


class End(Protocol):
    """An event to end the run."""

    def end_reason(self) -> str | None:
        """Return a sentence with the reason to end the run now, or None."""
        ...


class Schedule:
    """Work while all conditions are met, until the first end. The first unmet condition gives the reason.

    `now` is monotonic, in seconds. `on_change(condition, reason)` is called on every change, before `notify`; the
    condition is None when work may go on.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        ends: Sequence[End] = (),
        *,
        now: Callable[[], float],
        notify: Callable[[str], None],
        on_change: Callable[[Condition | None, str], None] = lambda condition, reason: None,
    ) -> None:
        self._conditions = conditions
        self._ends = ends
        self._now = now
        self._notify = notify
        self._on_change = on_change
        self._decided_at: float | None = None
        self._decision = Decision(go=False)
        self._unmet: Condition | None = None

    def decide(self) -> Decision:
        now = self._now()
        if self._decided_at is None or now - self._decided_at >= _DECISION_TTL_S:
            is_first = self._decided_at is None
            self._decided_at = now
            self._decision = self._evaluate(is_first=is_first)
        return self._decision

    def _evaluate(self, *, is_first: bool) -> Decision:
        over = next((reason for end in self._ends if (reason := end.end_reason())), None)
        if over is not None:
            return Decision(go=False, over=over)
        unmet, reason = next(
            ((condition, reason) for condition in self._conditions if (reason := condition.hold_reason())),
            (None, "Going on."),
        )
        if is_first or unmet is not self._unmet:
            self._unmet = unmet
            self._on_change(unmet, reason)
            if unmet is not None or not is_first:
                self._notify(reason)
        return Decision(go=unmet is None)


@dataclass(frozen=True, slots=True)
class NightWindow:
    """Work inside the window only. `local` is the wall clock."""

    window: TimeWindow
    local: Callable[[], datetime]
    name: ClassVar[str] = "window"

    def hold_reason(self) -> str | None:
        local = self.local()
        if self.window.is_open(local):
            return None
        opening = self.window.next_opening(local)
        return f"Waiting until {opening:%H:%M}; the night window is {self.window}. Stop with Ctrl-C."


class NotPaused:
    """Hold after `vidlocal pause`, an entry in the library for every process at work."""

    name: ClassVar[str] = "paused"

    def __init__(self, library: Library) -> None:
        self._library = library

    def hold_reason(self) -> str | None:
        since = facts.get(self._library, facts.PAUSED)
        return "Paused by vidlocal pause. Continue with: vidlocal resume" if since else None


class OnMains:
    """Hold on battery. `on_battery` is polled."""

    name: ClassVar[str] = "battery"

    def __init__(self, on_battery: Callable[[], bool], now: Callable[[], float]) -> None:
        self._on_battery = on_battery
        self._now = now
        self._polled_at: float | None = None
        self._is_on_battery = False

    def hold_reason(self) -> str | None:
        now = self._now()
        if self._polled_at is None or now - self._polled_at >= _POWER_INTERVAL_S:
            self._polled_at, self._is_on_battery = now, self._on_battery()
        return "Paused while on battery." if self._is_on_battery else None


class MachineIdle:
    """Hold while other programs keep the machine busy.

    `load` returns the CPU share of other programs since its last call, 0 to 1, or None if unknown; unknown is idle.
    """

    name: ClassVar[str] = "busy"

    def __init__(self, load: Callable[[], float | None], now: Callable[[], float]) -> None:
        self._load = load
        self._now = now
        self._sampled_at: float | None = None
        self._since = 0.0
        self._busy = False
        self._samples: deque[tuple[float, float]] = deque(maxlen=round(CALM_AFTER_S / _SAMPLE_INTERVAL_S))

    def hold_reason(self) -> str | None:
        now = self._now()
        if self._sampled_at is None or now - self._sampled_at >= _SAMPLE_INTERVAL_S:
            self._sample(now)
            self._decide(now)
        return "Paused while other programs use the machine." if self._busy else None

    def _sample(self, now: float) -> None:
        share = self._load()
        is_recent = self._sampled_at is not None and now - self._sampled_at <= _MAX_SAMPLE_GAP_S
        self._sampled_at = now
        if is_recent and share is not None:
            self._samples.append((now, share))
        else:
            self._set_busy(now, busy=False)

    def _decide(self, now: float) -> None:
        span = CALM_AFTER_S if self._busy else BUSY_AFTER_S
        recent = [share for at, share in self._samples if at > now - span]
        if not recent or now - self._since < span:
            return
        if self._busy and fmean(recent) < CALM_BELOW:
            self._set_busy(now, busy=False)
        elif not self._busy and fmean(recent) > BUSY_ABOVE:
            self._set_busy(now, busy=True)

    def _set_busy(self, now: float, *, busy: bool) -> None:
        """Set the state, and start to collect samples for the next change."""
        self._busy, self._since = busy, now
        self._samples.clear()


class EndAtTime:
    """End the run at a time of day, or as soon as possible afterwards."""

    def __init__(self, at: time, local: Callable[[], datetime]) -> None:
        self._local = local
        self._ends = next_occurrence(at, local())

    def end_reason(self) -> str | None:
        return f"It is {self._ends:%H:%M}." if self._local().replace(tzinfo=None) >= self._ends else None


class EndAfter:
    """End the run after `seconds` with the machine awake. `now` is monotonic."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._ends = now() + seconds

    def end_reason(self) -> str | None:
        return f"{format_duration(self._seconds)} have passed." if self._now() >= self._ends else None
