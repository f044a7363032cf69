"""One frame described: its picture to the vision model, the answer into the library."""

from vidlocal.engines.base import NotTheSchema, PictureRefused, VisionEngine
from vidlocal.engines.pictures import smaller
from vidlocal.errors import MediaError
from vidlocal.records import Frame, Job, SceneAnswer
from vidlocal.store import frames, jobs, measures
from vidlocal.store.database import Library

# Design, section 7: a model that fails the schema on 3 of its first 5 frames is asked for plain sentences.
TRIALS = 5
FAILURES_ALLOWED = 2


def describe(library: Library, job: Job, engine: VisionEngine) -> str:
    """The description, stored with the end of its job in one transaction.

    Errors of the engine pass through and leave the job as it was claimed: the caller knows whom to charge.
    MediaError when the stored picture is missing or damaged. "" for a frame that was removed meanwhile.
    """
    frame = frames.get(library, job.target)
    if frame is None:
        jobs.finish(library, job)
        return ""
    answer, plain = _answer(library, engine, _picture(library, frame), first_try=job.attempts == 0)
    with library.writing():
        frames.store_scene(library, frame, answer, engine.provenance(plain=plain))
        jobs.finish(library, job)
    return answer.description


def _picture(library: Library, frame: Frame) -> bytes:
    path = frames.image_path(library, frame)
    try:
        return path.read_bytes()
    except OSError as error:
        raise MediaError(
            f"The picture of a frame cannot be read: {path} ({error.strerror}). Ingest the video again."
        ) from error


def _answer(library: Library, engine: VisionEngine, jpeg: bytes, *, first_try: bool) -> tuple[SceneAnswer, bool]:
    """The answer, and whether the model was asked for plain sentences."""
    if not speaks_plainly(library, engine):
        try:
            answer = _look(engine, jpeg, plain=False, first_try=first_try)
        except NotTheSchema:
            _note_trial(library, engine, failed=True)
            if not speaks_plainly(library, engine):
                raise
        else:
            _note_trial(library, engine, failed=False)
            return answer, False
    return _look(engine, jpeg, plain=True, first_try=first_try), True


def _look(engine: VisionEngine, jpeg: bytes, *, plain: bool, first_try: bool) -> SceneAnswer:
    """What the model sees. A picture its runner fails on is shown once more, smaller; later tries begin there."""
    if not first_try:
        return engine.describe(smaller(jpeg), plain=plain)
    try:
        return engine.describe(jpeg, plain=plain)
    except PictureRefused:
        return engine.describe(smaller(jpeg), plain=plain)


def speaks_plainly(library: Library, engine: VisionEngine) -> bool:
    """Whether this build of the model has shown that it cannot keep to the schema of this prompt."""
    return _trials(library, engine)[1] > FAILURES_ALLOWED


def _note_trial(library: Library, engine: VisionEngine, *, failed: bool) -> None:
    with library.writing():
        asked, failures = _trials(library, engine)
        if asked < TRIALS:
            measures.put(library, _measure(engine), f"{asked + 1} {failures + failed}")


def _trials(library: Library, engine: VisionEngine) -> tuple[int, int]:
    """How many of the first frames were asked with the schema, and how many answers failed it."""
    asked, failures = (measures.get(library, _measure(engine)) or "0 0").split()
    return int(asked), int(failures)


def _measure(engine: VisionEngine) -> str:
    made = engine.provenance()
    return f"schema trials of {made.digest} with prompt {made.prompt_version}"
