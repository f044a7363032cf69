"""A run of the deep pass: working hours, messages, log and report. Shared by `enrich` and `worker`."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from datetime import time as clock_time

from vidlocal.app.enrich import hangup
from vidlocal.app.enrich.run_log import RunLog, log_ending
from vidlocal.app.progress import ProgressLine
from vidlocal.enrich import report
from vidlocal.enrich.runner.schedule import (
    Condition,
    End,
    EndAfter,
    EndAtTime,
    MachineIdle,
    NightWindow,
    NotPaused,
    OnMains,
    Schedule,
    When,
)
from vidlocal.enrich.runner.sleep_inhibitor import SleepInhibitor
from vidlocal.enrich.runner.system_load import OtherProcessesLoad, lower_priority, on_battery
from vidlocal.enrich.runner.time_window import TimeWindow, parse_duration, parse_time, parse_window
from vidlocal.errors import StoreError, UsageError
from vidlocal.render.report import HOLD_REASONS, report_rows
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.history import run_reports
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.values import now_utc
from vidlocal.timecode import format_duration

# Interval between progress lines in the log, and between updates of the stored report.
_LOG_INTERVAL_S = 60.0
# A run without a night window gets one report a day.
_DAY_S = 86_400.0
# Hold reasons that reports leave out: before the first decision, and outside the window.
_BEFORE_START, _OUTSIDE_WINDOW = "before", NightWindow.name
# Runs shorter than this were probably watched; longer ones end with a printed report.
_MIN_UNATTENDED_S = 600.0
# Shorter runs without results leave no report.
_MIN_REPORTED_S = 60.0


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Hours of a run. `window` is None for any hour; `night` is the window used to count nights."""

    window: TimeWindow | None
    night: TimeWindow
    until: clock_time | None
    for_s: float | None
    when: When


def working_hours(
    settings: Settings,
    *,
    overnight: bool,
    now: bool,
    until: str | None = None,
    lasts: str | None = None,
    when: When | None = None,
) -> WorkingHours:
    """Combine the options of a command with the settings.

    Raises UsageError if they contradict each other.
    """
    if now and overnight:
        raise UsageError("--now and the night window exclude each other. Leave one of them out.")
    night = parse_window(settings.window)
    return WorkingHours(
        window=night if overnight else None,
        night=night,
        until=None if until is None else parse_time(until),
        for_s=None if lasts is None else parse_duration(lasts),
        when=when or (When.IDLE if overnight else When.ANY),
    )


@contextmanager
def run_session(
    library: Library,
    lock: ProcessLock,
    hours: WorkingHours,
    line: ProgressLine,
    *,
    exits: tuple[type[BaseException], ...] = (),
) -> Iterator["RunSession"]:
    """Open a run of the deep pass, from the model checks to the report.

    `exits`: exceptions by which the caller ends a run in good order; the log does not record them.
    """
    log = RunLog(library.folder)
    lower_priority()
    with (
        log_ending(log, exits),
        hangup.survive_hangup(lambda: log.write("The terminal was closed; still running.")),
        SleepInhibitor() as awake,
    ):
        session = RunSession(library, lock, hours, line, log, awake)
        try:
            yield session
        finally:
            session.interrupt()


class RunSession:
    """A `ProgressLine` with a log, and the owner of the run's report.

    `now` is monotonic, in seconds, and `local` the wall clock.
    """

    def __init__(
        self,
        library: Library,
        lock: ProcessLock,
        hours: WorkingHours,
        line: ProgressLine,
        log: RunLog,
        awake: SleepInhibitor,
        *,
        now: Callable[[], float] = time.monotonic,
        local: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._now = now
        self._local = local
        self._library = library
        self.lock = lock
        self._hours = hours
        self._line = line
        self._log = log
        self._awake = awake
        self._hold: str | None = _BEFORE_START
        self._changed_at = self._logged_at = self._now()
        self._run_id: int | None = None
        self._is_working = self._ended = False
        self._reported_until = self._last_end = run_reports.last_end(library)
        self._start_report()

    def schedule(self, *more_ends: End) -> Schedule:
        """Build the schedule of these hours and further ends. `--for` counts from here."""
        hours, now, local = self._hours, self._now, self._local
        conditions: list[Condition] = [NotPaused(self._library)]
        if hours.window is not None:
            conditions.append(NightWindow(hours.window, local))
        if hours.when is not When.ANY:
            conditions.append(OnMains(on_battery, now))
        if hours.when is When.IDLE:
            conditions.append(MachineIdle(OtherProcessesLoad(), now))
        ends = list(more_ends)
        if hours.until is not None:
            ends.append(EndAtTime(hours.until, local))
        if hours.for_s is not None:
            ends.append(EndAfter(hours.for_s, now))
        return Schedule(conditions, ends, now=now, notify=self.notify, on_change=self._record_change)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count time and keep the machine awake inside the block, whenever the schedule allows work."""
        self._changed_at = self._now()
        self._is_working = True
        self._apply_state()
        try:
            yield
        finally:
            self._count_time()
            self._is_working = False
            self._apply_state()

    def notify(self, message: str) -> None:
        """Print a permanent message, and log the same text."""
        self._log.write(message)
        with _surviving_terminal_loss():
            self._line.notify(message)

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        """Show progress.

        `detail` may be a description of a frame, so the log leaves it out.
        """
        with _surviving_terminal_loss():
            self._line.update(task, fraction, eta=eta, detail=detail)
        if self._now() - self._logged_at >= _LOG_INTERVAL_S:
            self._logged_at = self._now()
            self._log.write(task if eta is None else f"{task}  {format_duration(eta)} left")
            self.save_report()
            if self._hours.window is None and self._now() - self._started >= _DAY_S:
                self.print_report("A new day.")

    def end(self, ended: str | None) -> None:
        """Store the report of the whole run; print the report of a probably unattended run."""
        hours = self._hours
        if hours.window or hours.until or hours.for_s or self._now() - self._started >= _MIN_UNATTENDED_S:
            self.print_report(ended)
        else:
            self.save_report(ended)
        self._ended = True

    def interrupt(self) -> None:
        """Store the report of an interrupted run."""
        if not self._ended:
            self.save_report()

    def print_report(self, ended: str | None) -> None:
        """Print and store the current report, then start a new one.

        `ended` is the reason it ends here.
        """
        current = self.save_report(ended)
        if current is not None:
            self._reported_until = self._last_end
            for name, value in report_rows(current):
                self.notify(f"{name}: {value}")
        self._start_report()

    def save_report(self, ended: str | None = None) -> report.Report | None:
        """Update the stored report. None if there is nothing to report."""
        self._count_time()
        with suppress(StoreError):  # a full disk is what we may be ending for
            self._last_end = run_reports.last_end(self._library)
            current = report.create(
                self._library,
                started_at=self._started_at,
                ends=(self._reported_until, self._last_end),
                worked_s=self._seconds[None],
                held_s={name: self._seconds[name] for name in HOLD_REASONS if name in self._seconds},
                night_s=self._hours.night.length_s,
                ended=ended,
                sent_bytes=self.sent_bytes,
            )
            if any(current.done.values()) or current.failed or current.worked_s >= _MIN_REPORTED_S:
                self._run_id = report.store(self._library, self._run_id, current)
                return current
        return None

    def _record_change(self, held_by: Condition | None, why: str) -> None:
        """Record a change of the schedule: work resumed, or held by a condition."""
        self._count_time()
        self.lock.clear_waiting(self._hold or "")
        if held_by is not None:
            self.lock.set_waiting(held_by.name, why)
        if self._hold in (_BEFORE_START, _OUTSIDE_WINDOW):
            self._started_at = now_utc()
        self._hold = None if held_by is None else held_by.name
        self._apply_state()
        if self._hold == _OUTSIDE_WINDOW:
            self.print_report("The night is over.")

    def _apply_state(self) -> None:
        if self._is_working and self._hold is None:
            self._awake.acquire()
        else:
            self._awake.release()

    def _count_time(self) -> None:
        now = self._now()
        if self._is_working:
            self._seconds[self._hold] += now - self._changed_at
        self._changed_at = now

    def _start_report(self) -> None:
        self._started = self._now()
        self._started_at = now_utc()
        self._seconds: dict[str | None, float] = defaultdict(float)
        self._run_id = None
        self.sent_bytes = 0


@contextmanager
def _surviving_terminal_loss() -> Iterator[None]:
    """Redirect output to nowhere when the terminal disappeared without a signal."""
    try:
        yield
    except OSError:
        hangup.detach_streams()
