"""The pictures of a video turned into vectors, so that what they show can be found without anybody describing it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vidlocal.engines.base import ClipEngine, ImageRejected
from vidlocal.errors import AnswerRejected, MediaError
from vidlocal.records import Frame, Job
from vidlocal.store.content import frame_vectors, frames, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# What is stored at once, and lost at most. More pictures at once are hardly faster, and take memory.
BATCH = 16

# So many in a row that the model breaks down on: it is not the pictures.
_FAILURES_IN_A_ROW = 3

_Pictures = Sequence[tuple[int, bytes]]


def embed_frames(
    library: Library,
    job: Job,
    engine: ClipEngine,
    *,
    on_progress: Callable[[float], None] = lambda done: None,
) -> int:
    """Make the vectors of the job's video that are missing, and finish the job. How many were made.

    Each batch is stored as it comes, with a new lease. AnswerRejected or MediaError when all that is left are
    pictures that the model or nobody could read; the others are stored by then. PictureRefused when the model breaks
    down on one picture after the other. The job is then left as it was claimed.
    """
    work = _Work(library, job, engine)
    made = 0
    while batch := work.next_batch():
        made += work.look(batch)
        jobs.renew(library, job, now=time.time(), lease_s=jobs.LONG_LEASE_S)
        on_progress(work.share())
    work.end()
    return made


@dataclass(slots=True)
class _Work:
    """The work on one video. `refused` are the frames that got no vector, with the reason."""

    library: Library
    job: Job
    engine: ClipEngine
    refused: dict[int, AnswerRejected | MediaError] = field(default_factory=dict)
    failures: int = 0

    def next_batch(self) -> list[tuple[int, bytes]]:
        """Frames and their pictures, until none is left that was not tried. A picture that is not there is refused."""
        while True:
            waiting = self._waiting(BATCH + len(self.refused))
            fresh = [frame for frame in waiting if frame.id not in self.refused][:BATCH]
            read = [(frame.id, jpeg) for frame in fresh if (jpeg := self._read(frame)) is not None]
            if read or not fresh:
                return read

    def look(self, batch: _Pictures) -> int:
        """Store the vectors of a batch. One bad picture fails its whole batch, which is then halved down to it."""
        try:
            vectors = self.engine.embed_images([data for _, data in batch])
        except AnswerRejected as error:
            if len(batch) > 1:
                half = len(batch) // 2
                return self.look(batch[:half]) + self.look(batch[half:])
            self._refuse(batch[0][0], error)
            return 0
        self.failures = 0
        frame_vectors.store(self.library, self.engine.key, [frame_id for frame_id, _ in batch], vectors)
        return len(batch)

    def share(self) -> float:
        """How much of the video has its vectors, 0 to 1."""
        done, all_of_it = frame_vectors.coverage(self.library, self.job.video_id, self.engine.key)
        return done / all_of_it if all_of_it else 1.0

    def end(self) -> None:
        """The job is done when all pictures have vectors: what another model made of them goes then."""
        if self.refused:
            reason = next(iter(self.refused.values()))
            video = videos.get(self.library, self.job.video_id)
            raise type(reason)(
                f"Pictures of {video.title if video else 'a video'} that got no vector: {len(self.refused):,}. {reason}"
            )
        with self.library.writing():
            frame_vectors.delete_other_models(self.library, self.job.video_id, self.engine.key)
            jobs.finish(self.library, self.job)

    def _waiting(self, limit: int) -> list[Frame]:
        return frame_vectors.frames_without_vector(self.library, self.job.video_id, self.engine.key, limit=limit)

    def _read(self, frame: Frame) -> bytes | None:
        try:
            return frames.read_image(self.library, frame)
        except MediaError as error:
            self.refused[frame.id] = error
            return None

    def _refuse(self, frame_id: int, error: AnswerRejected) -> None:
        self.refused[frame_id] = error
        if isinstance(error, ImageRejected):
            self.failures += 1
            if self.failures >= _FAILURES_IN_A_ROW:
                raise error
