"""One frame described: its picture to the vision model, the answer into the library."""

from vidlocal.engines.base import NotTheSchema, PictureRefused, VisionEngine
from vidlocal.engines.jpeg import smaller
from vidlocal.enrich.runner.pool import Ask, Host, Store
from vidlocal.errors import EngineError, MediaError
from vidlocal.records import Frame, Job, SceneAnswer
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs

# A model that fails the schema on 3 of its first 5 frames is asked for plain sentences.
TRIALS = 5
FAILURES_ALLOWED = 2


class Describer:
    """Prepares, asks and stores. `guarded`: what is stored stays hidden until the model was seen to see."""

    def __init__(self, library: Library, *, guarded: bool = False) -> None:
        self._library = library
        self._guarded = guarded
        self._trials: dict[str, tuple[int, int]] = {}

    def prepare(self, job: Job) -> Ask | None:
        """What to ask about a frame. MediaError when its picture cannot be read; None, and done, when it is gone."""
        frame = frames.get(self._library, job.target)
        if frame is None:
            jobs.finish(self._library, job)
            return None
        jpeg = picture(self._library, frame)

        def ask(host: Host) -> Store:
            engine = _vision(host)
            answer, plain, tried = self._look(engine, jpeg, job.attempts)
            return lambda: self._store(job, frame, engine, answer, plain=plain, tried=tried)

        return ask

    def speaks_plainly(self, engine: VisionEngine) -> bool:
        """Whether this build of the model has shown that it cannot keep to the schema of this prompt."""
        return self._trials_of(engine)[1] > FAILURES_ALLOWED

    def learn(self, engine: VisionEngine) -> None:
        """Recall what earlier runs found out about a model. Before the first question to it."""
        asked, failures = (facts.get(self._library, _measure(engine)) or "0 0").split()
        self._trials[_measure(engine)] = int(asked), int(failures)

    def _look(self, engine: VisionEngine, jpeg: bytes, attempt: int) -> tuple[SceneAnswer, bool, bool | None]:
        """The answer, whether it was asked for plainly, and how a trial of the schema ended.

        An answer that is not the schema is asked for again at once in plain sentences: with its fixed seed
        the model would only fail in the same way.
        """
        if self.speaks_plainly(engine):
            return _shown(engine, jpeg, attempt, plain=True), True, None
        try:
            return _shown(engine, jpeg, attempt, plain=False), False, True
        except NotTheSchema:
            return _shown(engine, jpeg, attempt, plain=True), True, False

    def _store(
        self, job: Job, frame: Frame, engine: VisionEngine, answer: SceneAnswer, *, plain: bool, tried: bool | None
    ) -> str:
        with self._library.writing():
            if tried is not None:
                self._note_trial(engine, failed=not tried)
            provenance = engine.provenance(plain=plain)
            frames.store_scene(self._library, frame, answer, provenance, visible=not self._guarded)
            jobs.finish(self._library, job)
        return answer.description

    def _trials_of(self, engine: VisionEngine) -> tuple[int, int]:
        """How many of the first frames were asked with the schema, and how many answers failed it."""
        return self._trials.get(_measure(engine), (0, 0))

    def _note_trial(self, engine: VisionEngine, *, failed: bool) -> None:
        asked, failures = self._trials_of(engine)
        if asked < TRIALS:
            self._trials[_measure(engine)] = asked + 1, failures + failed
            facts.put(self._library, _measure(engine), f"{asked + 1} {failures + failed}")


def _vision(host: Host) -> VisionEngine:
    if host.vision is None:
        raise EngineError(f"{host.name} has no vision model.")
    return host.vision


def picture(library: Library, frame: Frame) -> bytes:
    """The JPEG of a frame, or of the frame it repeats. MediaError when it cannot be read."""
    path = frames.image_path(library, frame)
    try:
        return path.read_bytes()
    except OSError as error:
        raise MediaError(
            f"The picture of a frame cannot be read: {path} ({error.strerror}). Mend it with: vidlocal check --repair"
        ) from error


def _shown(engine: VisionEngine, jpeg: bytes, attempt: int, *, plain: bool) -> SceneAnswer:
    """What the model sees. A picture its runner fails on is shown once more, smaller; later tries begin there."""
    if attempt:
        return engine.describe(smaller(jpeg), plain=plain, attempt=attempt)
    try:
        return engine.describe(jpeg, plain=plain)
    except PictureRefused:
        return engine.describe(smaller(jpeg), plain=plain)


def _measure(engine: VisionEngine) -> str:
    made = engine.provenance()
    return f"schema trials of {made.digest} with prompt {made.prompt_version}"
