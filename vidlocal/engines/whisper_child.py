"""Child process with a whisper.cpp model and a voice detector: crashes of C code do not end the parent.

Requests: `load` once, then `language` and `transcribe`; `has_speech` at any time. All but the first have 16 kHz mono
float32 samples as payload.
"""

import os
from typing import Any

import numpy as np

from vidlocal import process
from vidlocal.engines.arrays import Samples
from vidlocal.engines.voice_detector import VoiceDetector
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

_RATE_HZ = 16_000
# A quick look at the language: 5.12 s of speech, encoded as 256 steps of the model instead of 1500, in a seventh of the
# time.
_QUICK_STEPS = 256
_STEPS_PER_S = 50
# The shortest call that whisper.cpp accepts, in milliseconds. It ends before anything is encoded.
_EMPTY_CALL_MS = 100


class _LoadedModel:
    """The loaded model. Every call sets all parameters, because the binding keeps old values."""

    def __init__(self, model_path: str, threads: int) -> None:
        self.path = model_path
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

    def language_probabilities(self, samples: Samples, *, quick: bool) -> dict[str, float]:
        """Return the probability of each language of the model, in the first 30 s, or 5 s for `quick`.

        The detection of whisper.cpp encodes as many steps as the last transcription, which is an empty one here. The
        binding returns one language too many.
        """
        count = self.language_count()
        if not count:
            return {"en": 1.0}
        steps = _QUICK_STEPS if quick else 0
        first = samples[: steps * _RATE_HZ // _STEPS_PER_S or samples.size]
        self._run(first, audio_ctx=steps, duration_ms=_EMPTY_CALL_MS)
        _, probabilities = self.model.auto_detect_language(first, offset_ms=0, n_threads=self.threads)
        return {code: float(share) for code, share in list(probabilities.items())[:count]}

    def transcribe(self, samples: Samples, language: str) -> list[tuple[float, float, str, float]]:
        """Return start, end, text and mean probability of each segment; times in seconds from the first sample."""
        self._run(samples, language=language)
        model = self.model
        segments = model._get_segments(model._ctx, 0, pw.whisper_full_n_segments(model._ctx), True)
        return [(s.t0 / 100, s.t1 / 100, s.text, float(np.nan_to_num(s.probability))) for s in segments]

    def _run(self, samples: Samples, *, language: str = "en", audio_ctx: int = 0, duration_ms: int = 0) -> None:
        """Call whisper.cpp with all parameters. Raises EngineError if it fails."""
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
                "duration_ms": duration_ms,
                "audio_ctx": audio_ctx,
            }
        )
        code = pw.whisper_full(model._ctx, model._params, samples, samples.size)
        if code != 0:  # the binding's own transcribe() would return an empty list
            raise EngineError(
                f"whisper.cpp failed on a window of audio (code {code}). The file may be damaged: delete {self.path} "
                "and run: vidlocal setup"
            )


_loaded: list[_LoadedModel] = []
_detectors: list[VoiceDetector] = []


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    samples = np.frombuffer(payload, dtype="<f4").astype(np.float32)
    match request["do"]:
        case "load":
            _loaded[:] = [_LoadedModel(str(request["model"]), int(str(request["threads"])))]
            return {}, b""
        case "has_speech":
            if not _detectors:
                _detectors.append(VoiceDetector())
            return {"has_speech": _detectors[0].has_speech(samples)}, b""
        case "language":
            return {"probabilities": _loaded[0].language_probabilities(samples, quick=bool(request["quick"]))}, b""
        case _:
            return {"segments": _loaded[0].transcribe(samples, str(request["language"]))}, b""


if __name__ == "__main__":
    process.serve(_handle)
