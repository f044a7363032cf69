"""Embed the images of a video by CLIP, for image search without captions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vidlocal.engines.base import ClipEngine, ImageRejected
from vidlocal.errors import AnswerRejected, MediaError
from vidlocal.records import Frame, Job
from vidlocal.store.content import frame_images, frame_vectors, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.text import pluralize

# Images per request and transaction. Larger batches are hardly faster and take more memory.
BATCH_SIZE = 16

# This many crashes of the model in a row are the fault of the model, not of the images.
_MAX_CONSECUTIVE_FAILURES = 3

_Images = Sequence[tuple[int, bytes]]


def embed_frames(
    library: Library,
    job: Job,
    engine: ClipEngine,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> int:
    """Make the missing vectors of the job's video, and finish the job. Returns the number of new vectors.

    Each batch is stored at once, and renews the lease. Raises AnswerRejected or MediaError if only unreadable images
    remain; the others are stored by then. Raises ImageRejected if the model fails on several images in a row. The job
    then stays claimed.
    """
    run = _EmbedRun(library, job, engine)
    count = 0
    while batch := run.next_batch():
        count += run.embed(batch)
        jobs.renew(library, job, now=time.monotonic(), lease_s=jobs.LONG_LEASE_S)
        on_progress(run.fraction())
    run.finish()
    return count


@dataclass(slots=True)
class _EmbedRun:
    """Work on a video. `rejected`: reasons by frame without a vector."""

    library: Library
    job: Job
    engine: ClipEngine
    rejected: dict[int, AnswerRejected | MediaError] = field(default_factory=dict)
    failures: int = 0

    def next_batch(self) -> list[tuple[int, bytes]]:
        """Return frame ids with images; empty if every frame was tried. Rejects frames with a missing image."""
        while True:
            remaining = self._remaining(BATCH_SIZE + len(self.rejected))
            untried = [frame for frame in remaining if frame.id not in self.rejected][:BATCH_SIZE]
            images = [(frame.id, jpeg) for frame in untried if (jpeg := self._read_image(frame)) is not None]
            if images or not untried:
                return images

    def embed(self, batch: _Images) -> int:
        """Store the vectors of a batch, and return the number of vectors.

        One bad image fails the whole batch, so a failed batch is halved until only that image is left.
        """
        try:
            vectors = self.engine.embed_images([data for _, data in batch])
        except AnswerRejected as error:
            if len(batch) > 1:
                half = len(batch) // 2
                return self.embed(batch[:half]) + self.embed(batch[half:])
            self._reject(batch[0][0], error)
            return 0
        self.failures = 0
        frame_vectors.store(self.library, self.engine.key, [frame_id for frame_id, _ in batch], vectors)
        return len(batch)

    def fraction(self) -> float:
        """Fraction of the images with a vector, 0 to 1."""
        count, total = frame_vectors.coverage(self.library, self.job.video_id, self.engine.key)
        return count / total if total else 1.0

    def finish(self) -> None:
        """Finish the job and delete the vectors of other models. Raises the first reason if images were rejected."""
        if self.rejected:
            reason = next(iter(self.rejected.values()))
            video = videos.get(self.library, self.job.video_id)
            name = video.title if video else "Removed video"
            raise type(reason)(f"{name}: {pluralize(len(self.rejected), 'image')} without a vector. {reason}")
        with self.library.writing():
            frame_vectors.delete_other_models(self.library, self.job.video_id, self.engine.key)
            jobs.finish(self.library, self.job)

    def _remaining(self, limit: int) -> list[Frame]:
        return frame_vectors.frames_without_vector(self.library, self.job.video_id, self.engine.key, limit=limit)

    def _read_image(self, frame: Frame) -> bytes | None:
        try:
            return frame_images.read(self.library, frame)
        except MediaError as error:
            self.rejected[frame.id] = error
            return None

    def _reject(self, frame_id: int, error: AnswerRejected) -> None:
        self.rejected[frame_id] = error
        if isinstance(error, ImageRejected):
            self.failures += 1
            if self.failures >= _MAX_CONSECUTIVE_FAILURES:
                raise error
