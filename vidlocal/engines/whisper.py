"""Speech recognition by whisper.cpp, in a child process that may crash or hang without harm."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from vidlocal.engines.base import Samples, Speech
from vidlocal.engines.hallucination_filter import remove_hallucinations
from vidlocal.engines.models_on_disk import ModelFile
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut
from vidlocal.records import Cue

ENGINE = "whisper.cpp"

_CHILD = "vidlocal.engines.whisper_child"
_RATE_HZ = 16_000

# A big model on a small machine hears 30 s in ten minutes at worst, retries at higher temperatures included.
_LOAD_TIMEOUT_S = 600.0
_LEAST_TIMEOUT_S = 600.0
_TIMEOUT_PER_S = 60.0


class Whisper:
    """One loaded whisper model. A context manager: leaving it ends the child that holds the model.

    `vad_file` is a voice-activity model of whisper.cpp's: what is no voice is then not listened to. The child
    starts with the first call; after a crash the next call starts another one. A crash of a model that has worked
    before is blamed on the sound (AnswerRejected), else on the model (EngineError). Not for use from two threads.
    """

    def __init__(self, model: ModelFile, *, vad_file: Path | None = None, threads: int | None = None) -> None:
        self._model = model
        self._vad_file = vad_file
        self._threads = threads or _cores()
        self._worker = Worker(_CHILD, name=f"The speech recogniser with the model {model.name}")
        self._loaded = False
        self._proven = False

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

    def language_probabilities(self, samples: Samples) -> Mapping[str, float]:
        """How likely each language the model knows is, ISO 639-1, of at most the first 30 s. Raises EngineError."""
        return cast("dict[str, float]", self._request("language", samples).values["likely"])

    def transcribe(self, samples: Samples, language: str | None) -> Speech:
        """What is said, loops and remarks such as [Music] left out. Raises EngineError.

        Best for 30 s or less. `language` None has it recognised.
        """
        if language is None:
            likely = self.language_probabilities(samples)
            language = max(likely, key=lambda code: likely[code])
        reply = self._request("transcribe", samples, language=language)
        heard = cast("list[tuple[float, float, str, float]]", reply.values["segments"])
        until = samples.size / _RATE_HZ
        cues = (
            Cue(start, min(max(start, end), until), text, language) for start, end, text, _ in heard if start < until
        )
        kept = remove_hallucinations(cues)
        return Speech(language if kept else None, kept)

    def _request(self, do: str, samples: Samples, **values: str) -> Reply:
        if not self._loaded:
            self._call(
                {
                    "do": "load",
                    "model": str(self._model.path),
                    "vad": str(self._vad_file) if self._vad_file else None,
                    "threads": self._threads,
                },
                b"",
                _LOAD_TIMEOUT_S,
            )
            self._loaded = True
        timeout = _LEAST_TIMEOUT_S + _TIMEOUT_PER_S * samples.size / _RATE_HZ
        reply = self._call({"do": do, **values}, samples.astype("<f4").tobytes(), timeout)
        self._proven = True
        return reply

    def _call(self, request: dict[str, object], payload: bytes, timeout: float) -> Reply:
        try:
            return self._worker.call(request, payload=payload, timeout=timeout)
        except (WorkerCrashed, WorkerTimedOut) as error:
            self._loaded = False
            ended = "crashed" if isinstance(error, WorkerCrashed) else f"gave no answer within {timeout:.0f} s"
            if self._proven:
                raise AnswerRejected(
                    f"The whisper model {self._model.name} {ended} on the sound of this video."
                ) from error
            files = " or ".join(str(path) for path in (self._model.path, self._vad_file) if path)
            raise EngineError(
                f"The whisper model {self._model.name} {ended}. A file may be damaged: delete {files} "
                "and run: vidlocal setup"
            ) from error


def _cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
