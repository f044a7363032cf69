"""Compare the installed vision models of the servers on frames of the bundled clip: speed, validity, captions."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files

from vidlocal.app.demo import CLIP
from vidlocal.app.servers.connections import connect
from vidlocal.engines.base import ModelInfo, RunnerFailed, Usage
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.served import canary
from vidlocal.engines.served.canary import CanaryResult
from vidlocal.engines.served.models import ServedVision
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.workers.describe import MAX_SCHEMA_FAILURES, DescribeRequest, schema_key
from vidlocal.errors import AnswerRejected, EngineError, LibraryMissing, ModelMissing
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerSetting
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.text import full_model_name


@dataclass(frozen=True, slots=True)
class BenchPicture:
    """A frame of the bundled clip. `time`: seconds."""

    time: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class BenchCaption:
    """A caption, or the reason of its failure. `is_valid`: the answer kept the JSON schema."""

    text: str
    seconds: float
    is_valid: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ModelResult:
    """Results of a model: captions in the order of the pictures, fewer if `error` ended the test."""

    model: str
    server: str
    canary: CanaryResult | None = None
    captions: tuple[BenchCaption, ...] = ()
    usage: Usage = field(default_factory=Usage)
    error: str | None = None

    @property
    def has_failed(self) -> bool:
        return all(caption.error is not None for caption in self.captions)

    @property
    def failure(self) -> str | None:
        """Reason why there are no captions, or not all; None otherwise."""
        reasons = (caption.error for caption in self.captions if caption.error)
        return self.error or next(reasons, None)

    @property
    def valid(self) -> int:
        return sum(caption.is_valid for caption in self.captions)

    @property
    def seconds_per_frame(self) -> float | None:
        """Mean time of an answer, with the image read and the failures retried; None without a caption."""
        return None if self.has_failed else self._seconds / len(self.captions)

    @property
    def tokens_per_second(self) -> float | None:
        """Generated tokens by the whole time of the answers; None without token counts."""
        return self.usage.tokens / self._seconds if self.usage.tokens and self._seconds else None

    @property
    def server_tokens_per_second(self) -> float | None:
        """Generated tokens by the time of their generation alone; None without times from the server."""
        return self.usage.tokens / self.usage.seconds if self.usage.seconds else None

    def seconds_left(self, frames_left: int | None) -> float | None:
        """Estimate for the frames left in a library, one request at a time."""
        pace = self.seconds_per_frame
        return None if pace is None or frames_left is None else pace * frames_left

    @property
    def _seconds(self) -> float:
        return sum(caption.seconds for caption in self.captions)


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Results of all models. `frames_left`: distinct frames without a caption; None without a library."""

    pictures: tuple[BenchPicture, ...]
    models: tuple[ModelResult, ...]
    frames_left: int | None

    def as_data(self) -> dict[str, object]:
        """Return the result as plain data for JSON."""
        return {
            "pictures": [{"number": number, "time": picture.time} for number, picture in enumerate(self.pictures, 1)],
            "frames_left": self.frames_left,
            "models": [_model_data(model, self.frames_left) for model in self.models],
        }


@dataclass(frozen=True, slots=True)
class BenchProgress:
    """Position: `picture` from 1, 0 while the model is loaded; `fraction` of the whole run."""

    model: str
    picture: int
    pictures: int
    fraction: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An installed vision model on an open server."""

    server: ModelServer
    info: ModelInfo


def run_bench(
    settings: Settings,
    names: Sequence[str],
    count: int,
    *,
    on_progress: Callable[[BenchProgress], None] = lambda progress: None,
) -> BenchResult:
    """Ask each vision model for captions of `count` frames of the bundled clip.

    `names`: models to compare, empty for all of the servers with the role describe. A model that fails is a result
    with an error. Raises EngineError if there is no model to ask, ModelMissing for a name that no server has.
    """
    frames_left = _frames_left(settings)
    with ExitStack() as stack:
        candidates, unusable = _find_models(stack, settings, names)
        pictures = tuple(demo_pictures(settings, count))
        results = []
        for number, candidate in enumerate(candidates):
            report = _reporter(on_progress, candidate.info.name, number, len(candidates), len(pictures))
            results.append(_measure(candidate, settings, pictures, report))
    return BenchResult(pictures, (*results, *unusable), frames_left)


def demo_pictures(settings: Settings, count: int) -> Iterator[BenchPicture]:
    """Yield frames of the bundled clip at equal distances, as JPEG of the size and quality of stored frames."""
    import numpy as np
    from PIL import Image

    from vidlocal.ingest.sampling import encode_frame
    from vidlocal.media.ffmpeg import find_ffmpeg
    from vidlocal.media.frames import read_frames_at
    from vidlocal.media.probe.prober import Prober

    with as_file(files("vidlocal") / "demo" / CLIP) as clip, Prober() as prober:
        probe, times = prober.probe(clip), prober.timeline(clip).times
        positions = ((np.arange(count) + 0.5) / count * len(times)).astype(int)
        chosen = [float(times[position]) for position in positions]
        for frame in read_frames_at(clip, probe, chosen, ffmpeg=find_ffmpeg(settings.ffmpeg), prober=prober):
            yield BenchPicture(frame.time, encode_frame(Image.fromarray(frame.rgb)))


def _find_models(
    stack: ExitStack, settings: Settings, names: Sequence[str]
) -> tuple[list[_Candidate], list[ModelResult]]:
    """Return the vision models, and the unusable servers and models as results."""
    candidates: list[_Candidate] = []
    unusable: list[ModelResult] = []
    installed: set[str] = set()
    settings.server_for(Role.DESCRIBE)
    for chosen in settings.model_servers:
        if Role.DESCRIBE not in chosen.roles:
            continue
        try:
            server, models = _open(stack, settings, chosen)
        except EngineError as error:
            unusable.append(ModelResult("", chosen.url, error=str(error)))
            continue
        for model in models:
            name = next((name for name in names if _is_name_of(name, model.name)), None)
            installed |= {model.name, name or ""}
            if names and name is None:
                continue
            try:
                candidates.append(_Candidate(server, server.preflight(model.name, "vision")))
            except EngineError as error:
                if names:
                    unusable.append(ModelResult(model.name, server.host, error=str(error)))
    missing = next((name for name in names if name not in installed), None)
    if installed and missing is not None:
        raise ModelMissing(
            f"{missing}: not on the servers of the settings. Installed: {', '.join(sorted(installed - {''}))}"
        )
    if not candidates:
        nothing = "No vision model on the servers of the settings. Run: vidlocal setup --only vision"
        raise EngineError((unusable[0].error if unusable else None) or nothing)
    return candidates, unusable


def _open(stack: ExitStack, settings: Settings, chosen: ServerSetting) -> tuple[ModelServer, Sequence[ModelInfo]]:
    """Connect to a server, closed with `stack`, and list its models. Raises EngineError."""
    server = stack.enter_context(connect(settings, chosen))
    return server, server.models()


def _is_name_of(name: str, model: str) -> bool:
    """True for the name of a model in any case, without its tag or without its folder."""
    listed = model.lower()
    return listed in (name.lower(), full_model_name(name)) or listed.endswith(f"/{name.lower()}")


def _reporter(
    on_progress: Callable[[BenchProgress], None], model: str, number: int, models: int, pictures: int
) -> Callable[[int], None]:
    """Make a callback for the start of each picture of the model at position `number`."""

    def report(picture: int) -> None:
        done = (number + picture / (pictures + 1)) / models
        on_progress(BenchProgress(model, picture, pictures, done))

    return report


def _measure(
    candidate: _Candidate, settings: Settings, pictures: Sequence[BenchPicture], report: Callable[[int], None]
) -> ModelResult:
    server, info = candidate.server, candidate.info
    result = ModelResult(info.name, server.host)
    report(0)
    try:
        num_ctx = server.context(info.name, settings.num_ctx)
        vision = ServedVision(server, info, num_ctx=num_ctx, keep_alive=settings.keep_alive)
        # The first answers wait for the model to load, and are not measured.
        result = replace(result, canary=canary.check_vision(vision, rng=random.Random()))
        with suppress(RunnerFailed):
            vision.probe_bounds()
        before = vision.usage
        for caption in _captions(vision, server.host, pictures, report):
            result = replace(result, captions=(*result.captions, caption), usage=vision.usage - before)
        vision.unload()
    except EngineError as error:
        return replace(result, error=str(error))
    return result


def _captions(
    vision: ServedVision, host: str, pictures: Sequence[BenchPicture], report: Callable[[int], None]
) -> Iterator[BenchCaption]:
    """Describe pictures as enrich does: without the schema after too many invalid answers."""
    machine = Host(host, vision, None, is_up=lambda: True)
    failures = 0
    for number, picture in enumerate(pictures, 1):
        report(number)
        plain = frozenset({schema_key(vision)}) if failures > MAX_SCHEMA_FAILURES else frozenset()
        started = time.monotonic()
        try:
            response = DescribeRequest(picture.jpeg, 0, plain).perform(machine)
        except AnswerRejected as error:
            yield BenchCaption("", time.monotonic() - started, error=str(error))
            continue
        failures += response.schema_ok is False
        yield BenchCaption(response.answer.description, time.monotonic() - started, response.schema_ok is True)


def _frames_left(settings: Settings) -> int | None:
    try:
        with Library.open(settings.home) as library:
            return frames.coverage(library).distinct_undescribed
    except LibraryMissing:
        return None


def _model_data(result: ModelResult, frames_left: int | None) -> dict[str, object]:
    return {
        "model": result.model,
        "server": result.server,
        "error": result.failure,
        "canary": None if result.canary is None else result.canary.passed,
        "seconds_per_frame": result.seconds_per_frame,
        "tokens_per_second": result.tokens_per_second,
        "server_tokens_per_second": result.server_tokens_per_second,
        "valid": result.valid,
        "seconds_left": result.seconds_left(frames_left),
        "captions": [
            {
                "picture": number,
                "caption": caption.text,
                "seconds": round(caption.seconds, 3),
                "valid": caption.is_valid,
                "error": caption.error,
            }
            for number, caption in enumerate(result.captions, 1)
        ],
    }
