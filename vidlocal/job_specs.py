"""Table of job kinds: everything about a kind of queued work, in one place.

The queue, ingest, the runner, progress lines, `doctor` and `check` read this table. The worker of a kind is
registered in `vidlocal.enrich.run`, with the fast ones in `vidlocal.enrich.workers.fast_pass`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.records import JobKind


class ModelRole(StrEnum):
    """Role of a model on a model server."""

    VISION = "vision"
    TEXT = "text"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Properties of a job kind.

    `label`: name of the stage for people. `role`: model role on a server, None for an engine in process (fast pass).
    `per_frame`: the target of a job is a frame, else a video. `after_frames`: waits until the video is described.
    """

    kind: JobKind
    label: str
    role: ModelRole | None = None
    per_frame: bool = False
    after_frames: bool = False

    @property
    def is_fast(self) -> bool:
        """True for work of the fast pass, done by ingest at once with an installed engine."""
        return self.role is None


JOB_SPECS: Mapping[JobKind, JobSpec] = {
    spec.kind: spec
    for spec in (
        JobSpec(JobKind.READ, "OCR"),
        JobSpec(JobKind.TRANSCRIBE, "transcribing"),
        JobSpec(JobKind.SPEAKERS, "telling speakers apart"),
        JobSpec(JobKind.PEOPLE, "finding faces"),
        JobSpec(JobKind.PICTURES, "embedding images"),
        JobSpec(JobKind.EMBED, "embedding", ModelRole.EMBEDDING),
        JobSpec(JobKind.DESCRIBE, "captioning", ModelRole.VISION, per_frame=True),
        JobSpec(JobKind.WATCH, "watching", ModelRole.VISION, per_frame=True),
        JobSpec(JobKind.TAG, "tagging", ModelRole.TEXT, after_frames=True),
        JobSpec(JobKind.SUMMARISE, "summarising", ModelRole.TEXT, after_frames=True),
    )
}

FAST_KINDS = tuple(spec.kind for spec in JOB_SPECS.values() if spec.is_fast)
SERVER_KINDS = tuple(spec.kind for spec in JOB_SPECS.values() if not spec.is_fast)
PER_FRAME_KINDS = tuple(spec.kind for spec in JOB_SPECS.values() if spec.per_frame)
AFTER_FRAMES_KINDS = tuple(spec.kind for spec in JOB_SPECS.values() if spec.after_frames)


def kinds_with_role(role: ModelRole) -> tuple[JobKind, ...]:
    """Job kinds done by a model of `role`."""
    return tuple(spec.kind for spec in JOB_SPECS.values() if spec.role is role)
