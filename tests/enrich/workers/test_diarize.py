"""Speakers of whole videos: real sound, real sherpa-onnx with made models, a real library."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.speech import probe_of, write_wav
from tests.support.tones import HIGH_HZ, HIGHEST_HZ, LOW_HZ, place, tones
from vidlocal.engines.arrays import Samples
from vidlocal.engines.base import DiarizationEngine, Voice
from vidlocal.engines.speakers.diarizer import Diarizer
from vidlocal.engines.speakers.speaker_files import speaker_models
from vidlocal.enrich.workers.diarize import diarize_video
from vidlocal.media import ffmpeg
from vidlocal.records import FileStamp, Job, JobKind, JobState, Passage, PassageKind
from vidlocal.store.content import passages, speakers, videos, voices
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

_PROCESSES = count()

Placed = list[tuple[float, float, float]]

DEBATE: Placed = [(1, 6, LOW_HZ), (7, 12, HIGH_HZ), (13, 18, LOW_HZ)]


@pytest.fixture(scope="module")
def diarizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diarizer]:
    with Diarizer(speaker_models(place(tmp_path_factory.mktemp("models")))) as engine:
        yield engine


class Studio:
    """Records videos of tones with a line of speech for each, and tells their speakers apart."""

    def __init__(self, library: Library, folder: Path, engine: Diarizer, tool: ffmpeg.Ffmpeg) -> None:
        self.library, self.folder, self.engine, self.tool = library, folder, engine, tool

    def record(self, name: str, placed: Placed, *, names: list[str | None] | None = None) -> Job:
        seconds = max(end for _, end, _ in placed) + 1
        write_wav(self.folder / f"{name}.wav", tones(placed, seconds=seconds))
        video_id = videos.add(
            self.library,
            content_hash=name * 8,
            path=Path(f"/v/{name}.wav"),
            stamp=FileStamp(1, 1, 1),
            probe=probe_of(seconds),
            frame_drafts=[],
            text_passages=[],
            plan=[JobKind.SPEAKERS],
        )
        lines = [
            Passage(start, end, PassageKind.SPEECH, f"{name} {hz:.0f} {start}", speaker=(names or [None] * 9)[number])
            for number, (start, end, hz) in enumerate(placed)
        ]
        passages.add(self.library, video_id, lines)
        return self.claim()

    def claim(self) -> Job:
        worker = f"process {next(_PROCESSES)}"
        job = jobs.claim(self.library, JobKind.SPEAKERS, worker=worker, now=time.monotonic(), lease_s=900.0)
        assert job is not None
        return job

    def run(self, name: str, job: Job, *, engine: DiarizationEngine | None = None, **options: Any) -> None:
        video = videos.get(self.library, job.video_id)
        assert video is not None
        path, probe = self.folder / f"{name}.wav", probe_of(video.duration)
        diarize_video(self.library, job, path, probe, engine=engine or self.engine, ffmpeg=self.tool, **options)

    def diarize(self, name: str, job: Job, *, window_s: float = 600.0) -> list[str | None]:
        """Return the speaker of each line."""
        self.run(name, job, window_s=window_s)
        return [passage.speaker for passage in passages.of_video(self.library, job.video_id)]


@pytest.fixture
def studio(library: Library, tmp_path: Path, diarizer: Diarizer, tool: ffmpeg.Ffmpeg) -> Studio:
    return Studio(library, tmp_path, diarizer, tool)


def test_a_voice_is_the_same_speaker_in_all_videos(library: Library, studio: Studio) -> None:
    assert studio.diarize("a", studio.record("a", DEBATE)) == ["Speaker 1", "Speaker 2", "Speaker 1"]
    speakers.rename(library, 1, "Aunt Mary")
    second = studio.record("b", [(1, 6, HIGHEST_HZ), (7, 12, LOW_HZ)])
    assert studio.diarize("b", second) == ["Speaker 3", "Aunt Mary"]
    assert jobs.counts(library)[JobKind.SPEAKERS, JobState.DONE] == 2


@pytest.mark.parametrize("window_s", [7.0, 9.5])
def test_a_voice_is_one_across_windows(studio: Studio, window_s: float) -> None:
    job = studio.record("a", DEBATE)
    assert studio.diarize("a", job, window_s=window_s) == ["Speaker 1", "Speaker 2", "Speaker 1"]


def test_names_and_merges_survive_another_diarization(library: Library, studio: Studio) -> None:
    placed: Placed = [*DEBATE, (19, 24, HIGHEST_HZ)]
    job = studio.record("a", placed)
    studio.diarize("a", job)
    speakers.rename(library, 2, "Tom")
    speakers.merge(library, 2, [3])
    jobs.add(library, JobKind.SPEAKERS, job.video_id, job.video_id)
    assert studio.diarize("a", studio.claim()) == ["Speaker 1", "Tom", "Speaker 1", "Tom"]
    assert [speaker.id for speaker in speakers.every(library)] == [2, 1]
    assert library.rows("PRAGMA foreign_key_check") == []


def test_a_name_in_the_transcript_is_given_to_the_voice(library: Library, studio: Studio) -> None:
    job = studio.record("a", DEBATE, names=["Anna", None, None])
    assert studio.diarize("a", job) == ["Anna", "Speaker 2", "Anna"]
    assert studio.diarize("b", studio.record("b", [(1, 6, LOW_HZ)])) == ["Anna"]


def test_a_video_without_speech_waits_for_its_transcript(library: Library, studio: Studio) -> None:
    job = studio.record("a", DEBATE)
    passages.delete_transcript(library, job.video_id)
    assert studio.diarize("a", job) == []
    assert library.number("SELECT count(*) FROM voices") == 0
    assert voices.queue_missing(library, studio.engine.key) == 0
    passages.add(library, job.video_id, [Passage(1, 6, PassageKind.SPEECH, "Hello.")])
    assert voices.queue_missing(library, studio.engine.key) == 1
    assert studio.diarize("a", studio.claim()) == ["Speaker 1"]
    assert voices.queue_missing(library, studio.engine.key) == 0
    assert voices.queue_missing(library, "other@model") == 1


def test_a_voice_that_says_nothing_is_not_kept(library: Library, studio: Studio) -> None:
    job = studio.record("a", DEBATE)
    with library.writing() as connection:
        connection.execute("DELETE FROM passages WHERE start = 7")
    assert studio.diarize("a", job) == ["Speaker 1", "Speaker 1"]
    assert library.number("SELECT (SELECT count(*) FROM voices) + (SELECT count(*) FROM speakers)") == 2


def test_a_video_without_sound_is_heard_once(library: Library, studio: Studio) -> None:
    job = studio.record("a", DEBATE)
    path = studio.folder / "a.wav"
    diarize_video(library, job, path, probe_of(19.0, tracks=()), engine=studio.engine, ffmpeg=studio.tool)
    assert voices.queue_missing(library, studio.engine.key) == 0


def test_an_imported_transcript_without_its_video_is_not_queued(library: Library, studio: Studio) -> None:
    studio.record("a", DEBATE)
    with library.writing() as connection:
        connection.execute("DELETE FROM copies")
        connection.execute("DELETE FROM jobs")
    assert voices.queue_missing(library, studio.engine.key) == 0


def test_videos_of_another_model_are_not_compared(library: Library, studio: Studio) -> None:
    studio.diarize("a", studio.record("a", DEBATE))
    with library.writing() as connection:
        connection.execute("UPDATE voices SET model = 'other@model'")
    assert studio.diarize("b", studio.record("b", DEBATE)) == ["Speaker 3", "Speaker 4", "Speaker 3"]


def test_damaged_vectors_of_a_library_are_left_out(library: Library, studio: Studio) -> None:
    studio.diarize("a", studio.record("a", DEBATE))
    studio.diarize("b", studio.record("b", DEBATE))
    studio.diarize("c", studio.record("c", DEBATE))
    with library.writing() as connection:
        connection.execute("UPDATE voices SET vector = x'0000' WHERE video_id = 1 AND speaker_id = 1")
        connection.execute("UPDATE voices SET vector = zeroblob(8) WHERE video_id = 2 AND speaker_id = 1")
        connection.execute("UPDATE voices SET vector = 'text' WHERE video_id = 1 AND speaker_id = 2")
    assert studio.diarize("d", studio.record("d", DEBATE)) == ["Speaker 1", "Speaker 2", "Speaker 1"]
    assert set(voices.mean_vectors(library, studio.engine.key)) == {1, 2}


class Interrupted(Exception):
    pass


def test_a_stopped_run_stores_nothing(library: Library, studio: Studio) -> None:
    job = studio.record("a", DEBATE)

    def stop(fraction: float) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        diarize_video(
            library,
            job,
            studio.folder / "a.wav",
            probe_of(19.0),
            engine=studio.engine,
            ffmpeg=studio.tool,
            on_progress=stop,
        )
    assert library.number("SELECT count(*) FROM voices") == 0


class Swapped:
    """An engine with the same voices as another, in reverse order."""

    def __init__(self, engine: Diarizer) -> None:
        self.engine = engine

    @property
    def key(self) -> str:
        return "swapped@model"

    def diarize(self, samples: Samples) -> tuple[Voice, ...]:
        return tuple(reversed(self.engine.diarize(samples)))


def test_names_survive_a_change_of_the_model(library: Library, studio: Studio) -> None:
    job = studio.record("a", DEBATE)
    studio.diarize("a", job)
    speakers.rename(library, 1, "Mary")
    jobs.add(library, JobKind.SPEAKERS, job.video_id, job.video_id)
    diarize_video(
        library,
        studio.claim(),
        studio.folder / "a.wav",
        probe_of(19.0),
        engine=Swapped(studio.engine),
        ffmpeg=studio.tool,
    )
    assert [passage.speaker for passage in passages.of_video(library, job.video_id)] == ["Mary", "Speaker 2", "Mary"]
