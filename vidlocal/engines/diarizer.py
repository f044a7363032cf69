"""Speaker diarization by sherpa-onnx, in a child process: a crash or hang does not harm the parent."""

from types import TracebackType
from typing import Self, cast

import numpy as np

from vidlocal.engines.arrays import Samples
from vidlocal.engines.base import Voice
from vidlocal.engines.cpu import physical_cores
from vidlocal.engines.speaker_files import SpeakerModels
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut

_CHILD = "vidlocal.engines.diarizer_child"
_RATE_HZ = 16_000

_LOAD_TIMEOUT_S = 300.0
# Slower than any machine: 20 minutes of sound take about a minute on two cores.
_TIMEOUT_PER_S = 5.0


class Diarizer:
    """A DiarizationEngine. A context manager: the child process with the models ends on exit.

    The child starts with the first call; after a crash the next call starts a new one. A crash is the fault of the
    audio (AnswerRejected) if the models were loaded, else of the models (EngineError). Not thread-safe.
    """

    def __init__(self, models: SpeakerModels, *, threads: int | None = None) -> None:
        self._models = models
        self._threads = threads or physical_cores()
        self._worker = Worker(_CHILD, name="Speaker diarization")
        self._is_loaded = False

    @property
    def key(self) -> str:
        return self._models.key

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()
        self._is_loaded = False

    def diarize(self, samples: Samples) -> tuple[Voice, ...]:
        """Return the voices in a stretch of audio. Raises EngineError."""
        self._load()
        timeout = _LOAD_TIMEOUT_S + _TIMEOUT_PER_S * samples.size / _RATE_HZ
        try:
            reply = self._call({"do": "diarize"}, samples.astype("<f4").tobytes(), timeout)
        except (WorkerCrashed, WorkerTimedOut) as error:
            self._is_loaded = False
            failure = "crashed" if isinstance(error, WorkerCrashed) else f"timed out after {timeout:.0f} s"
            raise AnswerRejected(f"Speaker diarization {failure} on the audio of this video.") from error
        turns = cast("list[list[tuple[float, float]]]", reply.values["turns"])
        if not turns:
            return ()
        vectors = np.frombuffer(reply.payload, dtype="<f4").astype(np.float32).reshape(len(turns), -1)
        return tuple(
            Voice(tuple((start, end) for start, end in spans), vector)
            for spans, vector in zip(turns, vectors, strict=True)
        )

    def _load(self) -> None:
        if self._is_loaded:
            return
        request: dict[str, object] = {
            "do": "load",
            "segmentation": str(self._models.segmentation),
            "embedding": str(self._models.embedding),
            "threads": self._threads,
        }
        try:
            self._call(request, b"", _LOAD_TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            raise EngineError(
                f"The models for speakers cannot be loaded. Delete {self._models.segmentation.parent / 'speaker-*'} "
                "and run: vidlocal setup --speakers"
            ) from error
        self._is_loaded = True

    def _call(self, request: dict[str, object], payload: bytes, timeout: float) -> Reply:
        return self._worker.call(request, payload=payload, timeout=timeout)
