"""Progress of ingest over all files, weighted by the expected time of each stage."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.ingest.costs import IngestPlan, Pace, Stage, Work
from vidlocal.media import files
from vidlocal.media.find_files import InputFile
from vidlocal.store.content import videos
from vidlocal.store.database import Library

# Before so much work, the pace of earlier runs predicts better than that of this run.
_MIN_MEASURED_S = 5.0


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """Position of a run: file `number` of `total`, its stage, and the finished fraction of the stage.

    `done`: finished fraction of the run, 0 to 1. `eta`: seconds left. Fractions are None if unknown.
    """

    path: Path
    stage: str
    fraction: float | None
    number: int = 0
    total: int = 0
    done: float | None = None
    eta: float | None = None


OnProgress = Callable[[IngestProgress], None]


class IngestMeter:
    """Counts files, measures stages, and reports the position in the run."""

    def __init__(
        self,
        library: Library,
        inputs: Sequence[InputFile],
        plan: IngestPlan,
        pace: Pace,
        on_progress: OnProgress,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.pace = pace
        self._on_progress = on_progress
        self._now = now
        self._work = {file.path: self._guess(library, file) for file in inputs if _is_counted(file)}
        self._total_s = sum(map(pace.seconds, self._work.values()))
        self._started = self._stage_started = now()
        self._finished_s = 0.0
        self._number = 0
        self._shown = 0.0
        self._path = Path()
        self._stage: Stage | None = None

    def start(self, path: Path) -> None:
        """Begin a file."""
        self._path, self._stage = path, None
        self._number += path in self._work

    def is_new(self, path: Path) -> bool:
        """True for a file not indexed yet."""
        return bool(self._work.get(path))

    def set_work(self, work: Work) -> None:
        """Replace the guess for the current file after probing."""
        self._total_s += self.pace.seconds(work) - self.pace.seconds(self._work.get(self._path, {}))
        self._work[self._path] = work

    def report(self, stage: Stage, fraction: float | None) -> None:
        """Report the position in a stage of the current file."""
        if stage is not self._stage:
            self._end_stage()
            self._stage, self._stage_started = stage, self._now()
        done, eta = self._position(stage, fraction or 0.0)
        total = len(self._work)
        self._on_progress(IngestProgress(self._path, stage.value, fraction, self._number, total, done, eta))

    def finish(self) -> None:
        """End the current file."""
        self._end_stage()
        self._stage = None
        self._finished_s += self.pace.seconds(self._work.get(self._path, {}))

    def _end_stage(self) -> None:
        if self._stage is not None:
            units = self._work.get(self._path, {}).get(self._stage, 0.0)
            self.pace.add(self._stage, units, self._now() - self._stage_started)

    def _position(self, stage: Stage, fraction: float) -> tuple[float | None, float | None]:
        """Return the finished fraction of the run and the seconds left."""
        if not self._total_s:
            return None, None
        work = self._work.get(self._path, {})
        earlier = {part: units for part, units in work.items() if part.order < stage.order}
        in_stage = fraction * self.pace.seconds({stage: work.get(stage, 0.0)})
        done_s = self._finished_s + self.pace.seconds(earlier) + in_stage
        self._shown = max(self._shown, min(1.0, done_s / self._total_s))
        ratio = (self._now() - self._started) / done_s if done_s > _MIN_MEASURED_S else 1.0
        return self._shown, max(0.0, (self._total_s - done_s) * ratio)

    def _guess(self, library: Library, file: InputFile) -> Work:
        """Return the expected work for a file; none for an unchanged file."""
        with suppress(MediaError):
            stamp = files.read_stamp(file.path)
            if videos.unchanged_at(library, file.path, stamp) is None:
                return self.plan.guess(file.path, stamp.size_bytes)
        return {}


def _is_counted(file: InputFile) -> bool:
    return file.skip_reason is None and file.is_expected
