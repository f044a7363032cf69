"""Child process with a whisper.cpp model and a voice detector: crashes of C code do not end the parent.

Requests: `load` once, then `language` and `transcribe`; `has_speech` at any time. All but the first have 16 kHz mono
float32 samples as payload.
"""

import math
import os
import struct
from typing import Any

import numpy as np

from vidlocal import process
from vidlocal.engines.arrays import Samples
from vidlocal.engines.speech.voice_detector import VoiceDetector
from vidlocal.errors import EngineError
from vidlocal.token_words import Token, group_tokens

# Spinning threads block each other when other programs need a core: measured 25 times slower. The OpenMP runtime reads
# this when the binding is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import _pywhispercpp as pw
from pywhispercpp.model import Model

# The type stub hides the context, needed for return codes.
_MODEL: Any = Model

# whisper.cpp: vocabulary size of a model without language tokens.
_VOCABULARY_WITHOUT_LANGUAGES = 51_765
_ENGLISH_VOCABULARY = 51_864

_RATE_HZ = 16_000
# A quick look at the language: 5.12 s of speech, encoded as 256 steps of the model instead of 1500, in a seventh of the
# time.
_QUICK_STEPS = 256
_STEPS_PER_S = 50
# The shortest call that whisper.cpp accepts, in milliseconds. It ends before anything is encoded.
_EMPTY_CALL_MS = 100


# Models with known alignment heads, by layers and width of the decoder: whisper.cpp aligns their words with the audio
# (dynamic time warping) to 0.1 s; other models guess by the length of words. Source: openai/whisper, _ALIGNMENT_HEADS.
_ALIGNED_MODELS = {(4, 384): "TINY", (6, 512): "BASE", (12, 768): "SMALL", (24, 1024): "MEDIUM"}
_ALIGNED_LARGE_MODELS = {(32, 1280, 80): "LARGE_V2", (32, 1280, 128): "LARGE_V3", (4, 1280, 128): "LARGE_V3_TURBO"}
# At the start of a model file: magic, vocabulary, four sizes of the encoder, context, width, heads and layers of the
# decoder, mel filters.
_HEADER = struct.Struct("<11i")

_Segment = tuple[float, float, str, float, list[tuple[str, float, float]]]


class _LoadedModel:
    """The loaded model. Every call sets all parameters, because the binding keeps old values."""

    def __init__(self, model_path: str, threads: int) -> None:
        self.path = model_path
        self.threads = threads
        # Logs stay off the terminal; the parent keeps the end of stderr for crash reports.
        heads = _alignment_heads(model_path)
        self.is_aligned = heads is not None
        alignment = {"dtw_token_timestamps": True, "dtw_aheads_preset": heads, "flash_attn": False}
        context = alignment if self.is_aligned else None
        self.model = _MODEL(model_path, redirect_whispercpp_logs_to=None, print_progress=False, context_params=context)
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

    def transcribe(self, samples: Samples, language: str, prompt: str, *, translate: bool) -> list[_Segment]:
        """Return start, end, text, mean probability and words of each segment, translated to English if asked to.

        Times are in seconds from the first sample.
        """
        self._run(samples, language=language, prompt=prompt, translate=translate)
        context = self.model._ctx
        return [self._segment(number) for number in range(pw.whisper_full_n_segments(context))]

    def _segment(self, number: int) -> _Segment:
        context = self.model._ctx
        start, end = (
            time(context, number) / 100 for time in (pw.whisper_full_get_segment_t0, pw.whisper_full_get_segment_t1)
        )
        text = pw.whisper_full_get_segment_text(context, number).decode("utf-8", "replace").strip()
        data = [
            pw.whisper_full_get_token_data(context, number, position)
            for position in range(pw.whisper_full_n_tokens(context, number))
        ]
        spoken = [token for token in data if token.id < pw.whisper_token_eot(context)]
        logs = [math.log(max(1e-10, token.p)) for token in spoken]
        probability = math.exp(sum(logs) / len(logs)) if logs else 0.0
        words = group_tokens(self._tokens(spoken, start))
        return start, end, text, probability, [(word.text, word.start, word.end) for word in words]

    def _tokens(self, data: list[Any], start: float) -> list[Token]:
        """Bytes and times of tokens. The alignment gives ends: each token starts at the previous end."""
        tokens = []
        for token in data:
            is_aligned = self.is_aligned and token.t_dtw >= 0
            first, last = (start, token.t_dtw / 100) if is_aligned else (token.t0 / 100, token.t1 / 100)
            tokens.append((pw.whisper_token_to_bytes(self.model._ctx, token.id), first, max(first, last)))
            start = max(first, last)
        return tokens

    def _run(
        self,
        samples: Samples,
        *,
        language: str = "en",
        prompt: str = "",
        translate: bool = False,
        audio_ctx: int = 0,
        duration_ms: int = 0,
    ) -> None:
        """Call whisper.cpp with all parameters. Raises EngineError."""
        model = self.model
        model._set_params(
            {
                "language": language if pw.whisper_lang_id(language) >= 0 else "auto",
                "n_threads": self.threads,
                "translate": translate,
                "initial_prompt": prompt,
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
                "token_timestamps": True,
            }
        )
        code = pw.whisper_full(model._ctx, model._params, samples, samples.size)
        if code != 0:  # the binding's own transcribe() would return an empty list
            raise EngineError(
                f"whisper.cpp failed on a window of audio (code {code}). The file may be damaged: delete {self.path} "
                "and run: vidlocal setup"
            )


def _alignment_heads(model_path: str) -> Any:
    """Return the preset of whisper.cpp for a model, None for a model without."""
    if not os.path.isfile(model_path):
        return None
    with open(model_path, "rb") as file:
        _, vocabulary, *_, state, _, layers, mels = _HEADER.unpack(file.read(_HEADER.size).ljust(_HEADER.size, b"\0"))
    name = _ALIGNED_MODELS.get((layers, state)) or _ALIGNED_LARGE_MODELS.get((layers, state, mels))
    english = "_EN" if name in _ALIGNED_MODELS.values() and vocabulary == _ENGLISH_VOCABULARY else ""
    return name and getattr(pw.whisper_alignment_heads_preset, f"WHISPER_AHEADS_{name}{english}")


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
            language, prompt = str(request["language"]), str(request["prompt"])
            segments = _loaded[0].transcribe(samples, language, prompt, translate=bool(request["translate"]))
            return {"segments": segments}, b""


if __name__ == "__main__":
    process.serve(_handle)
