"""What is read and heard gives way when the gate closes, and goes on where it was."""

import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vidlocal.engines.base import Speech
from vidlocal.enrich.workers import fast_pass
from vidlocal.enrich.workers.transcribe import STEP, WINDOW_S
from vidlocal.media import files
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe import Prober
from vidlocal.records import JobKind, JobState
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import checkpoints, jobs
from vidlocal.store.queue.job_filter import for_videos

RATE_HZ = 8000


class Deaf:
    """A speech engine that is never asked: there is nothing but silence."""

    name = "deaf"
    digest = "d" * 64

    def has_speech(self, samples: object) -> bool:
        return True

    def language_probabilities(self, samples: object, *, quick: bool = False) -> Mapping[str, float]:
        raise AssertionError("asked about silence")

    def transcribe(self, samples: object, language: str | None, *, prompt: str = "") -> Speech:
        raise AssertionError("asked about silence")


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """A recording of nothing, three windows long."""
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(RATE_HZ)
        sound.writeframes(b"\x80" * int(RATE_HZ * WINDOW_S * 2.5))
    return path


def work_off(library: Library, path: Path, *, hold: Callable[[], bool], stop: Callable[[], bool]) -> int:
    """Listen to the recording under a gate. The id of its video."""
    with Prober() as prober, ProcessLock(library.folder) as lock:
        video_id = videos.add(
            library,
            content_hash="a" * 64,
            path=path,
            stamp=files.read_stamp(path),
            probe=prober.probe(path),
            frame_drafts=[],
            text_passages=[],
            plan=[JobKind.TRANSCRIBE],
        )
        engines = fast_pass.FastEngines(find_ffmpeg(None), prober, RapidOcr(), Deaf())
        assert jobs.queued_seconds(library, JobKind.TRANSCRIBE) == pytest.approx(2.5 * WINDOW_S)
        assert jobs.queued_seconds(library, JobKind.TRANSCRIBE, for_videos(video_id + 1)) == 0.0
        assert fast_pass.run_fast_pass(library, engines, lock, hold=hold, stop=stop) == ()
    return video_id


@pytest.mark.slow
def test_held_speech_job_resumes(library: Library, silence: Path) -> None:
    reached: list[float] = []

    def once() -> bool:
        reached.append(checkpoints.get(library, 1, STEP))
        return len(reached) == 1

    video_id = work_off(library, silence, hold=once, stop=lambda: False)
    assert video_id == 1
    assert reached == pytest.approx([WINDOW_S, 2 * WINDOW_S, 2.5 * WINDOW_S], abs=1.0)
    assert jobs.counts(library) == {(JobKind.TRANSCRIBE, JobState.DONE): 1}


def test_speech_job_after_the_end_time_is_released_without_an_attempt(library: Library, silence: Path) -> None:
    over = False

    def hold() -> bool:
        nonlocal over
        over = True
        return True

    video_id = work_off(library, silence, hold=hold, stop=lambda: over)
    assert checkpoints.get(library, video_id, STEP) == pytest.approx(WINDOW_S, abs=1.0)
    assert jobs.counts(library) == {(JobKind.TRANSCRIBE, JobState.QUEUED): 1}
    assert library.number("SELECT attempts + losses FROM jobs") == 0


@pytest.mark.slow
def test_the_pace_of_a_model_is_measured(library: Library, silence: Path) -> None:
    work_off(library, silence, hold=lambda: False, stop=lambda: False)
    pace = facts.get(library, facts.speech_pace_key("deaf"))
    assert pace is not None
    assert 0 <= float(pace) < 1
