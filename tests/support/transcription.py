"""A speech engine with prepared answers, and jobs to transcribe."""

import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import numpy as np

from tests.support.speech import RATE_HZ, Samples, Sentence
from vidlocal.engines.base import Speech
from vidlocal.errors import EngineError
from vidlocal.records import Cue, FileStamp, Job, JobKind, Passage, Probe
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

FIVE_HOURS = 5 * 3600.0

_PROCESSES = count()


class Scripted:
    """A speech engine with a record of every window, and a possible failure at one."""

    kind = "scripted"
    name = "scripted"
    digest = "d" * 64

    def __init__(self, *, fail_at: int | None = None, error: BaseException | None = None) -> None:
        self.heard: list[float] = []
        self.asked: list[str | None] = []
        self.prompts: list[str] = []
        self.continued: list[bool] = []
        self._fail_at = fail_at
        self._error = error or EngineError("the model crashed")

    def has_speech(self, samples: object) -> bool:
        return True

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        return {"en": 0.4, "es": 0.6}

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        if len(self.heard) == self._fail_at:
            raise self._error
        self.heard.append(samples.size / RATE_HZ)
        self.asked.append(language)
        self.prompts.append(prompt)
        self.continued.append(continues)
        return Speech(language, (Cue(0.0, samples.size / RATE_HZ, f"piece {len(self.heard)}", language),))

    def translate(self, samples: Samples, language: str) -> Speech:
        return Speech("en", (Cue(0.0, samples.size / RATE_HZ, f"translated from {language}", "en"),))


def queued(library: Library, probe: Probe) -> Job:
    videos.add(
        library,
        content_hash="a" * 64,
        path=Path("/v/talk.wav"),
        stamp=FileStamp(1, 1, 1),
        probe=probe,
        frame_drafts=[],
        text_passages=[],
        plan=[JobKind.TRANSCRIBE],
    )
    return claimed(library)


def claimed(library: Library) -> Job:
    """Claimed by a process of its own: nobody takes a job from himself."""
    worker = f"process {next(_PROCESSES)}"
    job = jobs.claim(library, JobKind.TRANSCRIBE, worker=worker, now=time.monotonic() + FIVE_HOURS, lease_s=900.0)
    assert job is not None
    return job


def said(library: Library, job: Job) -> list[Passage]:
    return passages.of_video(library, job.video_id)


def placed_every(seconds: float, gap: float, spoken: list[Sentence]) -> list[tuple[float, Sentence]]:
    times = np.arange(1.0, seconds - 4, gap)
    return [(float(at), spoken[number % len(spoken)]) for number, at in enumerate(times)]
