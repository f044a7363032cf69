"""Child process with a whisper.cpp model and a voice detector: crashes of C code do not end the parent.

Requests: `load` once, then `language` and `transcribe`; `has_speech` at any time. All but the first have 16 kHz mono
float32 samples as payload.
"""

import math
import os
from typing import Any

import numpy as np

from vidlocal import process
from vidlocal.engines.arrays import Samples
from vidlocal.engines.speech.voice_detector import VoiceDetector
from vidlocal.errors import EngineError
from vidlocal.token_words import mean_probability
from vidlocal.voice_levels import bursts, voice_levels
from vidlocal.word_alignment import HintedToken, Segment, align

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
# The encoder makes so many steps of a second, and 1500 of all audio unless it is told to make fewer, in less time.
_STEPS_PER_S = 50
_MAX_STEPS = 1500
_TIMESTAMP_S = 0.02
# The shortest call that whisper.cpp accepts, in milliseconds. It ends before anything is encoded.
_EMPTY_CALL_MS = 100

# whisper.cpp goes on at the end of the last segment, at the price of a whole window. A rest shorter than the first has
# been heard already (openai/whisper and whisper.cpp before 1.8 stop there too); a longer one is left to the caller,
# after enough progress, to be transcribed with what follows.
_MIN_REST_S = 1.0
_MIN_PROGRESS_S = 5.0

_Segment = tuple[float, float, str, float, list[tuple[str, float, float]]]


class _LoadedModel:
    """The loaded model. Every call sets all parameters, because the binding keeps old values."""

    def __init__(self, model_path: str, threads: int) -> None:
        self.path = model_path
        self.threads = threads
        # Logs stay off the terminal; the parent keeps the end of stderr for crash reports.
        self.model = _MODEL(model_path, redirect_whispercpp_logs_to=None, print_progress=False)
        if not pw.whisper_n_vocab(self.model._ctx):
            raise EngineError(f"{model_path}: whisper.cpp cannot load the model.")
        self._duration = 0.0
        self._is_resumable = False
        self._end: float | None = None
        # First segment and start of each pass of the encoder, in seconds: timestamps count from there.
        self._passes: list[tuple[int, float]] = []
        pw.assign_encoder_begin_callback(self.model._params, self._continues)

    def language_count(self) -> int:
        """Return the number of languages of the model: 99, large-v3 100, English-only models 0."""
        context = self.model._ctx
        multilingual = int(pw.whisper_is_multilingual(context))
        return int(pw.whisper_n_vocab(context)) - _VOCABULARY_WITHOUT_LANGUAGES - 1 if multilingual else 0

    def language_probabilities(self, samples: Samples, *, seconds: float) -> dict[str, float]:
        """Return the probability of each language of the model, in the first `seconds`, at most 30.

        The detection of whisper.cpp encodes as many steps as the last transcription, which is an empty one here. The
        binding returns one language too many.
        """
        count = self.language_count()
        if not count:
            return {"en": 1.0}
        steps = min(_MAX_STEPS, math.ceil(seconds * _STEPS_PER_S))
        first = samples[: steps * _RATE_HZ // _STEPS_PER_S]
        self._run(first, audio_ctx=steps, duration_ms=_EMPTY_CALL_MS)
        _, probabilities = self.model.auto_detect_language(first, offset_ms=0, n_threads=self.threads)
        return {code: float(share) for code, share in list(probabilities.items())[:count]}

    def transcribe(
        self, samples: Samples, language: str, prompt: str, *, continues: bool, translate: bool
    ) -> tuple[list[_Segment], float | None]:
        """Return start, end, text, mean probability and words of each segment, translated to English if asked to.

        Times are in seconds from the first sample. The second value is the end of the transcribed part, None for all;
        a translation is of all. With `continues` the text of the last call is the context of the first words.
        """
        self._end, self._is_resumable = None, not translate
        self._passes = []
        self._run(samples, language=language, prompt=prompt, continues=continues, translate=translate)
        numbers = range(pw.whisper_full_n_segments(self.model._ctx))
        tokens = [self._spoken_tokens(number) for number in numbers]
        hinted = [Segment(*self._span(number), self._hints(number, tokens[number])) for number in numbers]
        lines = align(hinted, bursts(voice_levels(samples)), samples.size / _RATE_HZ)
        segments: list[_Segment] = []
        for number, (segment, words) in enumerate(zip(hinted, lines, strict=True)):
            times = [(word.text, word.start, word.end) for word in words]
            probability = mean_probability([token.p for token in tokens[number]])
            segments.append((segment.start, segment.end, self._text(number), probability, times))
        return segments, self._end

    def _continues(self, *_: object) -> bool:
        """Return True if the next pass of the encoder is worth its cost. Called before each pass."""
        count = pw.whisper_full_n_segments(self.model._ctx)
        if not count:
            return True
        end = self._span(count - 1)[1]
        if self._duration - end < _MIN_REST_S:
            return False
        if self._is_resumable and end >= _MIN_PROGRESS_S:
            self._end = end
            return False
        self._passes.append((count, end))
        return True

    def _span(self, number: int) -> tuple[float, float]:
        """Return start and end of a segment in seconds."""
        context = self.model._ctx
        start = pw.whisper_full_get_segment_t0(context, number)
        return start / 100, pw.whisper_full_get_segment_t1(context, number) / 100

    def _text(self, number: int) -> str:
        return str(pw.whisper_full_get_segment_text(self.model._ctx, number).decode("utf-8", "replace").strip())

    def _spoken_tokens(self, number: int) -> list[Any]:
        """Return the tokens of a segment without timestamps and other marks."""
        context = self.model._ctx
        positions = range(pw.whisper_full_n_tokens(context, number))
        tokens = [pw.whisper_full_get_token_data(context, number, position) for position in positions]
        return [token for token in tokens if token.id < pw.whisper_token_eot(context)]

    def _hints(self, number: int, tokens: list[Any]) -> list[HintedToken]:
        """Return the tokens of a segment with the likeliest timestamps before them."""
        context = self.model._ctx
        first = pw.whisper_token_beg(context)
        start = max((start for segment, start in self._passes if segment <= number), default=0.0)
        return [
            HintedToken(
                pw.whisper_token_to_bytes(context, token.id), start + (token.tid - first) * _TIMESTAMP_S, token.pt
            )
            for token in tokens
        ]

    def _run(
        self,
        samples: Samples,
        *,
        language: str = "en",
        prompt: str = "",
        continues: bool = False,
        translate: bool = False,
        audio_ctx: int = 0,
        duration_ms: int = 0,
    ) -> None:
        """Call whisper.cpp with all parameters. Raises EngineError."""
        model = self.model
        self._duration = samples.size / _RATE_HZ
        model._set_params(
            {
                "language": language if pw.whisper_lang_id(language) >= 0 else "auto",
                "n_threads": self.threads,
                "translate": translate,
                "initial_prompt": prompt,
                # Beside the text of the last call only.
                "carry_initial_prompt": True,
                "no_context": not continues,
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
            seconds = float(str(request["seconds"]))
            return {"probabilities": _loaded[0].language_probabilities(samples, seconds=seconds)}, b""
        case _:
            language, prompt = str(request["language"]), str(request["prompt"])
            continues, translate = bool(request["continues"]), bool(request["translate"])
            segments, end = _loaded[0].transcribe(samples, language, prompt, continues=continues, translate=translate)
            return {"segments": segments, "end": end}, b""


if __name__ == "__main__":
    process.serve(_handle)
