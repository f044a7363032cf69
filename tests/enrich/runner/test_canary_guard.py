"""Captions are visible only after checks of their model's vision, before and afterwards."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from vidlocal.engines.base import VisionEngine
from vidlocal.enrich.runner.canary_guard import MAX_UNVERIFIED, MAX_UNVERIFIED_S, CanaryGuard
from vidlocal.enrich.runner.pool import Host, Pool
from vidlocal.enrich.runner.queue_runner import remaining_jobs
from vidlocal.errors import EngineError, EngineUnreachable
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import FileStamp, FrameDraft, JobKind, JobState, MediaKind, PassageKind, Probe
from vidlocal.records import Provenance as Made
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import for_videos


class Eyes:
    """A vision model with nothing but a name."""

    name = "eyes"

    def __init__(self, digest: str = "d1") -> None:
        self.digest = digest

    def provenance(self, *, plain: bool = False) -> Made:
        return Made("ours", self.name, self.digest, "1")

    def describe(self, jpeg: bytes, *, plain: bool = False, attempt: int = 0) -> SceneAnswer:
        return SceneAnswer("a scene")

    def ask_image(self, jpeg: bytes, question: str) -> str:
        return "red"

    def unload(self) -> None:
        return


def guard_over(library: Library, verdicts: Sequence[str | EngineError | None], *, now: list[float]) -> CanaryGuard:
    """A guard over a host with these results of consecutive checks."""
    answers = iter(verdicts)

    def check() -> str | None:
        verdict = next(answers)
        if isinstance(verdict, EngineError):
            raise verdict
        return verdict

    host = Host("here", cast(VisionEngine, Eyes()), None, lambda: True, check)
    return CanaryGuard(library, Pool([host], lambda: now[0], lambda sentence: None), lambda: now[0], guarded=True)


def describe_hidden(library: Library, *, digest: str = "d1") -> int:
    video_id = videos.add(
        library,
        content_hash=digest,
        path=Path("/films/party.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 2.0),
        frame_drafts=[FrameDraft(0.0, 0, "frames/x/0.jpg", 1, rank=0)],
        text_passages=[],
        plan=[],
    )
    (frame,) = frames.of_video(library, video_id)
    made = Made("ours", "eyes", digest, "1")
    with library.writing():
        frames.store_scene(library, frame, SceneAnswer("a hidden scene"), made, visible=False)
        job = jobs.claim(library, JobKind.DESCRIBE, worker="w", now=0.0, lease_s=1.0, job_filter=for_videos(video_id))
        assert job is not None
        jobs.finish(library, job)
    return video_id


def scenes(library: Library, video_id: int) -> list[str]:
    return [scene.text for scene in passages.of_video(library, video_id, [PassageKind.SCENE])]


def waiting(library: Library) -> int:
    return jobs.counts(library).get((JobKind.DESCRIBE, JobState.QUEUED), 0)


def test_caption_is_published_after_the_next_canary(library: Library) -> None:
    video_id = describe_hidden(library)
    guard = guard_over(library, [None], now=[0.0])
    guard.count()
    assert scenes(library, video_id) == []
    guard.verify(at_the_end=True)
    assert scenes(library, video_id) == ["a hidden scene"]
    assert waiting(library) == 0


def test_captions_of_a_blind_model_are_hidden_and_redone(library: Library) -> None:
    video_id = describe_hidden(library)
    guard = guard_over(library, ["it does not see."], now=[0.0])
    guard.count()
    with pytest.raises(EngineError, match="redone"):
        guard.verify(at_the_end=True)
    assert scenes(library, video_id) == []
    assert library.number("SELECT count(*) FROM passages") == 0
    assert frames.coverage(library).described == 0
    assert waiting(library) == 1


def test_silent_server_leaves_the_canary_undecided(library: Library) -> None:
    video_id = describe_hidden(library)
    guard = guard_over(library, [EngineUnreachable("gone")], now=[0.0])
    guard.count()
    guard.verify(at_the_end=True)
    assert scenes(library, video_id) == []
    assert waiting(library) == 0


def test_a_check_is_due_after_so_many_descriptions_or_so_much_time(library: Library) -> None:
    now = [0.0]
    guard = guard_over(library, [None, None], now=now)
    for _ in range(MAX_UNVERIFIED - 1):
        guard.count()
    assert not guard.is_due()
    guard.count()
    assert guard.is_due()
    guard.verify()
    assert not guard.is_due()
    guard.count()
    now[0] = MAX_UNVERIFIED_S
    assert guard.is_due()


def test_next_run_publishes_captions_of_a_killed_one(library: Library) -> None:
    video_id = describe_hidden(library)
    guard_over(library, [], now=[0.0]).begin()
    assert scenes(library, video_id) == ["a hidden scene"]


def test_unverified_captions_of_a_removed_model_are_redone(library: Library) -> None:
    video_id = describe_hidden(library, digest="of another build")
    guard_over(library, [], now=[0.0]).begin()
    assert scenes(library, video_id) == []
    assert waiting(library) == 1


def test_run_without_vision_keeps_unverified_captions_hidden(library: Library) -> None:
    describe_hidden(library)
    pool = Pool([Host("blind", None, None, lambda: True)], lambda: 0.0, lambda sentence: None)
    CanaryGuard(library, pool, lambda: 0.0, guarded=True).begin()
    assert len(passages.unverified_frames(library)) == 1
    assert waiting(library) == 0
    assert remaining_jobs(library)[JobKind.DESCRIBE] == 0
    guard_over(library, [], now=[0.0]).begin()
    assert JobKind.DESCRIBE not in remaining_jobs(library)
