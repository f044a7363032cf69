"""A second look at the best moments of a search: the vision model is asked whether they show what is looked for."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from vidlocal.engines import rerank_prompts
from vidlocal.engines.base import PictureRefused, VisionEngine
from vidlocal.engines.jpeg import smaller
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.workers.describe import Describer
from vidlocal.errors import AnswerRejected, MediaError, StoreError
from vidlocal.records import Fault, Frame, JobKind, Moment, SecondLook
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.history import second_looks
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import JobFilter

# Frames of one moment that are described on the spot, those nearest to its best hit.
DESCRIBED_PER_MOMENT = 2


class VisionReranker:
    """Asks `engine` about moments, for one question.

    `ready` is called before the first picture is shown and raises EngineError where the model must not be asked. Jobs
    of frames that are described are claimed as `worker`. Answers are remembered, with the question, if `keep`.
    """

    def __init__(
        self,
        library: Library,
        engine: VisionEngine,
        wanted: str,
        *,
        worker: str,
        ready: Callable[[], None],
        keep: bool = True,
    ) -> None:
        self._library = library
        self._engine = engine
        self._question = rerank_prompts.question(wanted)
        self._worker = worker
        self._keep = keep
        self._ready: Callable[[], None] | None = ready
        self._describer = Describer(library)
        self._describer.load_trials(engine)

    def rerank(self, moments: Sequence[Moment]) -> Iterator[tuple[Moment, SecondLook]]:
        """What is seen in each moment, one by one; a moment without a picture, or with a useless answer, is left out.

        Raises EngineError when the model cannot be asked any more.
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
        """The model's answer about what a frame shows, from the library where it was asked before."""
        key = (shown.same_as or shown.id, self._engine.digest, rerank_prompts.LOOK_VERSION, self._question)
        known = second_looks.get(self._library, *key)
        if known is not None:
            return known
        jpeg = frames.read_image(self._library, shown)
        self._be_ready()
        try:
            text = self._engine.ask(jpeg, self._question, schema=rerank_prompts.LOOK_SCHEMA)
        except PictureRefused:
            text = self._engine.ask(smaller(jpeg), self._question, schema=rerank_prompts.LOOK_SCHEMA)
        answer = rerank_prompts.verdict(text)
        if self._keep:
            with suppress(StoreError):  # asked again next time
                second_looks.put(self._library, *key, answer)
        return answer

    def _describe_within(self, moment: Moment, near: float) -> None:
        waiting = frames.undescribed(
            self._library, moment.video_id, moment.start, moment.end, nearest_to=near, limit=DESCRIBED_PER_MOMENT
        )
        for frame in waiting:
            self._describe(frame)

    def _describe(self, frame: Frame) -> None:
        """Do the job of a frame, unless it is another process's or was set aside."""
        job = jobs.claim(
            self._library,
            JobKind.DESCRIBE,
            worker=self._worker,
            now=time.time(),
            lease_s=jobs.LEASE_S,
            job_filter=JobFilter(frames=(frame.id,)),
        )
        if job is None:
            return
        try:
            self._be_ready()
            task = self._describer.prepare(job)
            if task is not None:
                task.store(task.request.perform(Host("", self._engine, None, lambda: True)))
        except MediaError as error:
            jobs.fail(self._library, job, str(error), fault=Fault.FILE)
        except AnswerRejected as error:
            jobs.fail(self._library, job, str(error), fault=Fault.ANSWER)
        except BaseException:
            jobs.release(self._library, job)
            raise

    def _be_ready(self) -> None:
        if self._ready is not None:
            self._ready()
            self._ready = None


def reorder(moments: Sequence[Moment], seen: Mapping[Moment, SecondLook]) -> tuple[Moment, ...]:
    """What was confirmed first, then what nobody looked at, then what was denied; else in the order of the search."""
    return tuple(sorted(moments, key=lambda moment: 1 if moment not in seen else 0 if seen[moment].matches else 2))


def _middle(moment: Moment) -> float:
    best = moment.hits[0] if moment.hits else moment
    return (best.start + best.end) / 2
