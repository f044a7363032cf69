"""The rounds of `vidlocal worker`: over what has arrived and what is queued, for ever."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from vidlocal import settings
from vidlocal.app import session
from vidlocal.app.clip_engine import queue_pictures
from vidlocal.app.engines import open_engines
from vidlocal.cli import enrich as enriching
from vidlocal.cli import ingest as ingesting
from vidlocal.enrich.run import SERVER, enrich
from vidlocal.enrich.runner.schedule import Schedule, Unpaused
from vidlocal.enrich.runner.worker import work_left
from vidlocal.errors import EngineError, EngineUnreachable
from vidlocal.ingest.folder_watcher import Arrivals
from vidlocal.ingest.run import Outcome, Result, ingest
from vidlocal.records import JobKind
from vidlocal.store.database import Library
from vidlocal.store.process_locks import Owner
from vidlocal.text import counted

_HELD_REST_S = 1.0
_IDLE_REST_S = 10.0
# What could not be done, a missing model for instance, is tried again so often, sooner when the queue has changed.
_RETRY_S = 600.0
# How soon a server that was not there, or a model at fault, is looked at again.
_TROUBLE_FIRST_S, _TROUBLE_LONGEST_S = 15.0, 600.0


@dataclass(slots=True)
class Service:
    """What a worker does. `record` gets a JSON object for each thing done; `now` is monotonic, in seconds."""

    library: Library
    chosen: settings.Settings
    owner: Owner
    shift: session.Shift
    arrivals: Arrivals
    record: Callable[[object], None]
    canary: bool
    now: Callable[[], float] = time.monotonic
    gate: Schedule = field(init=False)
    _unpaused: Unpaused = field(init=False)
    _undone: dict[JobKind, int] | None = field(init=False, default=None)
    _not_before: float = field(init=False, default=0.0)
    _trouble: str | None = field(init=False, default=None)
    _said: set[str] = field(init=False, default_factory=set)
    _pause: float = field(init=False, default=_TROUBLE_FIRST_S)

    def __post_init__(self) -> None:
        self._unpaused = Unpaused(self.library)
        self.gate = self.shift.gate(self)

    def check_models(self) -> None:
        """Raises EngineError when a model is missing or cannot do its work. A server that is away is waited for."""
        with ExitStack() as stack:
            try:
                every = {JobKind.DESCRIBE: 1, JobKind.EMBED: 1}
                open_engines(stack, self.chosen, every, canary=False, say=self.shift.say)
            except EngineUnreachable as error:
                self._wait_out(error)
        queue_pictures(self.library, self.chosen)

    def serve(self) -> NoReturn:
        """Round after round, until a signal ends the program."""
        while True:
            time.sleep(self.round())

    def why_over(self) -> str | None:
        """Ends a stretch of work, not the service: files that have arrived come first."""
        return "New files have arrived." if self._arrived() else None

    def round(self) -> float:
        """Take in what has arrived and work off the queue, as far as may be. How long to rest, in seconds."""
        self._take_in(self._arrived())
        if not self.gate.look().go:
            return _HELD_REST_S
        left = work_left(self.library)
        if not left or (left == self._undone and self.now() < self._not_before):
            return _IDLE_REST_S
        if self._trouble is not None and self.now() < self._not_before:
            return _HELD_REST_S
        try:
            self._work_off(left)
        except EngineError as error:
            self._wait_out(error)
        return _HELD_REST_S

    def _work_off(self, left: dict[JobKind, int]) -> None:
        with ExitStack() as stack:
            engines = open_engines(stack, self.chosen, left, canary=self.canary, say=self.shift.say)
            if self._trouble is not None:
                self.shift.say("The models are there; going on.")
            self._trouble, self._pause = None, _TROUBLE_FIRST_S
            self.owner.go_on(SERVER)
            with self.shift.working():
                summary = enrich(
                    self.library,
                    engines,
                    self.owner,
                    gate=self.gate,
                    report=lambda at: enriching.show(self.shift, at),
                    say=self.shift.say,
                )
        self._say_once(summary.notes)
        self.record(enriching.as_data(summary))
        self.shift.keep_report()
        if summary.stopped is None:
            self._undone, self._not_before = summary.left, self.now() + _RETRY_S

    def _wait_out(self, error: EngineError) -> None:
        """Say what is wrong, once, and look again later, less and less often."""
        if str(error) != self._trouble:
            self.shift.say(f"{error} Waiting for that to change; nothing is lost.")
            self._pause = _TROUBLE_FIRST_S
        self._trouble = str(error)
        self.owner.wait_for(SERVER, self._trouble)
        self._not_before = self.now() + self._pause
        self._pause = min(_TROUBLE_LONGEST_S, self._pause * 2)

    def _arrived(self) -> Sequence[Path]:
        return [] if self._unpaused.why_not() else self.arrivals.ready()

    def _take_in(self, paths: Sequence[Path]) -> None:
        if not paths:
            return
        with ExitStack() as stack:
            tools = ingesting.open_tools(stack, self.chosen)
            for path in paths:
                if self._unpaused.why_not():
                    return
                self.arrivals.hand_out(path)
                for outcome in ingest(
                    self.library,
                    [path],
                    tools,
                    self.owner,
                    every=self.chosen.every,
                    report=lambda at: self.shift.at(f"{at.stage}: {at.path.name}", at.done),
                ):
                    self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        self.record(ingesting.as_data(outcome))
        if outcome.result is Result.FAILED:
            self.shift.say(f"{outcome.path.name} was not taken in: {outcome.reason}")
        elif outcome.result is Result.ADDED and outcome.video is not None:
            self.shift.say(f"{outcome.path.name} is video {outcome.video.id}, {pluralize(outcome.frames, 'frame')}.")
        self._say_once(outcome.notes)

    def _say_once(self, notes: Sequence[str]) -> None:
        """What has to wait has to wait every time; once is enough."""
        for note in notes:
            if note not in self._said:
                self._said.add(note)
                self.shift.say(note)
