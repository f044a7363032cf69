"""The passages of a video turned into vectors."""

import time
from collections.abc import Sequence

from vidlocal.engines.base import EmbedEngine
from vidlocal.errors import AnswerRejected
from vidlocal.records import Job
from vidlocal.store import jobs, passages
from vidlocal.store.database import Library

# One checkpoint (hardening, section 5).
BATCH = 64
LEASE_S = 900.0


def embed_video(library: Library, job: Job, engine: EmbedEngine) -> str:
    """Embed every passage of the video that has no vector of this model yet, and finish the job.

    Each batch is stored at once. A text that the model fails on is left out and named at the end:
    AnswerRejected, with all the others stored. Returns one line for the progress display.
    """
    refused: set[int] = set()
    stored = 0
    while len(refused) < BATCH:  # a whole batch refused text by text: it is the model
        batch = _next_batch(library, job, engine, refused)
        if not batch:
            break
        stored += _embed_batch(library, engine, batch, refused)
        jobs.renew(library, job, now=time.time(), lease_s=LEASE_S)
    if refused:
        raise AnswerRejected(f"{len(refused)} passages could not be embedded with {engine.key}.")
    with library.writing():
        # Passages that arrived since the last look did not queue this job again, for it was running.
        if _next_batch(library, job, engine, refused):
            jobs.give_back(library, job)
        else:
            jobs.finish(library, job)
    return f"{stored} passages embedded"


def _next_batch(library: Library, job: Job, engine: EmbedEngine, refused: set[int]) -> list[tuple[int, str]]:
    found = passages.without_vector(library, job.video_id, engine.key, limit=BATCH + len(refused))
    return [(passage_id, text) for passage_id, text in found if passage_id not in refused][:BATCH]


def _embed_batch(library: Library, engine: EmbedEngine, batch: Sequence[tuple[int, str]], refused: set[int]) -> int:
    """How many vectors were stored. One bad text fails its whole batch, so a failed batch is halved down to it."""
    try:
        vectors = engine.embed([text for _, text in batch])
    except AnswerRejected:
        if len(batch) == 1:
            refused.add(batch[0][0])
            return 0
        half = len(batch) // 2
        return sum(_embed_batch(library, engine, part, refused) for part in (batch[:half], batch[half:]))
    passages.store_vectors(library, engine.key, [passage_id for passage_id, _ in batch], vectors)
    return len(batch)
