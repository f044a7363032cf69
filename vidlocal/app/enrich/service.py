"""The service `vidlocal worker`: ingests new files and works through the queue, in rounds without end."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NoReturn

from vidlocal.app.engines.clip import queue_frame_vectors
from vidlocal.app.engines.open_engines import open_engines, open_ingest_tools
from vidlocal.app.enrich.session import RunSession
from vidlocal.app.export.sidecars import plan_sidecars, write_sidecars
from vidlocal.app.file_filter import file_filter
from vidlocal.app.progress import show_enrich_progress, show_ingest_progress
from vidlocal.enrich.run import SERVER, enrich
from vidlocal.enrich.runner.queue_runner import remaining_jobs
from vidlocal.enrich.runner.schedule import NotPaused, Schedule
from vidlocal.errors import EngineError, EngineUnreachable
from vidlocal.ingest.folder_watcher import FolderWatcher
from vidlocal.ingest.outcome import IngestResult, Outcome
from vidlocal.ingest.run import ingest
from vidlocal.records import JobKind
from vidlocal.settings import Settings, sidecar_formats
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.text import pluralize

_HOLD_PAUSE_S = 1.0
_IDLE_PAUSE_S = 10.0
# Jobs without a usable engine, such as a missing model, are retried after this time, or when the queue changes.
_RETRY_S = 600.0
# Pauses before a missing server or a faulty model is checked again: doubled from the first to the last.
_MIN_ERROR_PAUSE_S, _MAX_ERROR_PAUSE_S = 15.0, 600.0
# A machine may join the cluster at any time.
_MAX_CLUSTER_PAUSE_S = 30.0


@dataclass(slots=True)
class Service:
    """The service. `record` gets a JSON object for each result; `now` is monotonic, in seconds."""

    library: Library
    settings: Settings
    lock: ProcessLock
    session: RunSession
    watcher: FolderWatcher
    record: Callable[[object], None]
    canary: bool
    now: Callable[[], float] = time.monotonic
    schedule: Schedule = field(init=False)
    _not_paused: NotPaused = field(init=False)
    _undoable: dict[JobKind, int] | None = field(init=False, default=None)
    _retry_at: float = field(init=False, default=0.0)
    _error: str | None = field(init=False, default=None)
    _notes: set[str] = field(init=False, default_factory=set)
    _error_pause_s: float = field(init=False, default=_MIN_ERROR_PAUSE_S)

    def __post_init__(self) -> None:
        self._not_paused = NotPaused(self.library)
        self.schedule = self.session.schedule(self)

    def check_models(self) -> None:
        """Raise EngineError if a model is missing or unfit. An unreachable server is no error: the service waits."""
        with ExitStack() as stack:
            try:
                needed = {JobKind.DESCRIBE: 1, JobKind.EMBED: 1}
                open_engines(
                    stack, self.settings, needed, library=self.library, canary=False, notify=self.session.notify
                )
            except EngineUnreachable as error:
                self._wait_after(error)
        queue_frame_vectors(self.library, self.settings)

    def serve(self) -> NoReturn:
        """Run rounds until a signal ends the program."""
        while True:
            self.library.require_in_place()
            time.sleep(self.run_round())

    def end_reason(self) -> str | None:
        """End a run of the deep pass, not the service, when files arrive: these come first."""
        return "New files found." if self._new_files() else None

    def run_round(self) -> float:
        """Ingest new files and work through the queue, as far as allowed. Returns the pause before the next round."""
        if self._ingest(self._new_files()):
            self._update_sidecars()
        if not self.schedule.decide().go:
            return _HOLD_PAUSE_S
        remaining = remaining_jobs(self.library)
        if not remaining or (remaining == self._undoable and self.now() < self._retry_at):
            return _IDLE_PAUSE_S
        if self._error is not None and self.now() < self._retry_at:
            return _HOLD_PAUSE_S
        try:
            self._enrich(remaining)
        except EngineError as error:
            self._wait_after(error)
        self._update_sidecars()
        return _HOLD_PAUSE_S

    def _enrich(self, remaining: dict[JobKind, int]) -> None:
        with ExitStack() as stack:
            engines = open_engines(
                stack, self.settings, remaining, library=self.library, canary=self.canary, notify=self.session.notify
            )
            if self._error is not None:
                self.session.notify("The models are available now.")
            self._error, self._error_pause_s = None, _MIN_ERROR_PAUSE_S
            self.lock.clear_waiting(SERVER)
            with self.session.working():
                summary = enrich(
                    self.library,
                    engines,
                    self.lock,
                    schedule=self.schedule,
                    on_progress=partial(show_enrich_progress, self.session),
                    notify=self.session.notify,
                )
        self._notify_once(summary.notes)
        self.record(summary.as_data())
        self.session.sent_bytes += summary.sent_bytes
        self.session.save_report()
        if summary.stopped is None:
            self._undoable, self._retry_at = summary.remaining, self.now() + _RETRY_S

    def _wait_after(self, error: EngineError) -> None:
        """Report an error once, and retry later with growing pauses."""
        if str(error) != self._error:
            self.session.notify(f"{error} Waiting for it.")
            self._error_pause_s = _MIN_ERROR_PAUSE_S
        self._error = str(error)
        self.lock.set_waiting(SERVER, self._error)
        self._retry_at = self.now() + self._error_pause_s
        longest = _MAX_CLUSTER_PAUSE_S if self.settings.cluster else _MAX_ERROR_PAUSE_S
        self._error_pause_s = min(longest, self._error_pause_s * 2)

    def _new_files(self) -> Sequence[Path]:
        return [] if self._not_paused.hold_reason() else self.watcher.ready()

    def _update_sidecars(self) -> None:
        """Write new and changed sidecar files in the configured formats."""
        formats = sidecar_formats.parse(self.settings.sidecars)
        if not formats:
            return
        _, errors = write_sidecars(list(plan_sidecars(self.library, videos.every(self.library), formats)))
        self._notify_once(errors)

    def _ingest(self, paths: Sequence[Path]) -> bool:
        """Index files, until the work is paused. Returns False if there are none."""
        if not paths:
            return False
        with ExitStack() as stack:
            tools = open_ingest_tools(
                stack, self.settings, self.library, notify=lambda message: self._notify_once([message])
            )
            for path in paths:
                if self._not_paused.hold_reason():
                    break
                self.watcher.hand_out(path)
                for outcome in ingest(
                    self.library,
                    [path],
                    tools,
                    self.lock,
                    every=self.settings.every,
                    rules=file_filter(self.settings),
                    on_progress=partial(show_ingest_progress, self.session),
                ):
                    self._report(outcome)
        return True

    def _report(self, outcome: Outcome) -> None:
        self.record(outcome.as_data())
        if outcome.result is IngestResult.FAILED:
            self.session.notify(f"{outcome.path.name}: not indexed: {outcome.reason}")
        elif outcome.result is IngestResult.ADDED and outcome.video is not None:
            frame_count = pluralize(outcome.frames, "frame")
            self.session.notify(f"{outcome.path.name} is video {outcome.video.id}, {frame_count}.")
        self._notify_once(outcome.notes)

    def _notify_once(self, notes: Sequence[str]) -> None:
        """Print each note once, also if the job has to wait again."""
        for note in notes:
            if note not in self._notes:
                self._notes.add(note)
                self.session.notify(note)
