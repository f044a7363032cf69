"""OCR, CLIP, speech and speaker engines of this machine for the calls of a cluster."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from queue import SimpleQueue
from typing import Any

from vidlocal.app.cluster.shared_files import Mount, SharedFiles, decoder_identity
from vidlocal.app.engines.clip import open_clip
from vidlocal.app.engines.fast_engines import open_speech
from vidlocal.app.engines.speakers import open_diarizer
from vidlocal.cluster.messages import OfferedModel
from vidlocal.engines.arrays import Samples
from vidlocal.engines.base import DiarizationEngine, SpeechEngine, Voice
from vidlocal.engines.cpu import usable_cores
from vidlocal.errors import EngineError
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.flac import decode_flac
from vidlocal.process import SerialThread
from vidlocal.settings import Settings
from vidlocal.signals.screen_text import ENGINE, RapidOcr
from vidlocal.text import model_key

# Threads of an OCR process.
_OCR_THREADS = 2

# A method name, its arguments and options, to the result.
Invoke = Callable[[str, Sequence[Any], Mapping[str, Any]], Any]


def ocr_identity() -> str:
    """Return the build of the OCR engine: its models come with the package."""
    try:
        return f"{ENGINE} {version('rapidocr')}"
    except PackageNotFoundError:
        return ""


def open_local_engines(
    stack: ExitStack, settings: Settings
) -> tuple[dict[str, tuple[Invoke, OfferedModel]], dict[str, str]]:
    """Open the installed engines; closed with `stack`. Returns them by role, and the reasons for missing ones.

    Child processes start with the first call.
    """
    engines: dict[str, tuple[Invoke, OfferedModel]] = {"ocr": _open_ocr(stack)}
    missing: dict[str, str] = {}
    clip = open_clip(stack, settings)
    if isinstance(clip, str):
        missing["pictures"] = clip
    else:
        offered = OfferedModel(name=clip.key, digest="", identity=clip.key)
        engines["pictures"] = _serial(stack, "pictures", clip), offered
    try:
        speech = open_speech(stack, settings)
    except EngineError as error:
        missing["speech"] = str(error)
    else:
        identity = model_key(speech.name, speech.digest)
        offered = OfferedModel(speech.name, speech.digest, identity, kind=speech.kind)
        engines["speech"] = _serial(stack, "speech", _SpeechCalls(speech)), offered
    diarizer = open_diarizer(stack, settings)
    if isinstance(diarizer, str):
        missing["speakers"] = diarizer
    else:
        offered = OfferedModel(name=diarizer.key, digest="", identity=diarizer.key)
        engines["speakers"] = _serial(stack, "speakers", _SpeakerCalls(diarizer)), offered
    return engines, missing


def _open_ocr(stack: ExitStack) -> tuple[Invoke, OfferedModel]:
    """Open a process for every two cores."""
    slots = max(1, usable_cores() // _OCR_THREADS)
    free: SimpleQueue[RapidOcr] = SimpleQueue()
    for _ in range(slots):
        free.put(stack.enter_context(RapidOcr(threads=_OCR_THREADS)))

    def invoke(method: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        reader = free.get()
        try:
            return getattr(reader, method)(*arguments, **options)
        finally:
            free.put(reader)

    return invoke, OfferedModel(ENGINE, "", ocr_identity(), slots=slots)


def open_shared_files(stack: ExitStack, settings: Settings, mounts: Sequence[Mount]) -> tuple[Invoke, OfferedModel]:
    """Open the decoder for files shared with the owner; closed with `stack`."""
    ffmpeg = find_ffmpeg(settings.ffmpeg)
    invoke = _serial(stack, "files", SharedFiles(stack, ffmpeg, mounts))
    return invoke, OfferedModel("decoding", "", decoder_identity(ffmpeg))


def _serial(stack: ExitStack, name: str, engine: object) -> Invoke:
    """Run all calls of an engine on one thread, as its child process ends with the calling thread."""
    thread = SerialThread(name)
    stack.callback(thread.shutdown)
    return lambda method, arguments, options: thread.submit(getattr(engine, method), *arguments, **options).result()


class _SpeakerCalls:
    """A diarization engine for audio as FLAC."""

    def __init__(self, engine: DiarizationEngine) -> None:
        self._engine = engine

    def diarize(self, flac: bytes) -> tuple[Voice, ...]:
        return self._engine.diarize(decode_flac(flac))


class _SpeechCalls:
    """A speech engine for audio as FLAC."""

    def __init__(self, engine: SpeechEngine) -> None:
        self._engine = engine

    def has_speech(self, flac: bytes) -> bool:
        return self._engine.has_speech(decode_flac(flac))

    def language_probabilities(self, flac: bytes, *, seconds: float) -> Mapping[str, float]:
        return self._engine.language_probabilities(decode_flac(flac), seconds=seconds)

    def transcribe(self, flac: bytes, language: str | None, *, prompt: str) -> object:
        return self._engine.transcribe(decode_flac(flac), language, prompt=prompt)

    def translate(self, flac: bytes, language: str) -> object:
        samples: Samples = decode_flac(flac)
        return self._engine.translate(samples, language)
