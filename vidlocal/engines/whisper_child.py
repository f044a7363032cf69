"""The child process that holds one whisper.cpp model: what goes wrong in C goes wrong here only.

Requests: `load` once, then `language` and `transcribe`, each with 16 kHz mono float32 sound as payload.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from vidlocal import process
from vidlocal.errors import EngineError

# Threads that wait by spinning stand in each other's way as soon as anything else wants a core: 25 times slower
# was measured. Read by the OpenMP runtime when it is loaded, therefore before the import of the binding.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import _pywhispercpp as pw
from pywhispercpp.model import Model

Samples = npt.NDArray[np.float32]

# Its stub hides the context, without which return codes cannot be seen.
_MODEL: Any = Model

# whisper.cpp: vocabulary of a model without any language token.
_VOCABULARY_WITHOUT_LANGUAGES = 51_765


class _Recogniser:
    """The loaded model, and what every call of it sets anew: parameters of whisper.cpp's binding persist."""

    def __init__(self, model_path: str, vad_path: str | None, threads: int) -> None:
        self.path = model_path
        self.vad_path = vad_path
        self.threads = threads
        # Logs belong to nobody's terminal; the parent keeps the end of stderr should we die.
        self.model = _MODEL(model_path, redirect_whispercpp_logs_to=None, print_progress=False)
        if not pw.whisper_n_vocab(self.model._ctx):
            raise EngineError(f"whisper.cpp cannot load the model {model_path}.")

    def languages(self) -> int:
        """How many languages the model knows: 99, large-v3 100, English-only models 0."""
        context = self.model._ctx
        multilingual = int(pw.whisper_is_multilingual(context))
        return int(pw.whisper_n_vocab(context)) - _VOCABULARY_WITHOUT_LANGUAGES - 1 if multilingual else 0

    def language(self, samples: Samples) -> dict[str, float]:
        """How likely each language is. Only of those the model was trained on: the binding also counts one beyond."""
        known = self.languages()
        if not known:
            return {"en": 1.0}
        _, likely = self.model.auto_detect_language(samples, offset_ms=0, n_threads=self.threads)
        return {code: float(share) for code, share in list(likely.items())[:known]}

    def transcribe(self, samples: Samples, language: str) -> list[tuple[float, float, str, float]]:
        """Start, end, words and mean probability of each segment; times in seconds from the first sample.

        With a voice-activity model nothing else is listened to. It is used through whisper_full: in pywhispercpp
        1.5.1 the functions that would tell where the voice is cannot be called (their types are not registered).
        """
        model = self.model
        model._set_params(
            {
                "language": language,
                "n_threads": self.threads,
                "translate": False,
                "no_context": True,
                "suppress_nst": True,
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
            used = self.path if self.vad_path is None else f"{self.path} and {self.vad_path}"
            raise EngineError(
                f"whisper.cpp failed on a piece of sound (code {code}) with {used}. "
                "If a file is damaged, delete it and run: vidlocal setup"
            )
        segments = model._get_segments(model._ctx, 0, pw.whisper_full_n_segments(model._ctx), True)
        return [(s.t0 / 100, s.t1 / 100, s.text, float(np.nan_to_num(s.probability))) for s in segments]


_loaded: list[_Recogniser] = []


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    samples = np.frombuffer(payload, dtype="<f4").astype(np.float32)
    match request["do"]:
        case "load":
            vad = request["vad"]
            _loaded[:] = [_Recogniser(str(request["model"]), str(vad) if vad else None, int(str(request["threads"])))]
            return {}, b""
        case "language":
            return {"likely": _loaded[0].language(samples)}, b""
        case _:
            return {"segments": _loaded[0].transcribe(samples, str(request["language"]))}, b""


if __name__ == "__main__":
    process.serve(_handle)
