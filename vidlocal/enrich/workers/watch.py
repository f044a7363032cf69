"""Watch sequences: several frames in order to the vision model, the action into the library."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from weakref import WeakKeyDictionary

from vidlocal.engines.base import ImageRejected, RunnerFailed, SchemaMismatch, VisionEngine
from vidlocal.engines.jpeg import shrink
from vidlocal.engines.prompts import text_prompts
from vidlocal.engines.served import multi_image_probe
from vidlocal.engines.served.contact_sheet import contact_sheet, scaled_images
from vidlocal.enrich.runner.pool import Host, Task
from vidlocal.enrich.workers.describe import schema_key
from vidlocal.model_answers import ActionAnswer
from vidlocal.records import Job, Passage, PassageKind, Provenance, SeenPerson
from vidlocal.store.content import frame_images, passages, people, sequences
from vidlocal.store.content.sequences import FrameSequence
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs

# Passages of the same time, quoted to the model.
CONTEXT_KINDS = (PassageKind.SPEECH, PassageKind.SUBTITLE, PassageKind.SCREEN_TEXT)


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """A sequence to describe: images and times in order, cuts, and passages and known people of the same time.

    `multi_image`: digests of models and, as far as known, if they take several images at once. `plain_models` as in
    `DescribeRequest`.
    """

    jpegs: tuple[bytes, ...]
    times: tuple[float, ...]
    cuts: tuple[float, ...]
    context: tuple[Passage, ...]
    attempt: int
    plain_models: frozenset[str]
    multi_image: tuple[tuple[str, bool], ...]
    seen: tuple[SeenPerson, ...] = ()

    def perform(self, host: Host) -> "WatchResponse":
        """Ask the vision model of `host`.

        Several images at once need a model for videos, or one that passed the probe, and room for them. If the engine
        fails on these, one sheet is shown.
        An answer that violates the schema is asked for again at once in plain sentences.
        """
        engine = host.require_vision()
        multi_image = engine.takes_video or _MULTI_IMAGE.check(engine, dict(self.multi_image))
        view = _View.build(engine, self, multi_image=multi_image is True)
        try:
            answer, plain = self._watch(engine, view)
        except RunnerFailed:
            if view.as_sheet:
                raise
            multi_image = None
            answer, plain = self._watch(engine, _View.build(engine, self, multi_image=False))
        return WatchResponse(answer, engine.sequence_provenance(plain=plain), engine.digest, multi_image)

    def _watch(self, engine: VisionEngine, view: "_View") -> tuple[ActionAnswer, bool]:
        try:
            return view.watch(engine, self.attempt, plain=schema_key(engine) in self.plain_models)
        except SchemaMismatch:
            return view.watch(engine, self.attempt, plain=True)


@dataclass(frozen=True, slots=True)
class WatchResponse:
    """An action, and the ability of the model `digest` to take several images at once; None if still unknown."""

    answer: ActionAnswer
    provenance: Provenance
    digest: str
    multi_image: bool | None


class Watcher:
    """Builds tasks for sequences and stores actions; `guarded` hides new ones until the next canary check.

    `plain_models` returns the keys of models that cannot follow a schema.
    """

    def __init__(
        self, library: Library, *, plain_models: Callable[[], frozenset[str]] = frozenset, guarded: bool = False
    ) -> None:
        self._library = library
        self._plain_models = plain_models
        self._guarded = guarded
        self._multi_image: dict[str, bool] = {}
        self._sequences: tuple[int, dict[int, FrameSequence]] = (0, {})

    def load_abilities(self, engine: VisionEngine) -> None:
        """Load the stored result of the multi-image probe of a model.

        Call before its first request.
        """
        stored = facts.get(self._library, facts.multi_image_key(engine.digest))
        if stored is not None:
            self._multi_image[engine.digest] = stored == facts.YES

    def prepare(self, job: Job) -> Task | None:
        """Build the task of a sequence. None, with the job finished, if the sequence was deleted.

        Raises MediaError if an image cannot be read.
        """
        sequence = self._sequence(job)
        if sequence is None:
            jobs.finish(self._library, job)
            return None
        request = WatchRequest(
            jpegs=tuple(frame_images.read(self._library, frame) for frame in sequence.frames),
            times=tuple(frame.time for frame in sequence.frames),
            cuts=sequence.cuts,
            context=tuple(self._context(sequence)),
            attempt=job.attempts,
            plain_models=self._plain_models(),
            multi_image=tuple(self._multi_image.items()),
            seen=tuple(people.named_spans(self._library, job.video_id, sequence.start, sequence.end)),
        )
        return Task(request, lambda response: self._store(job, sequence, response))

    def _sequence(self, job: Job) -> FrameSequence | None:
        video_id, by_first_frame = self._sequences
        if video_id != job.video_id:
            by_first_frame = {
                sequence.frames[0].id: sequence for sequence in sequences.of_video(self._library, job.video_id)
            }
            self._sequences = job.video_id, by_first_frame
        return by_first_frame.get(job.target)

    def _context(self, sequence: FrameSequence) -> list[Passage]:
        """Passages of the same time."""
        video_id = sequence.frames[0].video_id
        passages_then = passages.between(self._library, video_id, sequence.start, sequence.end, CONTEXT_KINDS)
        return passages_then[: text_prompts.MAX_CONTEXT_PASSAGES]

    def _store(self, job: Job, sequence: FrameSequence, response: WatchResponse) -> str:
        text = _text(response.answer)
        if response.multi_image is not None:
            self._multi_image[response.digest] = response.multi_image
        with self._library.writing():
            if response.multi_image is not None:
                ability = facts.YES if response.multi_image else facts.NO
                facts.put(self._library, facts.multi_image_key(response.digest), ability)
            sequences.store_action(self._library, sequence, text, response.provenance, visible=not self._guarded)
            jobs.finish(self._library, job)
        return text or "nothing happens"


class _MultiImageCheck:
    """Results of the multi-image probe in this process. A single thread probes each engine once."""

    def __init__(self) -> None:
        self._results: WeakKeyDictionary[VisionEngine, bool | None] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def check(self, engine: VisionEngine, stored: dict[str, bool]) -> bool | None:
        """Return the stored result for a model, or probe the model. None if the engine failed: the next run probes."""
        if engine.digest in stored:
            return stored[engine.digest]
        with self._lock:
            if engine not in self._results:
                try:
                    self._results[engine] = multi_image_probe.probe(engine)
                except RunnerFailed:
                    self._results[engine] = None
            return self._results[engine]


_MULTI_IMAGE = _MultiImageCheck()


@dataclass(frozen=True, slots=True)
class _View:
    """The images of a request: a contact sheet, or several frames in order."""

    images: tuple[bytes, ...]
    times: tuple[float, ...]
    cuts: tuple[float, ...]
    context: tuple[Passage, ...]
    as_sheet: bool
    seen: tuple[SeenPerson, ...]

    @classmethod
    def build(cls, engine: VisionEngine, request: WatchRequest, *, multi_image: bool) -> Self:
        """Choose separate images if model and context have room for several, else a sheet."""
        jpegs, times = request.jpegs, request.times
        room = multi_image_probe.max_images(engine.num_ctx)
        if not multi_image or room < min(multi_image_probe.MIN_IMAGES, len(jpegs)):
            sheet = contact_sheet(jpegs, times)
            return cls((sheet,), times, request.cuts, request.context, as_sheet=True, seen=request.seen)
        positions = _spread(len(jpegs), room)
        images = scaled_images([jpegs[position] for position in positions])
        shown_times = tuple(times[position] for position in positions)
        return cls(tuple(images), shown_times, request.cuts, request.context, as_sheet=False, seen=request.seen)

    def watch(self, engine: VisionEngine, attempt: int, *, plain: bool) -> tuple[ActionAnswer, bool]:
        """Ask, and after a rejection ask again with smaller images. Later attempts start with smaller images."""
        question = text_prompts.watch_prompt(
            self.times, self.cuts, self.context, as_sheet=self.as_sheet, plain=plain, seen=self.seen
        )
        if attempt:
            return engine.describe_sequence(self._smaller(), question, plain=plain, attempt=attempt), plain
        try:
            return engine.describe_sequence(self.images, question, plain=plain, attempt=attempt), plain
        except ImageRejected:
            return engine.describe_sequence(self._smaller(), question, plain=plain, attempt=attempt), plain

    def _smaller(self) -> list[bytes]:
        return [shrink(jpeg) for jpeg in self.images]


def _spread(count: int, limit: int) -> list[int]:
    """At most `limit` of `count` positions, evenly spread, first and last included."""
    if count <= limit:
        return list(range(count))
    return [round(step * (count - 1) / (limit - 1)) for step in range(limit)]


def _text(answer: ActionAnswer) -> str:
    """The action, with further tags appended in brackets, for search."""
    action = answer.action.casefold()
    extra = dict.fromkeys(tag.lower() for tag in answer.tags if tag.casefold() not in action)
    return f"{answer.action} [{', '.join(extra)}]" if answer.action and extra else answer.action
