"""Lanes of the fast pass: threads with a library connection and engines of their own, for the machines of a cluster.

Each lane claims jobs as a process of its own would: the same checkpoints, leases and rules for failures.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, Self

from vidlocal.enrich.workers.fast_pass import FastEngines, StageProgress, run_fast_pass
from vidlocal.errors import VidlocalError
from vidlocal.records import JobKind
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import JobFilter

_POLL_S = 0.5
_FILL_INTERVAL_S = 1.0
# Lanes stop at the next frame or window; a call to another machine may take longer, and its job is released.
_END_S = 5.0


class RemoteEngines(Protocol):
    """The engines of other machines."""

    def lanes(self) -> Mapping[JobKind, int]:
        """Return the current number of parallel jobs per kind, over all machines."""
        ...

    def open(self, kind: JobKind) -> AbstractContextManager[FastEngines]:
        """Open engines for a lane."""
        ...


@dataclass(slots=True)
class FastLanes:
    """A context manager: the lanes end on exit, and jobs at work are released by the caller.

    `follow` is for the thread that owns the schedule.
    """

    folder: Path
    remote: RemoteEngines
    lock: ProcessLock
    job_filter: JobFilter
    kinds: Collection[JobKind]
    notes: list[str] = field(init=False, default_factory=list)
    _allowed: threading.Event = field(init=False, default_factory=threading.Event)
    _ended: threading.Event = field(init=False, default_factory=threading.Event)
    _threads: list[tuple[JobKind, threading.Thread]] = field(init=False, default_factory=list)
    _filled_at: float = field(init=False, default=0.0)
    _blocked: set[JobKind] = field(init=False, default_factory=set)
    _stages: "SimpleQueue[StageProgress]" = field(init=False, default_factory=SimpleQueue)
    _errors: list[Exception] = field(init=False, default_factory=list)

    def __enter__(self) -> Self:
        self._allowed.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._allowed.set()
        give_up = time.monotonic() + _END_S
        for lane in self._threads:
            lane[1].join(max(0.0, give_up - time.monotonic()))

    def follow(self, library: Library, allowed: bool) -> None:
        """Let the lanes work, and start missing lanes; or hold: lanes release their jobs and wait."""
        if not allowed:
            self._allowed.clear()
            return
        self._allowed.set()
        now = time.monotonic()
        if now >= self._filled_at + _FILL_INTERVAL_S:
            self._filled_at = now
            self.fill(library)

    def fill(self, library: Library) -> bool:
        """Start lanes for due jobs, as many as the machines can use now. Returns True while any lane works.

        Raises the error of a lane.
        """
        if self._errors:
            raise self._errors[0]
        self._threads = [lane for lane in self._threads if lane[1].is_alive()]
        alive = Counter(lane[0] for lane in self._threads)
        for kind, limit in self.remote.lanes().items():
            if kind not in self.kinds or kind in self._blocked or alive[kind] >= limit:
                continue
            now = time.monotonic()
            due = jobs.next_due(library, kind, now=now, job_filter=self.job_filter)
            if due is not None and due <= now:
                for _ in range(limit - alive[kind]):
                    self._start(kind)
        return self.is_working()

    def is_working(self) -> bool:
        """True while a lane is at work."""
        return any(thread.is_alive() for _, thread in self._threads)

    def wait(self, on_stage: Callable[[StageProgress], None]) -> None:
        """Wait a moment, and report the last progress of the lanes."""
        stage = None
        with suppress(Empty):
            stage = self._stages.get(timeout=_POLL_S)
            while True:
                stage = self._stages.get_nowait()
        if stage is not None:
            on_stage(stage)

    def _start(self, kind: JobKind) -> None:
        thread = threading.Thread(target=self._run, args=(kind,), daemon=True, name=f"lane {kind}")
        self._threads.append((kind, thread))
        thread.start()

    def _run(self, kind: JobKind) -> None:
        try:
            with Library.open(self.folder) as library, self.remote.open(kind) as engines:
                notes = run_fast_pass(
                    library,
                    engines,
                    self.lock,
                    job_filter=self.job_filter,
                    only={kind},
                    on_stage=self._stages.put,
                    stop=self._stop,
                    hold=lambda: self._ended.is_set() or not self._allowed.is_set(),
                )
        except VidlocalError as error:
            self._errors.append(error)
        else:
            if notes:
                self.notes.extend(notes)
                self._blocked.add(kind)

    def _stop(self) -> bool:
        """Wait while the lanes are held. Returns True at their end."""
        self._allowed.wait()
        return self._ended.is_set()
