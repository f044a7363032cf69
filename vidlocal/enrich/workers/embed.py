"""The passages of a video turned into vectors."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.engines.base import EmbedEngine, Vectors
from vidlocal.enrich.runner.pool import Ask, Host, Store
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.records import Job
from vidlocal.store.content import passages
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.text import pluralize

# What is stored at once, and lost at most.
BATCH = 64

Texts = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of passages, n x d, in the order of `ids`; `refused` are those the model failed on."""

    parts: tuple[tuple[tuple[int, ...], Vectors], ...] = ()
    refused: tuple[int, ...] = ()

    def __add__(self, other: "Embedded") -> "Embedded":
        return Embedded(self.parts + other.parts, self.refused + other.refused)


class Embedder:
    """Prepares, asks and stores one batch of a video at a time; its job goes round until none is left."""

    def __init__(self, library: Library, model_key: str) -> None:
        self._library = library
        self._key = model_key
        self._refused: dict[int, set[int]] = defaultdict(set)

    def prepare(self, job: Job) -> Ask | None:
        """The next passages without a vector of this model. None when there are none, and the job is finished.

        AnswerRejected when all that is left are texts the model failed on; the others are stored by then.
        """
        with self._library.writing():  # nobody adds a passage between this look and the end of the job
            batch = self._next_batch(job)
            if not batch and not self._refused[job.video_id]:
                jobs.finish(self._library, job)
                return None
        if not batch:
            raise AnswerRejected(
                f"{pluralize(len(self._refused[job.video_id]), 'passage')} could not be embedded with {self._key}."
            )

        def ask(host: Host) -> Store:
            engine = _embedder(host)
            embedded = embed(engine, batch)
            return lambda: self._store(job, engine, embedded)

        return ask

    def _next_batch(self, job: Job) -> Texts:
        refused = self._refused[job.video_id]
        if len(refused) >= BATCH:  # a whole batch refused text by text: it is the model
            return []
        found = passages.without_vector(self._library, job.video_id, self._key, limit=BATCH + len(refused))
        return [(passage_id, text) for passage_id, text in found if passage_id not in refused][:BATCH]

    def _store(self, job: Job, engine: EmbedEngine, embedded: Embedded) -> str:
        self._refused[job.video_id].update(embedded.refused)
        with self._library.writing():
            for ids, vectors in embedded.parts:
                passages.store_vectors(self._library, engine.key, ids, vectors)
            jobs.give_back(self._library, job)
        return f"{counted(sum(len(ids) for ids, _ in embedded.parts), 'passage')} embedded"


def embed(engine: EmbedEngine, batch: Texts) -> Embedded:
    """The vectors of a batch. One bad text fails its whole batch, so a failed batch is halved down to it."""
    try:
        vectors = engine.embed([text for _, text in batch])
    except AnswerRejected:
        if len(batch) == 1:
            return Embedded(refused=(batch[0][0],))
        half = len(batch) // 2
        return embed(engine, batch[:half]) + embed(engine, batch[half:])
    return Embedded(((tuple(passage_id for passage_id, _ in batch), vectors),))


def _embedder(host: Host) -> EmbedEngine:
    if host.embedder is None:
        raise EngineError(f"{host.name} has no embedding model.")
    return host.embedder
