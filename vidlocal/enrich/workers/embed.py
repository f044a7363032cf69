"""Embed passages and windows of lines: batches of texts to the embedding model, vectors into the library."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import EmbedEngine
from vidlocal.enrich.runner.pool import Host, Task
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.records import Job, JobKind
from vidlocal.store.content import passages, windows
from vidlocal.store.database import Library
from vidlocal.store.index import vector_table
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS, JobFilter
from vidlocal.text import pluralize

# Texts per request, stored in a transaction.
BATCH = 64

# First and last passage id of a text: a passage, or a window of lines.
Span = tuple[int, int]
Texts = Sequence[tuple[Span, str]]


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """A batch of texts with their passages."""

    texts: tuple[tuple[Span, str], ...]

    def perform(self, host: Host) -> "EmbedResponse":
        """Ask the embedding model of `host`."""
        engine = host.require_embedder()
        embedded = embed(engine, self.texts)
        return EmbedResponse(engine.key, embedded)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of texts, n x d, in the order of the spans beside; `rejected`: spans the model failed on."""

    parts: tuple[tuple[tuple[Span, ...], Vectors], ...] = ()
    rejected: tuple[Span, ...] = ()

    def __add__(self, other: "Embedded") -> "Embedded":
        return Embedded(self.parts + other.parts, self.rejected + other.rejected)


@dataclass(frozen=True, slots=True)
class EmbedResponse:
    """Vectors, and the key of the model."""

    model_key: str
    embedded: Embedded


class Embedder:
    """Builds tasks of a batch, until all passages and windows of a video have vectors of `model_key`.

    A batch with room left is filled with texts of other queued videos of `job_filter`, whose jobs then find less to
    do, or nothing.
    """

    def __init__(self, library: Library, model_key: str, job_filter: JobFilter = ALL_JOBS) -> None:
        self._library = library
        self._key = model_key
        self._job_filter = job_filter
        self._rejected: dict[int, set[Span]] = defaultdict(set)
        self._filled_with: set[int] = set()

    def prepare(self, job: Job) -> Task | None:
        """Build the task of the next texts without a vector. None, with the job finished, if there are none.

        Raises AnswerRejected if only texts remain that the model failed on; all others are stored by then.
        """
        self._filled_with.add(job.video_id)
        with self._library.writing():  # no passage may be added between this query and the end of the job
            batch = self._outstanding(job.video_id, BATCH)
            rejected = sum(first == last for first, last in self._rejected[job.video_id])  # windows are dispensable
            if not batch and rejected:
                raise AnswerRejected(f"{pluralize(rejected, 'passage')} could not be embedded with {self._key}.")
            if not batch:
                jobs.finish(self._library, job)
                return None
            owners = dict.fromkeys((span for span, _ in batch), job.video_id)
            batch += self._texts_of_others(BATCH - len(batch), owners)
        return Task(EmbedRequest(tuple(batch)), lambda response: self._store(job, response, owners))

    def _outstanding(self, video_id: int, limit: int) -> list[tuple[Span, str]]:
        """List at most `limit` texts of a video without a vector, passages first."""
        rejected = self._rejected[video_id]
        if len(rejected) >= BATCH:  # a whole batch rejected text by text: the model is at fault
            return []
        room = limit + len(rejected)
        texts = passages.without_vector(self._library, video_id, self._key, limit=room)
        batch = [((passage_id, passage_id), text) for passage_id, text in texts]
        if len(batch) < room:
            batch += windows.outstanding(self._library, video_id, self._key, limit=room - len(batch))
        return [(span, text) for span, text in batch if span not in rejected][:limit]

    def _texts_of_others(self, room: int, owners: dict[Span, int]) -> list[tuple[Span, str]]:
        """List at most `room` texts of the next queued videos, each video once, and note the videos in `owners`."""
        batch: list[tuple[Span, str]] = []
        for video_id in jobs.next_videos(self._library, JobKind.EMBED, limit=2 * BATCH, job_filter=self._job_filter):
            if len(batch) == room:
                break
            if video_id in self._filled_with:
                continue
            self._filled_with.add(video_id)
            texts = self._outstanding(video_id, room - len(batch))
            owners.update((span, video_id) for span, _ in texts)
            batch += texts
        return batch

    def _store(self, job: Job, response: EmbedResponse, owners: Mapping[Span, int]) -> str:
        embedded = response.embedded
        for span in embedded.rejected:
            self._rejected[owners[span]].add(span)
        count = 0
        self._require_dimensions(response)
        with self._library.writing():
            for spans, vectors in embedded.parts:
                is_passage = [first == last for first, last in spans]
                ids = [first for first, last in spans if first == last]
                passages.store_vectors(self._library, response.model_key, ids, vectors[is_passage])
                several = [(first, last) for first, last in spans if first != last]
                rest = vectors[[not alone for alone in is_passage]]
                windows.store_vectors(self._library, response.model_key, several, rest)
                count += len(ids)
            jobs.release(self._library, job)
        return f"{pluralize(count, 'passage')} embedded" if count else "neighbouring lines embedded together"

    def _require_dimensions(self, response: EmbedResponse) -> None:
        """Raise EngineError for vectors of another size than those of the library."""
        expected = vector_table.dimensions(self._library, vector_table.PASSAGE_VECTORS, response.model_key)
        for _, vectors in response.embedded.parts:
            if expected and vectors.shape[1] != expected:
                raise EngineError(
                    f"{response.model_key}: the server returned vectors of {vectors.shape[1]} dimensions, those in the "
                    f"library have {expected}. Restart it with the former model, or choose a model of another name."
                )
            expected = vectors.shape[1]


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
    return Embedded(((tuple(span for span, _ in batch), vectors),))
