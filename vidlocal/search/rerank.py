"""Rerank moments by a vision model: ask if the frames show the query."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from vidlocal.engines.base import ImageRejected, VisionEngine
from vidlocal.engines.jpeg import shrink
from vidlocal.engines.judge import ImageJudge
from vidlocal.engines.prompts import rerank_prompts
from vidlocal.enrich.runner.pool import Host, Task
from vidlocal.enrich.workers.describe import Describer
from vidlocal.errors import AnswerRejected, MediaError, StoreError
from vidlocal.explanations import SecondLook
from vidlocal.records import Fault, Frame, Job, JobKind, Moment
from vidlocal.search.judging import MATCH
from vidlocal.store.content import frame_images, frames
from vidlocal.store.database import Library
from vidlocal.store.history import second_looks
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import JobFilter

# Maximum of undescribed frames per moment to describe on the spot, nearest to the best hit first.
MAX_DESCRIBED_PER_MOMENT = 2


class VisionReranker:
    """Asks a vision model about moments, for a single query.

    `judge` answers in one token; without it, `engine` answers with a description. `check` is called before the first
    request and raises EngineError if the model must not be used. Jobs of described frames are claimed as `worker`.
    `keep` stores answers with the question.
    """

    def __init__(
        self,
        library: Library,
        engine: VisionEngine,
        query: str,
        *,
        worker: str,
        check: Callable[[], None],
        judge: ImageJudge | None = None,
        keep: bool = True,
    ) -> None:
        self._library = library
        self._engine = engine
        self._query = query
        self._judge = judge
        self._worker = worker
        self._keep = keep
        self._check: Callable[[], None] | None = check
        self._describer = Describer(library)
        self._describer.load_trials(engine)

    def rerank(self, moments: Sequence[Moment]) -> Iterator[tuple[Moment, SecondLook]]:
        """Yield the answer for each moment; skip moments without an image or a usable answer.

        Raises EngineError if the model cannot be used any more.
        """
        for moment in moments:
            time_of_best = _middle(moment)
            shown = frames.frame_at(self._library, moment.video_id, time_of_best)
            if shown is None:
                continue
            self._describe_within(moment, time_of_best)
            with suppress(AnswerRejected, MediaError):
                shows, what = self._answer(shown)
                yield moment, SecondLook(max(moment.start, shown.time), shows, what)

    def _answer(self, shown: Frame) -> tuple[bool, str]:
        """Ask about a frame, or return the stored answer."""
        version = rerank_prompts.RERANK_VERSION if self._judge is None else rerank_prompts.IMAGE_JUDGE_VERSION
        question = rerank_prompts.question(self._query) if self._judge is None else self._query
        key = (shown.same_as or shown.id, self._engine.digest, version, question)
        stored = second_looks.get(self._library, *key)
        if stored is not None:
            return stored
        jpeg = frame_images.read(self._library, shown)
        self._check_once()
        try:
            answer = self._ask(jpeg)
        except ImageRejected:
            answer = self._ask(shrink(jpeg))
        if self._keep:
            with suppress(StoreError):  # next time the model is asked again
                second_looks.put(self._library, *key, answer)
        return answer

    def _ask(self, jpeg: bytes) -> tuple[bool, str]:
        if self._judge is not None:
            return self._judge.image_probability(jpeg, self._query) >= MATCH, ""
        question = rerank_prompts.question(self._query)
        text = self._engine.ask_image(jpeg, question, schema=rerank_prompts.RERANK_SCHEMA)
        return rerank_prompts.parse_answer(text)

    def _describe_within(self, moment: Moment, near: float) -> None:
        waiting = frames.undescribed(
            self._library, moment.video_id, moment.start, moment.end, nearest_to=near, limit=MAX_DESCRIBED_PER_MOMENT
        )
        for frame in waiting:
            self._describe(frame)

    def _describe(self, frame: Frame) -> None:
        """Run the job of a frame, unless failed before or claimed by another process."""
        job = jobs.claim(
            self._library,
            JobKind.DESCRIBE,
            worker=self._worker,
            now=time.monotonic(),
            lease_s=jobs.LEASE_S,
            job_filter=JobFilter(frames=(frame.id,)),
        )
        if job is None:
            return
        try:
            self._check_once()
            task = self._describer.prepare(job)
            if task is not None:
                self._store(job, task, task.request.perform(Host("", self._engine, None, lambda: True)))
        except MediaError as error:
            jobs.fail(self._library, job, str(error), fault=Fault.FILE)
        except AnswerRejected as error:
            jobs.fail(self._library, job, str(error), fault=Fault.ANSWER)
        except BaseException:
            jobs.release(self._library, job)
            raise

    def _store(self, job: Job, task: Task, response: object) -> None:
        """Store a description, unless the frame was removed meanwhile."""
        with self._library.writing():
            if jobs.exists(self._library, job):
                task.store(response)

    def _check_once(self) -> None:
        if self._check is not None:
            self._check()
            self._check = None


def reorder(moments: Sequence[Moment], looks: Mapping[Moment, SecondLook]) -> tuple[Moment, ...]:
    """Sort confirmed moments first, then unchecked ones, then denied ones; stable otherwise."""
    return tuple(sorted(moments, key=lambda moment: 1 if moment not in looks else 0 if looks[moment].matches else 2))


def _middle(moment: Moment) -> float:
    best = moment.hits[0] if moment.hits else moment
    return (best.start + best.end) / 2
