"""Requests to models are plain data: picklable, with picklable responses."""

import pickle
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.fake_ollama import FakeOllama
from tests.support.wedding_film import add_film, deep, engines_on
from vidlocal.enrich.runner.pool import Task
from vidlocal.enrich.workers.describe import Describer
from vidlocal.enrich.workers.embed import Embedder
from vidlocal.enrich.workers.summarise import Summariser
from vidlocal.enrich.workers.tag import Tagger
from vidlocal.enrich.workers.watch import Watcher
from vidlocal.records import Job, JobKind
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


def test_a_request_and_its_response_survive_a_trip_as_bytes(library: Library, server: FakeOllama) -> None:
    add_film(library)
    with engines_on(server) as engines:
        (host,) = engines.hosts
        writer, embedder = host.require_writer(), host.require_embedder()
        prepare: dict[JobKind, Callable[[Job], Task | None]] = {
            JobKind.DESCRIBE: Describer(library).prepare,
            JobKind.WATCH: Watcher(library).prepare,
            JobKind.EMBED: Embedder(library, embedder.key).prepare,
            JobKind.TAG: Tagger(library, writer.name, writer.num_ctx).prepare,
            JobKind.SUMMARISE: Summariser(library, writer.name, writer.num_ctx).prepare,
        }
        for kind in prepare:
            if kind is JobKind.TAG:
                deep(library, server, only=[JobKind.DESCRIBE, JobKind.WATCH])
            job = jobs.claim(library, kind, worker="me", now=time.monotonic(), lease_s=60.0)
            assert job is not None
            task = prepare[kind](job)
            assert task is not None
            request = pickle.loads(pickle.dumps(task.request))
            assert request == task.request
            response = pickle.loads(pickle.dumps(request.perform(host)))
            assert task.store(response)
            jobs.finish(library, job)
    assert jobs.failures(library) == []
