"""Speaker diarization by sherpa-onnx, in a child process: a crash or hang does not harm the parent."""

from typing import cast

import numpy as np

from vidlocal.engines.arrays import Samples
from vidlocal.engines.base import Voice
from vidlocal.engines.cpu import physical_cores
from vidlocal.engines.model_child import ModelChild
from vidlocal.engines.speakers.speaker_files import SpeakerModels

_CHILD = "vidlocal.engines.speakers.diarizer_child"
_RATE_HZ = 16_000

_MIN_TIMEOUT_S = 300.0
# Slower than any machine: 20 minutes of sound take about a minute on two cores.
_TIMEOUT_PER_S = 5.0


class Diarizer(ModelChild):
    """A DiarizationEngine."""

    def __init__(self, models: SpeakerModels, *, threads: int | None = None) -> None:
        super().__init__(
            _CHILD,
            name="Speaker diarization",
            subject="the audio",
            load={
                "segmentation": str(models.segmentation),
                "embedding": str(models.embedding),
                "threads": threads or physical_cores(),
            },
            load_error=f"The models for speakers cannot be loaded. Delete {models.segmentation.parent / 'speaker-*'} "
            "and run: vidlocal setup --speakers",
        )
        self.key = models.key

    def diarize(self, samples: Samples) -> tuple[Voice, ...]:
        """Return the voices in a stretch of audio. Raises EngineError, and AnswerRejected for this audio."""
        timeout = _MIN_TIMEOUT_S + _TIMEOUT_PER_S * samples.size / _RATE_HZ
        reply = self._call({"do": "diarize"}, samples.astype("<f4").tobytes(), timeout)
        turns = cast("list[list[tuple[float, float]]]", reply.values["turns"])
        if not turns:
            return ()
        vectors = np.frombuffer(reply.payload, dtype="<f4").astype(np.float32).reshape(len(turns), -1)
        return tuple(
            Voice(tuple((start, end) for start, end in spans), vector)
            for spans, vector in zip(turns, vectors, strict=True)
        )
