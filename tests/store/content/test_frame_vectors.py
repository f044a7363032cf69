"""Image embeddings in the library."""

from pathlib import Path

import numpy as np
import pytest

from tests.support import frame_vectors as looks
from tests.support.text_videos import random_rows
from vidlocal.records import FileStamp, FrameDraft, JobKind, JobState, MediaKind, Probe
from vidlocal.store.content import frame_vectors, frames, videos
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index, vector_cache
from vidlocal.store.queue import jobs

KEY, OTHER = "look@111111111111", "look@222222222222"


def add_video(library: Library, content_hash: str = "h1") -> int:
    drafts = [
        FrameDraft(time=0.0, shot=0, image=f"frames/{content_hash}/000000.jpg", dhash=0, rank=0),
        FrameDraft(time=2.0, shot=0, image=None, dhash=0, same_as=0),
        FrameDraft(time=4.0, shot=1, image=f"frames/{content_hash}/000002.jpg", dhash=1),
    ]
    (library.frames_folder / content_hash).mkdir()
    return videos.add(
        library,
        content_hash=content_hash,
        path=Path(f"/films/{content_hash}.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(kind=MediaKind.VIDEO, duration=6.0),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )


def unit(*numbers: float) -> np.ndarray:
    rows = np.array(numbers, dtype=np.float32).reshape(len(numbers), 1)
    return np.hstack([np.cos(rows), np.sin(rows)])


def distinct(library: Library, video_id: int) -> list[int]:
    return [frame.id for frame in frames.of_video(library, video_id) if frame.image is not None]


def state(library: Library, kind: JobKind = JobKind.PICTURES) -> dict[JobState, int]:
    return {state: number for (of, state), number in jobs.counts(library).items() if of is kind}


def test_only_distinct_frames_need_vectors(library: Library) -> None:
    video_id = add_video(library)
    missing = frame_vectors.frames_without_vector(library, video_id, KEY, limit=9)
    assert [frame.id for frame in missing] == distinct(library, video_id)
    assert [frame.image for frame in missing] == ["frames/h1/000000.jpg", "frames/h1/000002.jpg"]
    assert len(frame_vectors.frames_without_vector(library, video_id, KEY, limit=1)) == 1


def test_vectors_come_back_in_order_of_video_and_time(library: Library) -> None:
    first, second = add_video(library), add_video(library, "h2")
    frame_vectors.store(library, KEY, distinct(library, second), unit(1.0, 2.0))
    frame_vectors.store(library, KEY, distinct(library, first), unit(3.0, 4.0))
    found = frame_vectors.every(library, KEY)
    assert found.videos.tolist() == [first, first, second, second]
    assert found.times.tolist() == [0.0, 4.0, 0.0, 4.0]
    assert found.frames.tolist() == [*distinct(library, first), *distinct(library, second)]
    np.testing.assert_array_equal(found.vectors, unit(3.0, 4.0, 1.0, 2.0))
    assert frame_vectors.frames_without_vector(library, first, KEY, limit=9) == []


def test_vectors_of_two_models_are_never_mixed(library: Library) -> None:
    video_id = add_video(library)
    frame_vectors.store(library, KEY, distinct(library, video_id), unit(1.0, 2.0))
    frame_vectors.store(library, OTHER, distinct(library, video_id)[:1], unit(3.0))
    assert frame_vectors.keys(library) == [KEY, OTHER]
    assert len(frame_vectors.every(library, OTHER).vectors) == 1
    assert len(frame_vectors.frames_without_vector(library, video_id, OTHER, limit=9)) == 1
    frame_vectors.delete_other_models(library, video_id, OTHER)
    assert frame_vectors.keys(library) == [OTHER]


def test_a_model_without_vectors_has_none(library: Library) -> None:
    found = frame_vectors.every(library, KEY)
    assert found.frames.shape == found.videos.shape == found.times.shape == (0,)
    assert found.vectors.shape == (0, 0)


def test_storing_twice_keeps_one_vector_and_a_deleted_frame_none(library: Library) -> None:
    video_id = add_video(library)
    ids = distinct(library, video_id)
    frame_vectors.store(library, KEY, ids, unit(1.0, 2.0))
    frame_vectors.store(library, KEY, [*ids, 999], unit(5.0, 6.0, 7.0))
    np.testing.assert_array_equal(frame_vectors.every(library, KEY).vectors, unit(5.0, 6.0))
    videos.remove(library, video_id)
    assert library.number("SELECT count(*) FROM frame_vectors") == 0


def test_only_the_vectors_of_some_videos_are_read(library: Library) -> None:
    first, second = add_video(library), add_video(library, "h2")
    frame_vectors.store(library, KEY, distinct(library, second), unit(1.0, 2.0))
    frame_vectors.store(library, KEY, distinct(library, first), unit(3.0, 4.0))
    found = frame_vectors.every(library, KEY, [second])
    assert found.frames.tolist() == distinct(library, second)
    assert np.array_equal(found.vectors, unit(1.0, 2.0))
    assert len(frame_vectors.every(library, KEY, []).frames) == 0


def test_many_vectors_are_read_from_the_cache(library: Library) -> None:
    rows = random_rows(vector_cache.MAX_UNCACHED + 50)
    _, ids = looks.add_video(library, "many", rows, key=KEY)
    assert len(frame_index.prepare(library, KEY)) == len(rows)
    looks.add_video(library, "few", rows[:3], key=KEY)
    found = frame_vectors.every(library, KEY)
    assert np.array_equal(found.vectors, np.concatenate([rows, rows[:3]]))
    assert found.frames.tolist()[: len(ids)] == ids


def test_a_vector_of_another_size_is_skipped(library: Library) -> None:
    video_id = add_video(library)
    frame_vectors.store(library, KEY, distinct(library, video_id), unit(1.0, 2.0))
    library.connection.execute("UPDATE frame_vectors SET vector = x'00' WHERE frame_id = ?", (3,))
    assert frame_vectors.every(library, KEY).vectors.shape == (1, 2)


def test_a_video_without_vectors_is_queued_once(library: Library) -> None:
    video_id = add_video(library)
    assert frame_vectors.queue_missing(library, KEY) == 1
    assert frame_vectors.queue_missing(library, KEY) == 0
    assert state(library) == {JobState.QUEUED: 1}
    job = jobs.claim(library, JobKind.PICTURES, worker="w", now=0.0, lease_s=1.0)
    assert job is not None
    assert (job.target, job.video_id) == (video_id, video_id)
    frame_vectors.store(library, KEY, distinct(library, video_id), unit(1.0, 2.0))
    jobs.finish(library, job)
    assert frame_vectors.queue_missing(library, KEY) == 0


def test_a_video_without_images_waits_for_them(library: Library) -> None:
    add_video(library)
    (library.frames_folder / "h1").rmdir()
    assert frame_vectors.queue_missing(library, KEY) == 0
    (library.frames_folder / "h1").mkdir()
    assert frame_vectors.queue_missing(library, KEY) == 1


def test_coverage_counts_distinct_frames(library: Library) -> None:
    video_id = add_video(library)
    assert frame_vectors.coverage(library, video_id, KEY) == (0, 2)
    frame_vectors.store(library, KEY, distinct(library, video_id)[:1], unit(1.0))
    assert frame_vectors.coverage(library, video_id, KEY) == (1, 2)
    assert frame_vectors.coverage(library, video_id, OTHER) == (0, 2)


@pytest.mark.parametrize(("key", "queued"), [(KEY, 0), (OTHER, 1)])
def test_failed_jobs_are_queued_again_for_another_model_only(library: Library, key: str, queued: int) -> None:
    add_video(library)
    frame_vectors.queue_missing(library, KEY)
    job = jobs.claim(library, JobKind.PICTURES, worker="w", now=0.0, lease_s=1.0)
    assert job is not None
    while not jobs.fail(library, job, "a picture that cannot be read"):
        pass
    assert frame_vectors.queue_missing(library, key) == queued
