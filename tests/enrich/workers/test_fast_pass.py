"""OCR and speech pause with the schedule, and resume at the same place."""

import wave
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.speech import recording, sentences, write_wav
from vidlocal.engines.base import Speech, SpeechEngine
from vidlocal.enrich.workers import fast_pass
from vidlocal.enrich.workers.transcribe import STEP, WINDOW_S
from vidlocal.media import files
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Cue, JobKind, JobState
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import checkpoints, jobs
from vidlocal.store.queue.job_filter import for_videos

RATE_HZ = 8000


class Deaf:
    """A speech engine without any calls, for silence."""

    kind = "scripted"
    name = "deaf"
    digest = "d" * 64

    def has_speech(self, samples: object) -> bool:
        return True

    def language_probabilities(self, samples: object, *, seconds: float = 30.0) -> Mapping[str, float]:
        raise AssertionError("asked about silence")

    def transcribe(self, samples: object, language: str | None, *, prompt: str = "", continues: bool = False) -> Speech:
        raise AssertionError("asked about silence")

    def translate(self, samples: object, language: str) -> Speech:
        raise AssertionError("asked about silence")


class Listener:
    """A speech engine with numbers for any sound, as real speech never repeats itself for minutes."""

    kind = "scripted"
    name = "listener"
    digest = "e" * 64

    def __init__(self) -> None:
        self.windows = 0

    def has_speech(self, samples: object) -> bool:
        return True

    def language_probabilities(self, samples: object, *, seconds: float = 30.0) -> Mapping[str, float]:
        return {"en": 1.0}

    def transcribe(self, samples: object, language: str | None, *, prompt: str = "", continues: bool = False) -> Speech:
        self.windows += 1
        return Speech("en", (Cue(0.0, 2.0, f"This is number {self.windows}."),))

    def translate(self, samples: object, language: str) -> Speech:
        raise AssertionError("nobody asked for it")


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """Return a recording of nothing, three windows long."""
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(RATE_HZ)
        sound.writeframes(b"\x80" * int(RATE_HZ * WINDOW_S * 2.5))
    return path


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A recording of a speaker with the length of silence."""
    first = sentences("wedding-en")[0]
    seconds = WINDOW_S * 2.5
    return write_wav(
        tmp_path / "speech.wav", recording(((start, first) for start in range(5, 1400, 60)), seconds=seconds)
    )


def work_off(
    library: Library,
    path: Path,
    *,
    hold: Callable[[], bool],
    stop: Callable[[], bool],
    model: SpeechEngine | None = None,
) -> int:
    """Listen to the recording under a gate. The id of its video."""
    with Prober() as prober, ProcessLock(library.folder) as lock:
        video_id = videos.add(
            library,
            content_hash=sha256(path.read_bytes()).hexdigest(),
            path=path,
            stamp=files.read_stamp(path),
            probe=prober.probe(path),
            frame_drafts=[],
            text_passages=[],
            plan=[JobKind.TRANSCRIBE],
        )
        engines = fast_pass.FastEngines(find_ffmpeg(None), prober, RapidOcr(), model or Deaf())
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
def test_the_pace_of_a_model_is_measured_on_speech_only(library: Library, silence: Path, speech: Path) -> None:
    work_off(library, silence, hold=lambda: False, stop=lambda: False)
    assert facts.get(library, facts.speech_pace_key("deaf")) is None
    work_off(library, speech, hold=lambda: False, stop=lambda: False, model=Listener())
    pace = facts.get(library, facts.speech_pace_key("listener"))
    assert pace is not None
    assert 0 <= float(pace) < 1
    assert facts.get(library, facts.SPEECH_PACE) == pace
