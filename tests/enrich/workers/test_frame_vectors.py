"""From images to vectors: stored at once, each once, despite failures."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.support import clip_model as made
from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import ImageRejected
from vidlocal.engines.clip.clip_files import clip_model
from vidlocal.engines.clip.embedder import ClipEncoder
from vidlocal.enrich.workers import fast_pass
from vidlocal.enrich.workers.frame_vectors import BATCH_SIZE, embed_frames
from vidlocal.errors import AnswerRejected, EngineError, MediaError
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import FileStamp, FrameDraft, Job, JobKind, JobState, MediaKind, Probe
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import frame_vectors, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs

ROOT = Path(__file__).parents[3]


class FakeLook:
    """A ClipEngine. Images contain their number; those of `poison` crash the model, `bad` images do not."""

    def __init__(self, *, poison: Collection[int] = (), bad: Collection[int] = (), key: str = "look@1") -> None:
        self.key = key
        self.poison = poison
        self.bad = bad
        self.asked: list[list[int]] = []

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        numbers = [int(jpeg) for jpeg in jpegs]
        self.asked.append(numbers)
        if set(numbers) & set(self.poison):
            raise ImageRejected("The model failed on a picture.")
        if set(numbers) & set(self.bad):
            raise AnswerRejected("A picture is damaged and cannot be read.")
        return np.array([[np.cos(number), np.sin(number)] for number in numbers], dtype=np.float32)

    def embed_text(self, text: str) -> Vectors:
        raise NotImplementedError(text)

    def close(self) -> None:
        """Nothing is held."""


def add_video(library: Library, pictures: Sequence[bytes], *, name: str = "h") -> int:
    """A video with a distinct frame every 4 s, each followed by a repeat."""
    (library.frames_folder / name).mkdir(parents=True)
    drafts: list[FrameDraft] = []
    for number, picture in enumerate(pictures):
        image = f"frames/{name}/{number:06}.jpg"
        (library.folder / image).write_bytes(picture)
        drafts.append(FrameDraft(4.0 * number, number, image, number, rank=number if number < 50 else None))
        drafts.append(FrameDraft(4.0 * number + 2.0, number, None, number, same_as=2 * number))
    return videos.add(
        library,
        content_hash=name,
        path=Path(f"/films/{name}.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 4.0 * len(pictures)),
        frame_drafts=drafts,
        text_passages=[],
        plan=[JobKind.PICTURES],
    )


def numbered(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


def claim(library: Library) -> Job:
    job = jobs.claim(library, JobKind.PICTURES, worker="w", now=time.monotonic(), lease_s=60.0)
    assert job is not None
    return job


def state(library: Library) -> dict[JobState, int]:
    return {state: number for (kind, state), number in jobs.counts(library).items() if kind is JobKind.PICTURES}


def seen(library: Library, key: str = "look@1") -> list[float]:
    """Times of the frames with a vector."""
    return [float(time) for time in frame_vectors.every(library, key).times]


def test_every_distinct_frame_gets_one_vector_in_batches(library: Library) -> None:
    video_id = add_video(library, numbered(BATCH_SIZE + 3))
    engine, shares = FakeLook(), list[float]()
    assert embed_frames(library, claim(library), engine, on_progress=shares.append) == BATCH_SIZE + 3
    assert [len(batch) for batch in engine.asked] == [BATCH_SIZE, 3]
    assert seen(library) == [4.0 * number for number in range(BATCH_SIZE + 3)]
    assert state(library) == {JobState.DONE: 1}
    assert shares == [BATCH_SIZE / (BATCH_SIZE + 3), 1.0]
    assert frame_vectors.coverage(library, video_id, "look@1") == (BATCH_SIZE + 3, BATCH_SIZE + 3)


def test_interrupted_run_resumes(library: Library) -> None:
    add_video(library, numbered(3 * BATCH_SIZE))
    engine = FakeLook()

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_frames(library, claim(library), engine, on_progress=stop)
    assert len(seen(library)) == BATCH_SIZE
    jobs.requeue_orphans(library)
    embed_frames(library, claim(library), engine)
    asked = [number for batch in engine.asked for number in batch]
    assert sorted(asked) == list(range(3 * BATCH_SIZE))


@pytest.mark.parametrize("sort", ["poison", "bad"])
def test_failed_image_does_not_stop_other_vectors(library: Library, sort: str) -> None:
    add_video(library, numbered(2 * BATCH_SIZE))
    engine = FakeLook(poison={5}) if sort == "poison" else FakeLook(bad={5, 20})
    with pytest.raises(AnswerRejected, match=r"^h: [12] images? without a vector\. "):
        embed_frames(library, claim(library), engine)
    left = {5} if sort == "poison" else {5, 20}
    assert seen(library) == [4.0 * number for number in range(2 * BATCH_SIZE) if number not in left]


def test_missing_image_is_named(library: Library) -> None:
    add_video(library, numbered(3))
    (library.frames_folder / "h" / "000001.jpg").unlink()
    with pytest.raises(MediaError, match=r"1 image without a vector\..*000001\.jpg.*vidlocal check"):
        embed_frames(library, claim(library), FakeLook())
    assert len(seen(library)) == 2


def test_model_failing_on_successive_images_is_stopped(library: Library) -> None:
    add_video(library, numbered(100))
    engine = FakeLook(poison=range(100))
    with pytest.raises(ImageRejected):
        embed_frames(library, claim(library), engine)
    assert len(engine.asked) < 12
    assert seen(library) == []


def test_vectors_of_another_model_are_replaced(library: Library) -> None:
    add_video(library, numbered(2 * BATCH_SIZE))
    embed_frames(library, claim(library), FakeLook())
    assert frame_vectors.queue_missing(library, "look@2") == 1

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_frames(library, claim(library), FakeLook(key="look@2"), on_progress=stop)
    assert (len(seen(library)), len(seen(library, "look@2"))) == (2 * BATCH_SIZE, BATCH_SIZE)
    jobs.requeue_orphans(library)
    embed_frames(library, claim(library), FakeLook(key="look@2"))
    assert frame_vectors.keys(library) == ["look@2"]


def test_video_removed_meanwhile_is_skipped(library: Library) -> None:
    video_id = add_video(library, numbered(2 * BATCH_SIZE))
    embed_frames(library, claim(library), FakeLook(), on_progress=lambda share: videos.remove(library, video_id))
    assert frame_vectors.keys(library) == []


# ---------------------------------------------------------------- in the fast pass


@pytest.fixture
def lock(library: Library) -> Iterator[ProcessLock]:
    with ProcessLock(library.folder) as held:
        yield held


def work_off(library: Library, lock: ProcessLock, engine: FakeLook | None, *, hold: bool = False) -> tuple[str, ...]:
    with Prober() as prober, RapidOcr() as reader:
        engines = fast_pass.FastEngines(
            find_ffmpeg(None), prober, reader, None, None, engine, "Pictures wait: run setup."
        )
        again = iter([False])  # a run that is held waits before the next job
        stop = (lambda: next(again, True)) if hold else (lambda: False)
        return fast_pass.run_fast_pass(library, engines, lock, only=[JobKind.PICTURES], stop=stop, hold=lambda: hold)


def test_a_poisonous_image_fails_after_three_attempts(library: Library, lock: ProcessLock) -> None:
    add_video(library, numbered(4))
    engine = FakeLook(poison={2})
    for _ in range(jobs.MAX_ATTEMPTS):
        assert len(work_off(library, lock, engine)) == 1
        library.connection.execute("UPDATE jobs SET not_before = 0")
    assert work_off(library, lock, engine) == ()
    assert engine.asked[-1] == [2]
    (failure,) = jobs.failures(library)
    assert "h: 1 image without a vector." in failure.reason
    assert len(seen(library)) == 3
    assert frame_vectors.queue_missing(library, "look@1") == 1  # seen for the first time by a look at all
    library.connection.execute("UPDATE jobs SET state = 'failed'")
    assert frame_vectors.queue_missing(library, "look@1") == 0


def test_without_the_model_waiting_jobs_are_reported_and_stay(library: Library, lock: ProcessLock) -> None:
    add_video(library, numbered(2))
    assert work_off(library, lock, None) == ("Pictures wait: run setup.",)
    assert state(library) == {JobState.QUEUED: 1}


def test_missing_model_is_not_reported_without_jobs(library: Library, lock: ProcessLock) -> None:
    assert work_off(library, lock, None) == ()


def test_held_job_is_released_with_its_progress(library: Library, lock: ProcessLock) -> None:
    add_video(library, numbered(2 * BATCH_SIZE))
    assert work_off(library, lock, FakeLook(), hold=True) == ()
    assert len(seen(library)) == BATCH_SIZE
    assert state(library) == {JobState.QUEUED: 1}


def test_a_model_at_fault_costs_the_video_nothing(library: Library, lock: ProcessLock) -> None:
    class Broken(FakeLook):
        def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
            raise EngineError("The model cannot be loaded.")

    add_video(library, numbered(2))
    assert work_off(library, lock, Broken()) == ("The model cannot be loaded.",)
    assert library.number("SELECT attempts FROM jobs WHERE kind = 'pictures'") == 0


# ---------------------------------------------------------------- the real thing


def test_killed_process_loses_and_repeats_nothing(library: Library, tmp_path: Path) -> None:
    colours = ["red", "green", "blue", "white"] * BATCH_SIZE
    add_video(library, [made.jpeg(colour) for colour in colours])
    models = made.place(tmp_path / "models")
    code = f"""
import sys, time
from pathlib import Path
from vidlocal.engines.clip.clip_files import clip_model
from vidlocal.engines.clip.embedder import ClipEncoder
from vidlocal.records import JobKind
from vidlocal.enrich.workers.frame_vectors import embed_frames
from vidlocal.store.queue import jobs
from vidlocal.store.database import Library
model = clip_model(Path({str(models)!r}))
with Library.open(Path({str(library.folder)!r})) as library, ClipEncoder(model) as look:
    job = jobs.claim(library, JobKind.PICTURES, worker="gone", now=time.monotonic(), lease_s=60.0)
    embed_frames(library, job, look, on_progress=lambda share: print(share, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.read()
    before = library.rows("SELECT id, frame_id, vector FROM frame_vectors ORDER BY id")
    assert BATCH_SIZE <= len(before) < len(colours)
    assert jobs.requeue_orphans(library) == 1
    with ClipEncoder(clip_model(models)) as engine:
        embed_frames(library, claim(library), engine)
    after = library.rows("SELECT id, frame_id, vector FROM frame_vectors ORDER BY id")
    assert [tuple(row) for row in after[: len(before)]] == [tuple(row) for row in before]
    assert len(after) == len(colours)
    assert len({row["frame_id"] for row in after}) == len(colours)
