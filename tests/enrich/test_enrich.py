"""The deep pass: stored results, attempts charged for failures, and continuation."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.fake_faults import broken, busy, say
from tests.support.fake_ollama import Asked, Exchange, FakeOllama
from tests.support.films import COLOURS, add_video
from tests.support.images import plain_colour
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served.models import ServedEmbeddings, ServedVision
from vidlocal.enrich.run import SERVER, EnrichEngines, enrich
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.runner.queue_runner import Clock, EnrichProgress, RunSummary
from vidlocal.enrich.runner.schedule import NightWindow, Schedule
from vidlocal.enrich.runner.time_window import parse_window
from vidlocal.enrich.workers import fast_pass
from vidlocal.errors import EngineError, ModelMissing, StoreError
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import (
    EnrichmentStatus,
    JobKind,
    JobState,
    PassageKind,
)
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock, Wait, live_processes
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import for_videos


@dataclass
class FastClock:
    """A clock of ours: waiting takes no time, but is counted, and may do something."""

    at: float = 1_800_000_000.0
    local_at: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 23, 0))
    slept: list[float] = field(default_factory=list)
    on_sleep: Callable[[float], None] = lambda seconds: None

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.local_at += timedelta(seconds=seconds)
        self.slept.append(seconds)
        self.on_sleep(self.at)

    def clock(self) -> Clock:
        return Clock(now=lambda: self.at, local=lambda: self.local_at, sleep=self.sleep)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


@pytest.fixture
def engines(server: FakeOllama) -> Iterator[EnrichEngines]:
    with ExitStack() as stack:
        ollama = stack.enter_context(Ollama(server.host))
        prober = stack.enter_context(Prober())
        reader = stack.enter_context(RapidOcr())
        host = Host(
            ollama.host,
            ServedVision(ollama, ollama.preflight("llava:7b", "vision")),
            ServedEmbeddings(ollama, ollama.preflight("embeddinggemma", "embedding")),
            lambda: answers(ollama),
        )
        yield EnrichEngines(fast_pass.FastEngines(find_ffmpeg(None), prober, reader, None), [host])


def answers(ollama: Ollama) -> bool:
    try:
        return bool(ollama.version())
    except EngineError:
        return False


@pytest.fixture
def lock(library: Library) -> Iterator[ProcessLock]:
    with ProcessLock(library.folder) as alive:
        yield alive


def deep(
    library: Library, engines: EnrichEngines, lock: ProcessLock, clock: FastClock | None = None, **more: object
) -> RunSummary:
    return enrich(library, engines, lock, clock=(clock or FastClock()).clock(), **more)  # type: ignore[arg-type]


def states(library: Library) -> dict[JobState, int]:
    counted: dict[JobState, int] = {}
    for (_, state), number in jobs.counts(library).items():
        counted[state] = counted.get(state, 0) + number
    return counted


def test_every_frame_is_described_and_every_passage_embedded(
    library: Library, engines: EnrichEngines, lock: ProcessLock
) -> None:
    video_id = add_video(library)
    seen: list[EnrichProgress] = []
    summary = deep(library, engines, lock, on_progress=seen.append)
    assert summary.done[JobKind.DESCRIBE] == 6
    assert summary.remaining == {}
    assert frames.coverage(library).described == 6
    scenes = passages.of_video(library, video_id, [PassageKind.SCENE])
    assert [scene.start for scene in scenes] == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert {(scene.engine, scene.model) for scene in scenes} == {("ollama", "llava:7b")}
    assert library.number("SELECT count(*) FROM vectors") == 7
    assert [(at.done, at.total) for at in seen if at.kind is JobKind.DESCRIBE] == [(done, 6) for done in range(1, 7)]
    video = videos.get(library, video_id)
    assert video is not None
    assert video.enrichment_status is EnrichmentStatus.ENRICHED
    assert facts.get(library, facts.SECONDS_PER_FRAME) is not None
    assert facts.get(library, facts.server_pace_key(engines.hosts[0].name)) is not None


def test_a_second_run_asks_no_model(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library)
    deep(library, engines, lock)
    before = len(server.requests)
    summary = deep(library, engines, lock)
    assert summary.done == {}
    assert len(server.requests) == before


def test_only_the_named_videos_are_worked_on(library: Library, engines: EnrichEngines, lock: ProcessLock) -> None:
    add_video(library)
    second = add_video(library, name="other")
    summary = deep(library, engines, lock, job_filter=for_videos(second))
    assert summary.remaining == {}
    assert frames.coverage(library, second).described == 6
    assert frames.coverage(library).described == 6


def test_an_outage_of_ten_minutes_fails_nothing_and_says_little(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library)
    messages: list[str] = []
    clock = FastClock()
    returned: list[float] = []
    server.down()
    started = clock.at

    waited: list[Wait | None] = []

    def back_after_ten_minutes(now: float) -> None:
        waited.extend(live_processes(library.folder))
        if now - started >= 600 and not returned:
            returned.append(now)
            server.up()

    clock.on_sleep = back_after_ten_minutes
    summary = deep(library, engines, lock, clock, notify=messages.append)
    assert summary.done[JobKind.DESCRIBE] == 6
    assert summary.failed == 0
    assert library.number("SELECT sum(attempts) FROM jobs") == 0
    assert len(messages) == 2
    assert max(clock.slept) <= 60.0
    assert {waiting.topic for waiting in waited if waiting} == {SERVER}
    assert live_processes(library.folder) == [None]


def test_a_busy_server_costs_no_attempt_and_its_wish_is_honoured(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library)
    clock = FastClock()
    server.script(busy(), busy(retry_after=9), busy())
    summary = deep(library, engines, lock, clock)
    assert summary.done[JobKind.DESCRIBE] == 6
    assert library.number("SELECT sum(attempts) FROM jobs") == 0
    assert sum(clock.slept) >= 9.0


def test_a_poisonous_image_fails_alone(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library, pictures=12)
    poison = plain_colour(COLOURS[3], side_px=67)

    def crash_on_it(asked: Asked) -> "Callable[..., None] | None":
        about = asked.picture
        yellow = about is not None and len(about) <= len(poison) + 400 and _is_yellow(about)
        return broken() if yellow else None

    server.choose = crash_on_it
    summary = deep(library, engines, lock)
    assert summary.done[JobKind.DESCRIBE] == 10
    assert summary.failed == 2
    assert {failure.kind for failure in jobs.failures(library)} == {JobKind.DESCRIBE}
    assert states(library) == {JobState.DONE: 11, JobState.FAILED: 2}


def _is_yellow(jpeg: bytes) -> bool:
    from tests.support.fake_ollama import caption

    return "yellow" in caption(jpeg)


def test_when_most_frames_fail_alike_the_run_stops_without_charging_attempts(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library, pictures=30)
    server.choose = lambda asked: say("") if asked.picture is not None else None
    with pytest.raises(EngineError, match="failed in the same way"):
        deep(library, engines, lock)
    assert library.number("SELECT sum(attempts) FROM jobs") == 0
    assert jobs.failures(library) == []


def test_failed_embedding_is_reported_and_everything_else_done(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    for number in range(12):
        add_video(library, name=f"film {number}", pictures=1)
    server.choose = lambda asked: broken("no", 400) if asked.path == "/api/embed" else None
    summary = deep(library, engines, lock)
    assert summary.done[JobKind.DESCRIBE] == 12
    assert any("failed in the same way" in note for note in summary.notes)
    assert jobs.counts(library)[JobKind.EMBED, JobState.QUEUED] == 12


def test_a_model_deleted_meanwhile_ends_the_run_without_charging_attempts(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library)
    del server.models["llava:7b"]
    with pytest.raises(ModelMissing, match="ollama pull llava:7b"):
        deep(library, engines, lock)
    assert library.number("SELECT sum(attempts) FROM jobs") == 0
    assert JobState.RUNNING not in states(library)


def test_an_interrupted_run_goes_on_where_it_was(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library)

    def stop_at_three(at: EnrichProgress) -> None:
        if at.kind is JobKind.DESCRIBE and at.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deep(library, engines, lock, on_progress=stop_at_three)
    assert frames.coverage(library).described == 3
    assert JobState.RUNNING not in states(library)
    pictures = len([asked for asked in server.asked("/api/chat") if asked.picture])
    deep(library, engines, lock)
    assert len([asked for asked in server.asked("/api/chat") if asked.picture]) == pictures + 3


def test_the_end_of_the_window_holds_the_run_until_the_next_night(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library)
    clock = FastClock(local_at=datetime(2026, 11, 22, 6, 59, 58))
    done_at: list[datetime] = []
    messages: list[str] = []

    def pass_time(at: EnrichProgress) -> None:
        done_at.append(clock.local_at)
        clock.sleep(1.0)

    night = NightWindow(parse_window("22:00-07:00"), lambda: clock.local_at)
    gate = Schedule([night], now=lambda: clock.at, notify=messages.append)
    summary = deep(library, engines, lock, clock, schedule=gate, on_progress=pass_time)
    assert summary.remaining == {}
    assert {at.date().day for at in done_at} == {22}
    assert {at.hour for at in done_at} == {6, 22}
    assert messages[1:] == ["Going on."]
    assert "22:00" in messages[0]
    assert server.unloads["llava:7b"] >= 1


def test_models_take_turns_in_long_stretches(
    library: Library, engines: EnrichEngines, lock: ProcessLock, server: FakeOllama
) -> None:
    add_video(library, pictures=30)
    deep(library, engines, lock)
    assert server.loads["llava:7b"] == 1
    assert server.loads["embeddinggemma:latest"] == 1


def test_an_answer_about_a_removed_video_is_dropped(
    library: Library, server: FakeOllama, engines: EnrichEngines, lock: ProcessLock
) -> None:
    removed, kept = add_video(library, name="removed"), add_video(library, name="kept")
    new: list[int] = []

    def replace_video(exchange: Exchange) -> None:
        """Remove the video and add another before the answer, as two other commands do."""
        with Library.open(library.folder) as other:
            videos.remove(other, removed)
            new.append(add_video(other, name="new", pictures=1))
        exchange.speak(json.dumps({"description": "A frame of the removed video."}))

    server.script(replace_video)
    summary = deep(library, engines, lock, job_filter=for_videos(removed, kept))
    assert summary.failed == 0
    assert frames.coverage(library, kept).described == 6
    assert new[0] > kept
    texts = [passage.text for passage in passages.of_video(library, new[0], [PassageKind.SCENE])]
    assert texts == []


def test_unreachable_images_end_the_run_and_cost_no_attempt(
    library: Library, engines: EnrichEngines, lock: ProcessLock
) -> None:
    add_video(library)
    library.frames_folder.rename(library.folder / "away")
    with pytest.raises(StoreError, match=r"frames: cannot be opened .*nothing is lost"):
        deep(library, engines, lock)
    assert library.number("SELECT max(attempts) FROM jobs") == 0
    (library.folder / "away").rename(library.frames_folder)
    assert deep(library, engines, lock).done[JobKind.DESCRIBE] == 6


def test_a_library_moved_away_while_described_ends_the_run(
    library: Library, server: FakeOllama, engines: EnrichEngines, lock: ProcessLock, tmp_path: Path
) -> None:
    add_video(library)

    def move(exchange: Exchange) -> None:
        library.folder.rename(tmp_path / "moved")
        exchange.usual()

    server.script(move)
    with pytest.raises(StoreError, match="moved, deleted or replaced while in use"):
        deep(library, engines, lock)
    with Library.open(tmp_path / "moved") as moved:
        assert moved.number("SELECT max(attempts) FROM jobs") == 0
        assert frames.coverage(moved).described == 0


def test_a_backup_copied_over_the_library_while_described_ends_the_run(
    library: Library, server: FakeOllama, engines: EnrichEngines, lock: ProcessLock, tmp_path: Path
) -> None:
    library.truncate_wal()
    subprocess.run(["cp", library.path, tmp_path / "backup.db"], check=True)
    add_video(library)
    library.truncate_wal()

    def restore(exchange: Exchange) -> None:
        subprocess.run(["cp", tmp_path / "backup.db", library.path], check=True)
        exchange.usual()

    server.script(restore)
    with pytest.raises(StoreError, match="overwritten with another copy while in use"):
        deep(library, engines, lock)
    library.close()
    assert library.path.read_bytes() == (tmp_path / "backup.db").read_bytes()


def test_pauses_and_durations_are_measured_by_the_monotonic_clock() -> None:
    assert abs(Clock().now() - time.monotonic()) < 60.0  # the wall clock may be set during a run


def test_frames_whose_images_were_away_are_described_when_these_are_back(
    library: Library, engines: EnrichEngines, lock: ProcessLock
) -> None:
    add_video(library)
    (library.frames_folder / "party").rename(library.folder / "away")
    assert deep(library, engines, lock).failed == 6
    (library.folder / "away").rename(library.frames_folder / "party")
    assert deep(library, engines, lock).done[JobKind.DESCRIBE] == 6
    assert jobs.failures(library) == []
