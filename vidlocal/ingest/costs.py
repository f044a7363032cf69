"""Expected time of the stages of ingest, from the pace measured in earlier runs."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from vidlocal.media.file_filter import possible_kinds
from vidlocal.records import JobKind, MediaKind, Probe
from vidlocal.signals.representatives import MAX_FRAMES
from vidlocal.store.database import Library
from vidlocal.store.history import facts


class Stage(StrEnum):
    """Stages of a file, in order. The values are shown."""

    READING = "reading"
    PROBING = "probing"
    FRAMES = "frames"
    SUBTITLES = "subtitles"
    OCR = "OCR"
    TRANSCRIBING = "transcribing"
    SPEAKERS = "telling speakers apart"
    PEOPLE = "finding faces"
    EMBEDDING = "embedding images"

    @property
    def order(self) -> int:
        """Position among the stages."""
        return list(Stage).index(self)


STAGE_OF_JOB: Mapping[JobKind, Stage] = {
    JobKind.READ: Stage.OCR,
    JobKind.TRANSCRIBE: Stage.TRANSCRIBING,
    JobKind.SPEAKERS: Stage.SPEAKERS,
    JobKind.PEOPLE: Stage.PEOPLE,
    JobKind.PICTURES: Stage.EMBEDDING,
}

# Seconds per unit on two cores: a GB, a file, a frame, a second of sound twice,
# a frame twice. Replaced by what is measured.
DEFAULT_PACE: Mapping[Stage, float] = {
    Stage.READING: 2.0,
    Stage.PROBING: 0.3,
    Stage.FRAMES: 0.04,
    Stage.SUBTITLES: 0.1,
    Stage.OCR: 0.1,
    Stage.TRANSCRIBING: 0.2,
    Stage.SPEAKERS: 0.2,
    Stage.PEOPLE: 0.08,
    Stage.EMBEDDING: 0.15,
}
# Bytes per second and frame rate of a typical file, before it is probed.
_VIDEO_RATE, _AUDIO_RATE = 1_000_000, 24_000
TYPICAL_FRAME_RATE_HZ = 30
# Share of a new measurement in the stored pace.
_WEIGHT = 0.5

Work = Mapping[Stage, float]


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """The stages of a run: immediate stages, and the seconds between two frames."""

    every: float
    ocr: bool
    speech: bool
    image_vectors: bool
    speakers: bool = False
    people: bool = False

    def frame_count(self, duration: float, available: int) -> int:
        """Return the maximum number of sampled frames of a video with `available` frames: all if `every` is 0."""
        return min(available, int(duration / self.every) + 1) if self.every else available

    def work(self, size_bytes: int, probe: Probe, frame_count: int) -> Work:
        """Return the units of work of a probed file."""
        sound = probe.duration if probe.audio else 0.0
        return self._work(size_bytes, frame_count, sound, subtitles=bool(probe.subtitles))

    def guess(self, path: Path, size_bytes: int) -> Work:
        """Return the expected units of work of a file by extension and size."""
        kinds = possible_kinds(path)
        if MediaKind.PHOTO in kinds:
            return self._work(size_bytes, 1, 0.0)
        if MediaKind.VIDEO in kinds:
            duration = size_bytes / _VIDEO_RATE
            return self._work(
                size_bytes, self.frame_count(duration, int(duration * TYPICAL_FRAME_RATE_HZ) + 1), duration
            )
        return self._work(size_bytes, 0, size_bytes / _AUDIO_RATE)

    def _work(self, size_bytes: int, frame_count: int, sound: float, *, subtitles: bool = False) -> Work:
        frames = float(frame_count)
        return {
            Stage.READING: size_bytes / 1e9,
            Stage.PROBING: 1.0,
            Stage.FRAMES: frames,
            Stage.SUBTITLES: float(subtitles),
            Stage.OCR: min(frames, MAX_FRAMES) if self.ocr else 0.0,
            Stage.TRANSCRIBING: sound if self.speech else 0.0,
            Stage.SPEAKERS: sound if self.speakers else 0.0,
            Stage.PEOPLE: frames if self.people else 0.0,
            Stage.EMBEDDING: frames if self.image_vectors else 0.0,
        }


@dataclass(slots=True)
class Pace:
    """Seconds per unit of each stage: stored, and measured in this run."""

    seconds_per_unit: dict[Stage, float]
    _measured: dict[Stage, tuple[float, float]] = field(default_factory=dict)

    def seconds(self, work: Work) -> float:
        """Return the expected time of the work."""
        return sum(units * self.seconds_per_unit[stage] for stage, units in work.items())

    def add(self, stage: Stage, units: float, seconds: float) -> None:
        """Add the measured time of a stage of a file."""
        if units > 0:
            before = self._measured.get(stage, (0.0, 0.0))
            self._measured[stage] = (before[0] + units, before[1] + seconds)

    def updated(self) -> dict[Stage, float]:
        """Return the pace with the measurements of this run."""
        measured = {stage: seconds / units for stage, (units, seconds) in self._measured.items()}
        return self.seconds_per_unit | {
            stage: (1 - _WEIGHT) * self.seconds_per_unit[stage] + _WEIGHT * pace for stage, pace in measured.items()
        }


def load_pace(library: Library | None) -> Pace:
    """Load the pace of earlier runs, the default for stages not measured yet."""
    pace = dict(DEFAULT_PACE)
    with suppress(ValueError, TypeError, AttributeError):
        stored = json.loads((library and facts.get(library, facts.INGEST_PACE)) or "{}")
        pace |= {Stage(name): float(value) for name, value in stored.items() if 0 < float(value) < 1e6}
    return Pace(pace)


def store_pace(library: Library, pace: Pace) -> None:
    """Store the pace for the next run."""
    facts.put(library, facts.INGEST_PACE, json.dumps({stage.value: value for stage, value in pace.updated().items()}))
