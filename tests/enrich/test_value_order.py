"""Order by value: early captions cover most, and searched topics come first."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from benchmarks.value_order import Film, build, covered
from tests.support.fake_ollama import FakeOllama
from vidlocal.cli import app
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.history.searches import Span
from vidlocal.store.queue import jobs, priorities

FILMS = (
    Film("holiday", scenes=24, cuts=30, usual_s=12.0),
    Film("interview", scenes=3, cuts=12, usual_s=20.0),
)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


def enrich(server: FakeOllama, *words: str) -> Result:
    result = CliRunner().invoke(app, ["enrich", "--host", server.host, "--quiet", "--no-canary", *words])
    assert result.exit_code == 0, result.output
    return result


def described(library: Library) -> list[tuple[int, float]]:
    rows = library.rows("SELECT video_id, time FROM frames WHERE enriched_at IS NOT NULL ORDER BY video_id, time")
    return [(row["video_id"], row["time"]) for row in rows]


def test_a_quarter_of_the_work_covers_most_scenes(library: Library) -> None:
    truth = build(library, FILMS, seed=5)
    order = [(waiting.video_id, waiting.time) for waiting in priorities.queued_frames(library)]
    assert covered(order, truth)[1] >= 0.9
    assert covered(sorted(order), truth)[1] < 0.6


def test_searched_run_captions_only_searched_frames(library: Library, server: FakeOllama) -> None:
    build(library, FILMS[1:], seed=5)
    searches.add(library, "handshake", 1, [Span(1, 100.0, 104.0)])
    enrich(server, "--searched")
    times = [time for _, time in described(library)]
    assert times
    assert all(70.0 <= time <= 134.0 for time in times)
    assert jobs.counts(library)[JobKind.DESCRIBE, JobState.QUEUED] > len(times)


def test_a_budget_describes_so_many_frames_of_every_video(library: Library, server: FakeOllama, tmp_path: Path) -> None:
    build(library, FILMS, seed=5)
    enrich(server, "--budget", "4")
    assert [video for video, _ in described(library)] == [1, 1, 1, 1, 2, 2, 2, 2]
    ranked = {frame.time for frame in frames.representatives(library, 1)}
    assert {time for video, time in described(library) if video == 1} <= ranked
