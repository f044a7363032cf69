"""Describe frames: an image to the vision model, the answer into the library."""

from dataclasses import dataclass, replace

from vidlocal.engines.base import ImageRejected, SchemaMismatch, VisionEngine
from vidlocal.engines.jpeg import shrink
from vidlocal.enrich.runner.pool import Host, Task
from vidlocal.errors import AnswerRejected
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import Frame, Job, Provenance
from vidlocal.store.content import frame_images, frames
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs

# A model that fails the schema on 3 of its first 5 frames is asked for plain sentences.
SCHEMA_TRIALS = 5
MAX_SCHEMA_FAILURES = 2


@dataclass(frozen=True, slots=True)
class DescribeRequest:
    """A frame to describe. `jpeg`: the image; `attempt`: earlier failures of this frame.

    `plain_models`: keys of models that cannot follow the schema and are asked for plain sentences.
    """

    jpeg: bytes
    attempt: int
    plain_models: frozenset[str]

    def perform(self, host: Host) -> "DescribeResponse":
        """Ask the vision model of `host`.

        An answer that violates the schema is asked for again at once in plain sentences: with its fixed seed the model
        would fail in the same way again. A caption that does not fit the image is asked for once more.
        """
        response = self._ask(host.require_vision())
        return response if host.caption_check is None else self._checked(response, host)

    def _checked(self, response: "DescribeResponse", host: Host) -> "DescribeResponse":
        """Ask again, with another seed, after a rejection of the caption by the judge. Returns the better caption."""
        judge = host.caption_check
        assert judge is not None
        fit = judge.probability(self.jpeg, response.answer.description)
        if fit >= judge.MIN_PROBABILITY:
            return response
        judge.redone += 1
        try:
            other = replace(self, attempt=self.attempt + 1)._ask(host.require_vision())
        except AnswerRejected:
            return response
        return other if judge.probability(self.jpeg, other.answer.description) > fit else response

    def _ask(self, engine: VisionEngine) -> "DescribeResponse":
        if schema_key(engine) in self.plain_models:
            return self._respond(engine, plain=True, schema_ok=None)
        try:
            return self._respond(engine, plain=False, schema_ok=True)
        except SchemaMismatch:
            return self._respond(engine, plain=True, schema_ok=False)

    def _respond(self, engine: VisionEngine, *, plain: bool, schema_ok: bool | None) -> "DescribeResponse":
        answer = self._describe(engine, plain=plain)
        return DescribeResponse(answer, engine.provenance(plain=plain), schema_key(engine), schema_ok)

    def _describe(self, engine: VisionEngine, *, plain: bool) -> SceneAnswer:
        """Retry a rejected image once with a smaller size. Later attempts start with the smaller size."""
        if self.attempt:
            return engine.describe(shrink(self.jpeg), plain=plain, attempt=self.attempt)
        try:
            return engine.describe(self.jpeg, plain=plain)
        except ImageRejected:
            return engine.describe(shrink(self.jpeg), plain=plain)


@dataclass(frozen=True, slots=True)
class DescribeResponse:
    """A description.

    `schema_ok`: result of a trial of the schema, None if it was not tried.
    """

    answer: SceneAnswer
    provenance: Provenance
    schema_key: str
    schema_ok: bool | None


class Describer:
    """Builds tasks for frames and stores descriptions; `guarded` hides new ones until the next canary check."""

    def __init__(self, library: Library, *, guarded: bool = False) -> None:
        self._library = library
        self._guarded = guarded
        self._trials: dict[str, tuple[int, int]] = {}

    def load_trials(self, engine: VisionEngine) -> None:
        """Load the schema trials of a model from earlier runs.

        Call before its first request.
        """
        tried, failures = (facts.get(self._library, schema_key(engine)) or "0 0").split()
        self._trials[schema_key(engine)] = int(tried), int(failures)

    def plain_models(self) -> frozenset[str]:
        """Keys of the models with too many failed trials of the schema."""
        return frozenset(key for key, (_, failures) in self._trials.items() if failures > MAX_SCHEMA_FAILURES)

    def prepare(self, job: Job) -> Task | None:
        """Build the task of a frame. None, with the job finished, if the frame was deleted.

        Raises MediaError if its image cannot be read.
        """
        frame = frames.get(self._library, job.target)
        if frame is None:
            jobs.finish(self._library, job)
            return None
        request = DescribeRequest(frame_images.read(self._library, frame), job.attempts, self.plain_models())
        return Task(request, lambda response: self._store(job, frame, response))

    def _store(self, job: Job, frame: Frame, response: DescribeResponse) -> str:
        with self._library.writing():
            if response.schema_ok is not None:
                self._record_trial(response.schema_key, failed=not response.schema_ok)
            frames.store_scene(self._library, frame, response.answer, response.provenance, visible=not self._guarded)
            jobs.finish(self._library, job)
        return response.answer.description

    def _record_trial(self, key: str, *, failed: bool) -> None:
        tried, failures = self._trials.get(key, (0, 0))
        if tried < SCHEMA_TRIALS:
            self._trials[key] = tried + 1, failures + failed
            facts.put(self._library, key, f"{tried + 1} {failures + failed}")


def schema_key(engine: VisionEngine) -> str:
    """Key of the schema trials of a model build with the current prompt, in `store.history.facts`."""
    provenance = engine.provenance()
    return f"schema trials of {provenance.digest} with prompt {provenance.prompt_version}"
