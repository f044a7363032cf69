"""Child process with a whisper.cpp model: crashes of C code do not end the parent.

Requests: `load` once, then `language` and `transcribe`, each with 16 kHz mono float32 samples as payload.
"""

import os
from typing import Any

import numpy as np

from vidlocal import process
from vidlocal.engines.arrays import Samples
from vidlocal.errors import EngineError

# Spinning threads block each other when other programs need a core: measured 25 times slower. The OpenMP runtime reads
# this when the binding is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import _pywhispercpp as pw
from pywhispercpp.model import Model

# The type stub hides the context, needed for return codes.
_MODEL: Any = Model

# whisper.cpp: vocabulary size of a model without language tokens.
_VOCABULARY_WITHOUT_LANGUAGES = 51_765


class _LoadedModel:
    """The loaded model. Every call sets all parameters, because the binding keeps old values."""

    def __init__(self, model_path: str, vad_path: str | None, threads: int) -> None:
        self.path = model_path
        self.vad_path = vad_path
        self.threads = threads
        # Logs stay off the terminal; the parent keeps the end of stderr for crash reports.
        self.model = _MODEL(model_path, redirect_whispercpp_logs_to=None, print_progress=False)
        if not pw.whisper_n_vocab(self.model._ctx):
            raise EngineError(f"{model_path}: whisper.cpp cannot load the model.")

    def language_count(self) -> int:
        """Return the number of languages of the model: 99, large-v3 100, English-only models 0."""
        context = self.model._ctx
        multilingual = int(pw.whisper_is_multilingual(context))
        return int(pw.whisper_n_vocab(context)) - _VOCABULARY_WITHOUT_LANGUAGES - 1 if multilingual else 0

    def language_probabilities(self, samples: Samples) -> dict[str, float]:
        """Return the probability of each language of the model. The binding returns one language too many."""
        count = self.language_count()
        if not count:
            return {"en": 1.0}
        _, probabilities = self.model.auto_detect_language(samples, offset_ms=0, n_threads=self.threads)
        return {code: float(probability) for code, probability in list(probabilities.items())[:count]}

    def transcribe(self, samples: Samples, language: str) -> list[tuple[float, float, str, float]]:
        """Return start, end, text and mean probability of each segment; times in seconds from the first sample.

        With a VAD model only speech is transcribed. It runs inside whisper_full, because in pywhispercpp 1.5.1 the VAD
        functions cannot be called (unregistered types).
        """
        model = self.model
        model._set_params(
            {
                "language": language,
                "n_threads": self.threads,
                "translate": False,
                "no_context": True,
                # Without non-speech tokens such as [Music] Whisper says "Thank you." to noise. Remarks are removed
                # afterwards (`hallucination_filter`).
                "suppress_nst": False,
                "print_progress": False,
                "print_realtime": False,
                "print_timestamps": False,
                "offset_ms": 0,
                "duration_ms": 0,
                "vad": self.vad_path is not None,
                "vad_model_path": self.vad_path or "",
            }
        )
        code = pw.whisper_full(model._ctx, model._params, samples, samples.size)
        if code != 0:  # the binding's own transcribe() would return an empty list
            files = self.path if self.vad_path is None else f"{self.path} and {self.vad_path}"
            raise EngineError(
                f"whisper.cpp failed on a chunk of audio (code {code}). A file may be damaged: delete {files} "
                "and run: vidlocal setup"
            )
        segments = model._get_segments(model._ctx, 0, pw.whisper_full_n_segments(model._ctx), True)
        return [(s.t0 / 100, s.t1 / 100, s.text, float(np.nan_to_num(s.probability))) for s in segments]


_loaded: list[_LoadedModel] = []


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    samples = np.frombuffer(payload, dtype="<f4").astype(np.float32)
    match request["do"]:
        case "load":
            vad = request["vad"]
            _loaded[:] = [_LoadedModel(str(request["model"]), str(vad) if vad else None, int(str(request["threads"])))]
            return {}, b""
        case "language":
            return {"probabilities": _loaded[0].language_probabilities(samples)}, b""
        case _:
            return {"segments": _loaded[0].transcribe(samples, str(request["language"]))}, b""


if __name__ == "__main__":
    process.serve(_handle)
