"""When a deep pass works, what it says, and its report: what `enrich` and `worker` share."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Annotated

import typer

from vidlocal.app import hangup
from vidlocal.app.run_log import Log, last_words
from vidlocal.cli.report import HELD_BY, describe
from vidlocal.cli.ui import progress
from vidlocal.enrich import report
from vidlocal.enrich.runner.schedule import Condition, End, For, Idle, Night, Plugged, Schedule, Unpaused, Until, When
from vidlocal.enrich.runner.sleep_inhibitor import Awake
from vidlocal.enrich.runner.system_load import OthersLoad, lower_priority, on_battery
from vidlocal.enrich.runner.time_window import Window, parse_lasting, parse_time, parse_window
from vidlocal.errors import StoreError, UsageError
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.process_locks import Owner
from vidlocal.store.queue import jobs
from vidlocal.timecode import lasting

WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="HH:MM-HH:MM",
        help="Hours of the night in place of the setting window, such as 23:00-06:30.",
        show_default=False,
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="HH:MM", help="End at this time of day.", show_default=False)
]
ForOption = Annotated[
    str | None, typer.Option("--for", metavar="3h", help="End after so long: 3h, 45m, 1h30m.", show_default=False)
]
WhenOption = Annotated[
    When | None,
    typer.Option(
        "--when",
        help="Hold while the machine is in use or on battery (idle), while it is on battery (plugged), or never (any).",
        show_default="idle in the night window, any otherwise",
    ),
]

# How often a log has a line of progress, and the report of a run that is killed is brought up to date.
_LOGGED_EVERY_S = 60.0
# A run without nights gets a report a day.
_DAY_S = 86_400.0
# What holds the work before the first ruling, and between the nights: neither is worth a word in a report.
_BEFORE, _OUTSIDE = "before", Night.name
_UNWATCHED_S = 600.0
# What was over in no time and did nothing leaves no report.
_WORTH_A_REPORT_S = 60.0


@dataclass(frozen=True, slots=True)
class Hours:
    """When a run works. `window` is None when it does at any hour; `night` is the window that nights are counted by."""

    window: Window | None
    night: Window
    until: clock_time | None
    for_s: float | None
    when: When


def read_hours(
    chosen: Settings,
    *,
    overnight: bool,
    now: bool,
    until: str | None = None,
    lasts: str | None = None,
    when: When | None = None,
) -> Hours:
    """The hours that the options of a command ask for. Raises UsageError where they contradict each other."""
    if now and overnight:
        raise UsageError("--now and the night window contradict each other. Leave one of them out.")
    night = parse_window(chosen.window)
    return Hours(
        window=night if overnight else None,
        night=night,
        until=None if until is None else parse_time(until),
        for_s=None if lasts is None else parse_lasting(lasts),
        when=when or (When.IDLE if overnight else When.ANY),
    )


@contextmanager
def shift(library: Library, owner: Owner, hours: Hours, *, quiet: bool) -> Iterator["Shift"]:
    """A run of the deep pass, from before its models are checked to its report."""
    log = Log(library.folder)
    lower_priority()
    with (
        last_words(log),
        hangup.outlived(lambda: log.line("The terminal was closed; going on.")),
        Awake() as awake,
        progress.line(quiet=quiet) as line,
    ):
        at_work = Shift(library, owner, hours, line, log, awake)
        try:
            yield at_work
        finally:
            at_work.cut_short()


class Shift:
    """A `progress.Line` that writes the log too, and the keeper of the report.

    `now` is monotonic, in seconds, and `local` the clock on the wall.
    """

    def __init__(
        self,
        library: Library,
        owner: Owner,
        hours: Hours,
        line: progress.Line,
        log: Log,
        awake: Awake,
        *,
        now: Callable[[], float] = time.monotonic,
        local: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._now = now
        self._local = local
        self._library = library
        self.owner = owner
        self._hours = hours
        self._line = line
        self._log = log
        self._awake = awake
        self._held_by: str | None = _BEFORE
        self._turned_at = self._logged_at = self._now()
        self._run_id: int | None = None
        self._works = self._ended = False
        self._since = _a_second_ago()
        self._start_anew()

    def gate(self, *more_ends: End) -> Schedule:
        """The gate of these hours, and of further ends. `--for` counts from here."""
        hours, now, local = self._hours, self._now, self._local
        conditions: list[Condition] = [Unpaused(self._library)]
        if hours.window is not None:
            conditions.append(Night(hours.window, local))
        if hours.when is not When.ANY:
            conditions.append(Plugged(on_battery, now))
        if hours.when is When.IDLE:
            conditions.append(Idle(OthersLoad(), now))
        ends = list(more_ends)
        if hours.until is not None:
            ends.append(Until(hours.until, local))
        if hours.for_s is not None:
            ends.append(For(hours.for_s, now))
        return Schedule(conditions, ends, now=now, say=self.say, turned=self._turn)

    @contextmanager
    def working(self) -> Iterator[None]:
        """The block works whenever the gate lets it: then time counts, and the machine is kept awake."""
        self._turned_at = self._now()
        self._works = True
        self._settle()
        try:
            yield
        finally:
            self._count_time()
            self._works = False
            self._settle()

    def say(self, sentence: str) -> None:
        """A sentence that stays, on the terminal and in the log."""
        self._log.line(sentence)
        with _surviving_the_terminal():
            self._line.say(sentence)

    def at(self, what: str, done: float | None, *, eta: float | None = None, detail: str = "") -> None:
        """Where the work stands. `detail` may be a description, so it is not for the log."""
        with _surviving_the_terminal():
            self._line.at(what, done, eta=eta, detail=detail)
        if self._now() - self._logged_at >= _LOGGED_EVERY_S:
            self._logged_at = self._now()
            self._log.line(what if eta is None else f"{what}  {lasting(eta)} left")
            self.keep_report()
            if self._hours.window is None and self._now() - self._started >= _DAY_S:
                self.sum_up("A day has passed; going on.")

    def end(self, ended: str | None) -> None:
        """Keep the report of the whole run, and say it where nobody will have watched."""
        hours = self._hours
        if hours.window or hours.until or hours.for_s or self._now() - self._started >= _UNWATCHED_S:
            self.sum_up(ended)
        else:
            self.keep_report(ended)
        self._ended = True

    def cut_short(self) -> None:
        """Keep the report, when the run was not ended in good order."""
        if not self._ended:
            self.keep_report()

    def sum_up(self, ended: str | None) -> None:
        """Say and keep the report of what was done since the last one. `ended` says why it ends here."""
        drawn_up = self.keep_report(ended)
        if drawn_up is not None:
            self._since = drawn_up.ended_at
            for name, value in describe(drawn_up):
                self.say(f"{name}: {value}")
        self._start_anew()

    def keep_report(self, ended: str | None = None) -> report.Report | None:
        """Bring the kept report up to date. None where there is nothing to report."""
        self._count_time()
        with suppress(StoreError):  # a full disk is what we may be ending for
            drawn_up = report.draw_up(
                self._library,
                started_at=self._started_at,
                since=self._since,
                worked_s=self._seconds[None],
                held_s={name: self._seconds[name] for name in HELD_BY if name in self._seconds},
                night_s=self._hours.night.length_s,
                ended=ended,
            )
            if any(drawn_up.done.values()) or drawn_up.failed or drawn_up.worked_s >= _WORTH_A_REPORT_S:
                self._run_id = report.keep(self._library, self._run_id, drawn_up)
                return drawn_up
        return None

    def _turn(self, held_by: Condition | None, why: str) -> None:
        """The gate has opened, or something holds it."""
        self._count_time()
        self.owner.go_on(self._held_by or "")
        if held_by is not None:
            self.owner.wait_for(held_by.name, why)
        if self._held_by in (_BEFORE, _OUTSIDE):
            self._started_at = jobs.now_utc()
        self._held_by = None if held_by is None else held_by.name
        self._settle()
        if self._held_by == _OUTSIDE:
            self.sum_up("The night is over.")

    def _settle(self) -> None:
        if self._works and self._held_by is None:
            self._awake.keep()
        else:
            self._awake.release()

    def _count_time(self) -> None:
        now = self._now()
        if self._works:
            self._seconds[self._held_by] += now - self._turned_at
        self._turned_at = now

    def _start_anew(self) -> None:
        self._started = self._now()
        self._started_at = jobs.now_utc()
        self._seconds: dict[str | None, float] = defaultdict(float)
        self._run_id = None


@contextmanager
def _surviving_the_terminal() -> Iterator[None]:
    """A terminal that is gone without a signal does not end the run."""
    try:
        yield
    except OSError:
        hangup.leave()


def _a_second_ago() -> str:
    """What is done in this very second, to which jobs are stamped, is done by this run."""
    return (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="seconds")
