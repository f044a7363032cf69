"""Embed passages: batches of texts to the embedding model, vectors into the library."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import EmbedEngine
from vidlocal.enrich.runner.pool import Host, Task
from vidlocal.errors import AnswerRejected
from vidlocal.records import Job
from vidlocal.store.content import passages
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.text import pluralize

# Texts per request, stored in a transaction.
BATCH = 64

Texts = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """A batch of texts with passage ids."""

    texts: tuple[tuple[int, str], ...]

    def perform(self, host: Host) -> "EmbedResponse":
        """Ask the embedding model of `host`."""
        engine = host.require_embedder()
        embedded = embed(engine, self.texts)
        return EmbedResponse(engine.key, embedded)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of passages, n x d, in the order of the ids beside; `rejected`: ids the model failed on."""

    parts: tuple[tuple[tuple[int, ...], Vectors], ...] = ()
    rejected: tuple[int, ...] = ()

    def __add__(self, other: "Embedded") -> "Embedded":
        return Embedded(self.parts + other.parts, self.rejected + other.rejected)


@dataclass(frozen=True, slots=True)
class EmbedResponse:
    """Vectors, and the key of the model."""

    model_key: str
    embedded: Embedded


class Embedder:
    """Builds tasks of a batch of a video, until all passages have vectors of `model_key`."""

    def __init__(self, library: Library, model_key: str) -> None:
        self._library = library
        self._key = model_key
        self._rejected: dict[int, set[int]] = defaultdict(set)

    def prepare(self, job: Job) -> Task | None:
        """Build the task of the next passages without a vector. None, with the job finished, if there are none.

        Raises AnswerRejected if only texts remain that the model failed on; all others are stored by then.
        """
        with self._library.writing():  # no passage may be added between this query and the end of the job
            batch = self._next_batch(job)
            if not batch and not self._rejected[job.video_id]:
                jobs.finish(self._library, job)
                return None
        if not batch:
            raise AnswerRejected(
                f"{pluralize(len(self._rejected[job.video_id]), 'passage')} could not be embedded with {self._key}."
            )
        return Task(EmbedRequest(tuple(batch)), lambda response: self._store(job, response))

    def _next_batch(self, job: Job) -> Texts:
        rejected = self._rejected[job.video_id]
        if len(rejected) >= BATCH:  # a whole batch rejected text by text: the model is at fault
            return []
        texts = passages.without_vector(self._library, job.video_id, self._key, limit=BATCH + len(rejected))
        return [(passage_id, text) for passage_id, text in texts if passage_id not in rejected][:BATCH]

    def _store(self, job: Job, response: EmbedResponse) -> str:
        embedded = response.embedded
        self._rejected[job.video_id].update(embedded.rejected)
        with self._library.writing():
            for ids, vectors in embedded.parts:
                passages.store_vectors(self._library, response.model_key, ids, vectors)
            jobs.release(self._library, job)
        return f"{pluralize(sum(len(ids) for ids, _ in embedded.parts), 'passage')} embedded"


def embed(engine: EmbedEngine, batch: Texts) -> Embedded:
    """Embed a batch.

    One bad text fails its whole batch, so a failed batch is halved until the text is isolated.
    """
    try:
        vectors = engine.embed([text for _, text in batch])
    except AnswerRejected:
        if len(batch) == 1:
            return Embedded(rejected=(batch[0][0],))
        half = len(batch) // 2
        return embed(engine, batch[:half]) + embed(engine, batch[half:])
    return Embedded(((tuple(passage_id for passage_id, _ in batch), vectors),))
