"""One strip watched: its pictures to the vision model in order, what happens into the library."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from vidlocal.engines import multi_image_probe, text_prompts
from vidlocal.engines.base import NotTheSchema, PictureRefused, VisionEngine
from vidlocal.engines.contact_sheet import contact_sheet, series
from vidlocal.engines.jpeg import smaller
from vidlocal.enrich.runner.pool import Ask, Host, Store
from vidlocal.errors import EngineError, MediaError
from vidlocal.records import ActionAnswer, Job, Passage, PassageKind
from vidlocal.store.content import frames, passages, sequences
from vidlocal.store.content.sequences import Strip
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs

# What was said or written meanwhile, as it is quoted to the model.
HEARD = (PassageKind.SPEECH, PassageKind.SUBTITLE, PassageKind.SCREEN_TEXT)


class Watcher:
    """Prepares, asks and stores. `guarded`: what is stored stays hidden until the model was seen to see.

    `speaks_plainly` tells of a model whether it has shown that it cannot keep to a schema.
    """

    def __init__(
        self, library: Library, *, speaks_plainly: Callable[[VisionEngine], bool], guarded: bool = False
    ) -> None:
        self._library = library
        self._speaks_plainly = speaks_plainly
        self._guarded = guarded
        self._sight = _Sight()
        self._strips: tuple[int, dict[int, Strip]] = (0, {})

    def learn(self, engine: VisionEngine) -> None:
        """Recall whether a model takes several pictures. Before the first question to it."""
        known = facts.get(self._library, facts.several_pictures(engine.digest))
        if known is not None:
            self._sight.remember(engine.digest, several_at_once=known == facts.YES)

    def prepare(self, job: Job) -> Ask | None:
        """What to ask about a strip. MediaError when a picture cannot be read; None, and done, when it is gone."""
        strip = self._strip(job)
        if strip is None:
            jobs.finish(self._library, job)
            return None
        jpegs = [_picture(self._library, strip, place) for place in range(len(strip.pictures))]
        heard = self._heard(strip)

        def ask(host: Host) -> Store:
            engine = _vision(host)
            at_once = self._sight.of(engine)
            view = _View.of(engine, strip, jpegs, heard, at_once=at_once)
            answer, plain = view.watched(engine, job.attempts, plain=self._speaks_plainly(engine))
            return lambda: self._store(job, strip, engine, answer, plain=plain, at_once=at_once)

        return ask

    def _strip(self, job: Job) -> Strip | None:
        video_id, found = self._strips
        if video_id != job.video_id:
            found = {strip.pictures[0].id: strip for strip in sequences.of_video(self._library, job.video_id)}
            self._strips = job.video_id, found
        return found.get(job.target)

    def _heard(self, strip: Strip) -> list[Passage]:
        """What is said or written meanwhile."""
        known = passages.between(self._library, strip.pictures[0].video_id, strip.start, strip.end, HEARD)
        return known[: text_prompts.MOST_QUOTED]

    def _store(
        self, job: Job, strip: Strip, engine: VisionEngine, answer: ActionAnswer, *, plain: bool, at_once: bool
    ) -> str:
        text = _text(answer)
        with self._library.writing():
            facts.put(
                self._library,
                facts.several_pictures(engine.digest),
                facts.YES if at_once else facts.NO,
            )
            provenance = engine.watch_provenance(plain=plain)
            sequences.store_action(self._library, strip, text, provenance, visible=not self._guarded)
            jobs.finish(self._library, job)
        return text or "nothing happens"


class _Sight:
    """Which models take several pictures at once, found out when first needed. Used from several threads."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}
        self._lock = threading.Lock()

    def remember(self, digest: str, *, several_at_once: bool) -> None:
        self._known[digest] = several_at_once

    def of(self, engine: VisionEngine) -> bool:
        with self._lock:
            if engine.digest not in self._known:
                self._known[engine.digest] = multi_image_probe.takes_several(engine)
            return self._known[engine.digest]


@dataclass(frozen=True, slots=True)
class _View:
    """What a model is shown of a strip: one contact sheet, or pictures in order."""

    shown: tuple[bytes, ...]
    times: tuple[float, ...]
    cuts: tuple[float, ...]
    heard: tuple[Passage, ...]
    as_sheet: bool

    @classmethod
    def of(
        cls, engine: VisionEngine, strip: Strip, jpegs: Sequence[bytes], heard: Sequence[Passage], *, at_once: bool
    ) -> Self:
        times = [picture.time for picture in strip.pictures]
        room = multi_image_probe.fitting(engine.num_ctx)
        if not at_once or room < min(multi_image_probe.LEAST_PICTURES, len(jpegs)):
            return cls((contact_sheet(jpegs, times),), tuple(times), strip.cuts, tuple(heard), as_sheet=True)
        places = _spread(len(jpegs), room)
        shown = series([jpegs[place] for place in places])
        return cls(tuple(shown), tuple(times[place] for place in places), strip.cuts, tuple(heard), as_sheet=False)

    def watched(self, engine: VisionEngine, attempt: int, *, plain: bool) -> tuple[ActionAnswer, bool]:
        """What happens, and whether it was asked for in plain sentences. Later tries, and a runner that fails, get
        smaller pictures; an answer that is not the schema is asked for again at once in plain sentences."""
        if attempt:
            return self._asked(engine, self._smaller(), attempt, plain=plain)
        try:
            return self._asked(engine, self.shown, attempt, plain=plain)
        except PictureRefused:
            return self._asked(engine, self._smaller(), attempt, plain=plain)

    def _asked(
        self, engine: VisionEngine, shown: Sequence[bytes], attempt: int, *, plain: bool
    ) -> tuple[ActionAnswer, bool]:
        try:
            return engine.watch(shown, self._question(plain=plain), plain=plain, attempt=attempt), plain
        except NotTheSchema:
            if plain:
                raise
            return engine.watch(shown, self._question(plain=True), plain=True, attempt=attempt), True

    def _question(self, *, plain: bool) -> str:
        return text_prompts.watch_prompt(self.times, self.cuts, self.heard, as_sheet=self.as_sheet, plain=plain)

    def _smaller(self) -> list[bytes]:
        return [smaller(jpeg) for jpeg in self.shown]


def _spread(count: int, most: int) -> list[int]:
    """Positions of at most `most` of `count` pictures, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def _text(answer: ActionAnswer) -> str:
    """The action, and in brackets the tags beyond it, so that they can be found too."""
    said = answer.action.casefold()
    extra = dict.fromkeys(tag.lower() for tag in answer.tags if tag.casefold() not in said)
    return f"{answer.action} [{', '.join(extra)}]" if answer.action and extra else answer.action


def _vision(host: Host) -> VisionEngine:
    if host.vision is None:
        raise EngineError(f"{host.name} has no vision model.")
    return host.vision


def _picture(library: Library, strip: Strip, place: int) -> bytes:
    path = frames.image_path(library, strip.pictures[place])
    try:
        return path.read_bytes()
    except OSError as error:
        raise MediaError(
            f"The picture of a frame cannot be read: {path} ({error.strerror}). Mend it with: vidlocal check --repair"
        ) from error
