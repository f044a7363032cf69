"""Speech recognition by whisper.cpp, in a child process: a crash or hang does not harm the parent."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast

from vidlocal.engines.arrays import Samples
from vidlocal.engines.base import Speech
from vidlocal.engines.cpu import physical_cores
from vidlocal.engines.speech.hallucination_filter import remove_hallucinations
from vidlocal.engines.speech.whisper_files import ModelFile
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut
from vidlocal.records import Cue, Word
from vidlocal.sound_remarks import sound_cues

_CHILD = "vidlocal.engines.speech.whisper_child"
_RATE_HZ = 16_000

# A large model on a slow machine needs up to ten minutes for 30 s, with retries at higher temperatures.
_LOAD_TIMEOUT_S = 600.0
_MIN_TIMEOUT_S = 600.0
_TIMEOUT_PER_S = 60.0


# Start, end, text, mean probability, and words with start and end.
_Segment = tuple[float, float, str, float, list[tuple[str, float, float]]]


class Whisper:
    """A SpeechEngine. A context manager: the child process with the model ends on exit.

    The child starts with the first call; after a crash the next call starts a new one. A crash is the fault of the
    audio (AnswerRejected) if the model has worked before, else of the model (EngineError). Not thread-safe.
    """

    kind = "whisper.cpp"

    def __init__(self, model: ModelFile, *, threads: int | None = None) -> None:
        self._model = model
        self._threads = threads or physical_cores()
        self._worker = Worker(_CHILD, name=f"Whisper model {model.name}")
        self._loaded = False
        self._has_worked = False

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def digest(self) -> str:
        return self._model.digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.close()
        self._loaded = False

    def has_speech(self, samples: Samples) -> bool:
        """Return True if anybody speaks, False for noise and music. Raises EngineError.

        A small model of its own decides (`voice_detector`); the Whisper model is not loaded for it.
        """
        return bool(self._call({"do": "has_speech"}, _payload(samples), _LOAD_TIMEOUT_S).values["has_speech"])

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        """Return the probability of each language (ISO 639-1) in the first `seconds`, at most 30.

        Raises EngineError.
        """
        return cast("dict[str, float]", self._request("language", samples, seconds=seconds).values["probabilities"])

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        """Transcribe, without loops. Remarks such as [Music] are sounds. Raises EngineError.

        Best for 30 s or less. A `language` of None is detected. `prompt`: words that may be said, such as names.
        `continues`: the samples follow those of the last call, whose text is the context of the first words.
        """
        if language is None:
            probabilities = self.language_probabilities(samples)
            language = max(probabilities, key=lambda code: probabilities[code])
        return self._decode(samples, language, prompt=prompt, continues=continues, translate=False)

    def translate(self, samples: Samples, language: str) -> Speech:
        """Translate speech in `language` to English, without times of words. Raises EngineError.

        Models for English only and turbo models have not learned it.
        """
        return self._decode(samples, language, prompt="", continues=False, translate=True)

    def _decode(self, samples: Samples, language: str, *, prompt: str, continues: bool, translate: bool) -> Speech:
        options = {"language": language, "prompt": prompt, "continues": continues, "translate": translate}
        reply = self._request("transcribe", samples, **options)
        written = "en" if translate else language
        segments = cast("list[_Segment]", reply.values["segments"])
        duration = samples.size / _RATE_HZ
        cues = [
            Cue(
                start,
                min(max(start, end), duration),
                text,
                written,
                probability,
                # The alignment is that of spoken words.
                () if translate else tuple(Word(word, min(a, duration), min(b, duration)) for word, a, b in words),
            )
            for start, end, text, probability, words in segments
            if start < duration
        ]
        speech = remove_hallucinations(cues)
        return Speech(written if speech else None, speech, sound_cues(cues), cast("float | None", reply.values["end"]))

    def _request(self, do: str, samples: Samples, **values: object) -> Reply:
        if not self._loaded:
            self._call({"do": "load", "model": str(self._model.path), "threads": self._threads}, b"", _LOAD_TIMEOUT_S)
            self._loaded = True
        timeout = _MIN_TIMEOUT_S + _TIMEOUT_PER_S * samples.size / _RATE_HZ
        reply = self._call({"do": do, **values}, _payload(samples), timeout)
        self._has_worked = True
        return reply

    def _call(self, request: dict[str, object], payload: bytes, timeout: float) -> Reply:
        try:
            return self._worker.call(request, payload=payload, timeout=timeout)
        except (WorkerCrashed, WorkerTimedOut) as error:
            self._loaded = False
            failure = "crashed" if isinstance(error, WorkerCrashed) else f"timed out after {timeout:.0f} s"
            if self._has_worked:
                raise AnswerRejected(
                    f"Whisper model {self._model.name} {failure} on the audio of this video."
                ) from error
            raise EngineError(
                f"Whisper model {self._model.name} {failure}. The file may be damaged: delete {self._model.path} "
                "and run: vidlocal setup"
            ) from error


def _payload(samples: Samples) -> bytes:
    return samples.astype("<f4").tobytes()
