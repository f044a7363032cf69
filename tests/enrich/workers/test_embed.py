"""Passages become vectors: in batches, each kept, none lost to a bad neighbour."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.support.fake_ollama import CATALOGUE, Asked, Behaviour, FakeOllama, Model, broken
from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import EmbedEngine
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served.models import ServedEmbeddings
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.workers.embed import BATCH, Embedder
from vidlocal.errors import AnswerRejected, EngineError, EngineUnreachable
from vidlocal.records import FileStamp, Job, JobKind, JobState, MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter, for_videos


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(CATALOGUE.values()) as running:
        yield running


@pytest.fixture
def embedder(server: FakeOllama) -> Iterator[ServedEmbeddings]:
    with Ollama(server.host) as ollama:
        yield ServedEmbeddings(ollama, ollama.preflight("embeddinggemma", "embedding"))


def said(at: float, text: str) -> Passage:
    return Passage(at, at + 1, PassageKind.SPEECH, text)


def add_video(library: Library, number: int) -> int:
    return videos.add(
        library,
        content_hash="c" * 64,
        path=Path("/v/talk.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.AUDIO, float(number)),
        frame_drafts=[],
        text_passages=[said(at, f"sentence number {at} about weddings") for at in range(number)],
        plan=[],
    )


def next_job(library: Library) -> Job:
    job = jobs.claim(library, JobKind.EMBED, worker="me", now=time.monotonic(), lease_s=900.0)
    assert job is not None
    return job


def embed_video(library: Library, job: Job, embedder: EmbedEngine) -> int:
    """Embed in batches until the job is done. Returns their number."""
    work, batches = Embedder(library, embedder.key), 0
    while (task := work.prepare(job)) is not None:
        task.store(task.request.perform(Host("here", None, embedder, lambda: True)))
        batches += 1
    return batches


def vectors_stored(library: Library) -> int:
    return library.number("SELECT count(*) FROM vectors")


def test_every_passage_gets_a_unit_vector_under_the_models_key(library: Library, embedder: ServedEmbeddings) -> None:
    add_video(library, 150)
    assert embed_video(library, next_job(library), embedder) == 3
    rows = library.rows("SELECT model, vector FROM vectors")
    assert len(rows) == 150
    assert {row["model"] for row in rows} == {embedder.key}
    assert all(np.isclose(np.linalg.norm(np.frombuffer(row["vector"], "<f4")), 1.0, atol=1e-5) for row in rows)
    assert jobs.counts(library) == {(JobKind.EMBED, JobState.DONE): 1}


def test_texts_go_in_batches(library: Library, server: FakeOllama, embedder: ServedEmbeddings) -> None:
    add_video(library, 150)
    embed_video(library, next_job(library), embedder)
    assert [len(asked.body["input"]) for asked in server.asked("/api/embed")] == [BATCH, BATCH, 150 + 24 - 2 * BATCH]


def fails_on(words: str) -> Callable[[Asked], Behaviour | None]:
    def choose(asked: Asked) -> Behaviour | None:
        bad = asked.path == "/api/embed" and any(words in text for text in asked.body["input"])
        return broken("the runner failed", 400) if bad else None

    return choose


def test_one_bad_text_costs_only_itself(library: Library, server: FakeOllama, embedder: ServedEmbeddings) -> None:
    video = add_video(library, 100)
    server.choose = fails_on("number 42 ")
    with pytest.raises(AnswerRejected, match="1 passage could not be embedded"):
        embed_video(library, next_job(library), embedder)
    assert vectors_stored(library) == 99
    ((_, left),) = passages.without_vector(library, video, embedder.key, limit=9)
    assert "number 42 " in left


def test_model_failing_on_everything_is_stopped(
    library: Library, server: FakeOllama, embedder: ServedEmbeddings
) -> None:
    add_video(library, 1_000)
    server.choose = fails_on("sentence")
    with pytest.raises(AnswerRejected):
        embed_video(library, next_job(library), embedder)
    assert len(server.asked("/api/embed")) < 2 * BATCH


def test_embedded_passages_survive_a_vanished_server(
    library: Library, server: FakeOllama, embedder: ServedEmbeddings
) -> None:
    add_video(library, 150)
    job = next_job(library)
    server.script(lambda exchange: exchange.usual(), lambda exchange: exchange.fake.down(), path="/api/embed")
    with pytest.raises(EngineUnreachable):
        embed_video(library, job, embedder)
    assert vectors_stored(library) == BATCH
    server.up()
    assert embed_video(library, job, embedder) == 2
    assert vectors_stored(library) == 150


def test_nothing_to_embed_needs_no_server(library: Library, server: FakeOllama, embedder: ServedEmbeddings) -> None:
    add_video(library, 3)
    job = next_job(library)
    embed_video(library, job, embedder)
    asked = len(server.requests)
    embed_video(library, job, embedder)
    assert len(server.requests) == asked


class Meanwhile:
    """An engine with another process adding a passage during its work."""

    key = "two@0123456789ab"

    def __init__(self, library: Library, video: int) -> None:
        self.library, self.video, self.calls = library, video, 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        if self.calls == 1:
            passages.add(self.library, self.video, [said(9.0, "late words")])
        return np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(texts), 1))


def test_passages_arriving_meanwhile_are_embedded(library: Library) -> None:
    video = add_video(library, 2)
    engine = Meanwhile(library, video)
    embed_video(library, next_job(library), engine)
    assert vectors_stored(library) == 3
    assert jobs.counts(library) == {(JobKind.EMBED, JobState.DONE): 1}


def test_another_build_of_the_model_stores_nothing(
    library: Library, server: FakeOllama, embedder: ServedEmbeddings
) -> None:
    add_video(library, 3)
    job = next_job(library)
    server.models["embeddinggemma:latest"] = Model("embeddinggemma:latest", ("embedding",), digest="e" * 64)
    with pytest.raises(EngineError, match="another build"):
        embed_video(library, job, embedder)
    assert vectors_stored(library) == 0


def add_caption(library: Library, number: int) -> None:
    videos.add(
        library,
        content_hash=f"{number:064}",
        path=Path(f"/v/{number}.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 5.0),
        frame_drafts=[],
        text_passages=[Passage(0.0, 5.0, PassageKind.SCENE, f"wedding number {number}")],
        plan=[],
    )


def embed_queue(library: Library, embedder: EmbedEngine, job_filter: JobFilter = ALL_JOBS) -> None:
    work = Embedder(library, embedder.key, job_filter)
    while (job := jobs.claim(library, JobKind.EMBED, worker="me", now=time.monotonic(), lease_s=900.0)) is not None:
        while (task := work.prepare(job)) is not None:
            task.store(task.request.perform(Host("here", None, embedder, lambda: True)))


def test_short_videos_share_a_request(library: Library, server: FakeOllama, embedder: ServedEmbeddings) -> None:
    for number in range(100):
        add_caption(library, number)
    embed_queue(library, embedder)
    assert [len(asked.body["input"]) for asked in server.asked("/api/embed")] == [BATCH, 100 - BATCH]
    assert vectors_stored(library) == 100
    assert jobs.counts(library) == {(JobKind.EMBED, JobState.DONE): 100}


def test_only_videos_of_the_filter_share_a_request(
    library: Library, server: FakeOllama, embedder: ServedEmbeddings
) -> None:
    for number in range(3):
        add_caption(library, number)
    job = next_job(library)
    task = Embedder(library, embedder.key, for_videos(job.video_id)).prepare(job)
    assert task is not None
    task.store(task.request.perform(Host("here", None, embedder, lambda: True)))
    assert vectors_stored(library) == 1


def test_bad_text_of_another_video_fails_that_video(
    library: Library, server: FakeOllama, embedder: ServedEmbeddings
) -> None:
    for number in range(3):
        add_caption(library, number)
    server.choose = fails_on("number 1")
    with pytest.raises(AnswerRejected, match="1 passage could not be embedded"):
        embed_queue(library, embedder)
    assert vectors_stored(library) == 2


def test_lines_are_embedded_together_too(library: Library, server: FakeOllama, embedder: ServedEmbeddings) -> None:
    add_video(library, 20)
    embed_video(library, next_job(library), embedder)
    assert vectors_stored(library) == 20
    assert library.number("SELECT count(*) FROM windows") == 3
    (asked,) = server.asked("/api/embed")
    assert len(asked.body["input"]) == 23
