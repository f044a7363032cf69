"""Outdated and poor descriptions are provenance again."""

from pathlib import Path

import numpy as np
import pytest

from vidlocal.model_answers import SceneAnswer
from vidlocal.records import FileStamp, FrameDraft, JobKind, JobState, MediaKind, PassageKind, Probe, Provenance
from vidlocal.store.content import frames, passages, stale, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS

LONG = "A bride in a white dress walks down the aisle of a church, number {}."


@pytest.fixture
def video(library: Library) -> int:
    """Six frames with finished describe jobs."""
    video_id = videos.add(
        library,
        content_hash="h",
        path=Path("/films/a.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 12.0),
        frame_drafts=[FrameDraft(2.0 * number, 0, f"frames/h/{number}.jpg", number) for number in range(6)],
        text_passages=[],
        plan=[],
    )
    while (
        job := jobs.claim(library, JobKind.DESCRIBE, worker="w", now=0.0, lease_s=1.0, job_filter=ALL_JOBS)
    ) is not None:
        jobs.finish(library, job)
    return video_id


def describe(library: Library, video_id: int, texts: list[str], *, model: str = "llava:7b", prompt: str = "1") -> None:
    for frame, text in zip(frames.of_video(library, video_id), texts, strict=False):
        provenance = Provenance("ollama", model, "d", prompt)
        frames.store_scene(library, frame, SceneAnswer(text), provenance)


def test_descriptions_of_another_model_or_prompt_are_stale(library: Library, video: int) -> None:
    describe(library, video, [LONG.format(number) for number in range(6)])
    assert stale.stale_frames(library, "llava:7b", ("1",)) == []
    assert len(stale.stale_frames(library, "bakllava", ("1",))) == 6
    assert len(stale.stale_frames(library, "llava:7b", ("2",))) == 6
    assert stale.stale_frames(library, "bakllava", ("1",), [video + 1]) == []


def test_short_and_repeated_descriptions_are_weak(library: Library, video: int) -> None:
    same = LONG.format("the same")
    describe(library, video, ["A room.", same, same, same, LONG.format(4), LONG.format(5)])
    ids = [frame.id for frame in frames.of_video(library, video)]
    assert stale.weak_frames(library) == ids[:4]


def test_old_caption_stays_until_replaced(library: Library, video: int) -> None:
    describe(library, video, [LONG.format(number) for number in range(6)])
    assert stale.requeue_frames(library, stale.stale_frames(library, "bakllava", ("1",))) == 6
    assert jobs.counts(library)[JobKind.DESCRIBE, JobState.QUEUED] == 6
    assert len(passages.of_video(library, video, [PassageKind.SCENE])) == 6


def test_another_embedding_model_has_everything_embedded_again(library: Library, video: int) -> None:
    describe(library, video, [LONG.format(0)])
    job = jobs.claim(library, JobKind.EMBED, worker="w", now=0.0, lease_s=1.0, job_filter=ALL_JOBS)
    assert job is not None
    ((passage_id, _),) = passages.without_vector(library, video, "old:latest@1", limit=9)
    passages.store_vectors(library, "old:latest@1", [passage_id], np.ones((1, 4), np.float32))
    jobs.finish(library, job)
    passages.requeue_for_model(library, "old")
    assert (JobKind.EMBED, JobState.QUEUED) not in jobs.counts(library)
    passages.requeue_for_model(library, "new")
    assert jobs.counts(library)[JobKind.EMBED, JobState.QUEUED] == 1
