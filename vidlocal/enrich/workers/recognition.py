"""Recognize the speech in a stretch of audio: find speech, divide into windows, transcribe, correct times."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vidlocal.engines.base import SpeechEngine
from vidlocal.engines.speech.hallucination_filter import remove_farewells, remove_hallucinations
from vidlocal.media.audio import RATE_HZ, Samples
from vidlocal.media.cue_times import clip_to_speech, shifted
from vidlocal.media.voice_activity import (
    MAX_PAUSE_S,
    MAX_WINDOW_S,
    MIN_PAUSE_S,
    first_window,
    pieces,
    speech_after,
    speech_spans,
    split_short,
    stretches,
)
from vidlocal.records import Cue
from vidlocal.sound_remarks import merge_sounds
from vidlocal.voice_levels import Levels, SpeechSpan, bursts, voice_levels

# The first language: that of a look at 10 s if it is sure, else at 30 s, for five times the cost. Of 60 starts of
# sentences in English, German, Spanish and a telephone call all that were sure by 5 s were right.
_FIRST_LOOK_S = 10.0
_MIN_SURE_PROBABILITY = 0.9
# Another language than that of the window before counts if a quick look finds it, and a longer one confirms it. Shorter
# windows have too few words.
_QUICK_LOOK_S = 5.0
_MIN_QUICK_PROBABILITY = 0.6
_MIN_PROBABILITY = 0.6
_MIN_LANGUAGE_S = 2.0
_LANGUAGE_S = 10.0

# Noise and music are named if they last so long. One look stands for at most five minutes.
_MIN_NOISE_S = 4.0
_MAX_NOISE_S = 300.0
# Of translations, and of remarks if nobody speaks.
_ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Recognition:
    """Transcript of a stretch: speech, its translation to English if requested, and other sounds.

    Times count from the first sample; `length` is the transcribed part in seconds.
    """

    language: str | None
    cues: tuple[Cue, ...]
    sounds: tuple[Cue, ...]
    length: float
    translations: tuple[Cue, ...] = ()


def recognize(
    engine: SpeechEngine,
    samples: Samples,
    *,
    language: str | None,
    is_last: bool,
    is_forced: bool = False,
    prompt: str = "",
    translate: bool = False,
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> Recognition:
    """Transcribe the speech of a stretch of audio, of any length.

    `language`: of the stretch before, None for unknown; other languages are detected per window unless `is_forced`.
    `prompt`: words that may be said. `translate`: translate windows in other languages to English. Without `is_last`,
    speech at the end that may continue is left to the next stretch. `on_progress` gets the end of each transcribed
    window, in seconds. Raises EngineError.
    """
    levels = voice_levels(samples)
    spans, gaps = speech_spans(levels), bursts(levels)
    complete, length = _complete_pieces(pieces(levels, spans), samples.size / RATE_HZ, is_last=is_last)
    spoken = [piece for piece in complete if engine.has_speech(_slice(samples, piece))]
    noise = [piece for piece in complete if piece not in spoken]
    cues: list[Cue] = []
    sounds: list[Cue] = []
    translations: list[Cue] = []
    remaining = spoken
    before: tuple[float, str] | None = None  # end and language of a window whose text is a context for the next one
    languages = _Languages(engine, samples, levels, language, is_forced=is_forced)
    while planned := first_window(levels, remaining):
        window, heard = languages.next_window(planned, speech_after(remaining, planned[1]))
        continues = before is not None and window[0] - before[0] < MAX_PAUSE_S and before[1] == heard
        speech = engine.transcribe(_slice(samples, window), heard, prompt=prompt, continues=continues)
        if speech.end is not None:
            window = (window[0], window[0] + speech.end)
        before = (window[1], heard) if speech.cues else None
        cues.extend(_placed(speech.cues, window[0], spans, gaps))
        if translate and speech.cues and heard != _ENGLISH:
            english = engine.translate(_slice(samples, window), heard)
            before = None
            translations.extend(_placed(english.cues, window[0], spans, gaps))
        sounds.extend(shifted(sound, window[0]) for sound in speech.sounds)
        remaining = speech_after(remaining, window[1])
        on_progress(window[1])
    spoken_cues = remove_farewells(remove_hallucinations(cues))
    # The language detected in mere noise must not apply to the next stretch.
    language = languages.current if spoken_cues else language
    sounds += _sounds_in_noise(engine, samples, noise, language)
    merged = merge_sounds(sorted(sounds, key=lambda sound: sound.start))
    return Recognition(language, spoken_cues, merged, length, remove_farewells(remove_hallucinations(translations)))


def _placed(
    cues: Sequence[Cue], start: float, spans: Sequence[SpeechSpan], gaps: Sequence[SpeechSpan]
) -> Iterator[Cue]:
    """Yield the cues of a window from `start` on, clipped to the speech; drop cues without speech."""
    placed = (clip_to_speech(shifted(cue, start), spans, gaps) for cue in cues)
    yield from (cue for cue in placed if cue is not None)


class _Languages:
    """Languages of windows, one after the other. `current`: that of the last window, None at first if unknown."""

    def __init__(
        self, engine: SpeechEngine, samples: Samples, levels: Levels, language: str | None, *, is_forced: bool
    ) -> None:
        self._engine = engine
        self._samples = samples
        self._levels = levels
        self.current = language
        self._is_forced = is_forced and language is not None
        self._is_known = self._is_forced

    def next_window(self, planned: SpeechSpan, after: Sequence[SpeechSpan]) -> tuple[SpeechSpan, str]:
        """Return the window to transcribe, and its language: the start of the planned one if the language changes.

        `after`: the speech after the planned window.
        """
        current = self.current
        if current is None or not self._is_known:
            current = self.current = _language(self._engine, _slice(self._samples, planned), self.current)
        following = first_window(self._levels, after)
        if following is None or self._is_forced:
            return planned, current
        self._is_known = _language(self._engine, _slice(self._samples, following), current) == current
        return planned if self._is_known else split_short(self._levels, planned)[0], current


def _language(engine: SpeechEngine, samples: Samples, before: str | None) -> str:
    """Return the language at the start of a window: that of the previous window, unless another is certain."""
    if before is None:
        language, probability = _best(engine.language_probabilities(samples, seconds=_FIRST_LOOK_S))
        return language if probability >= _MIN_SURE_PROBABILITY else _best(engine.language_probabilities(samples))[0]
    if samples.size < _MIN_LANGUAGE_S * RATE_HZ:
        return before
    language, probability = _best(engine.language_probabilities(samples, seconds=_QUICK_LOOK_S))
    if language == before or probability < _MIN_QUICK_PROBABILITY:
        return before
    start = samples[: round(_LANGUAGE_S * RATE_HZ)]
    language, probability = _best(engine.language_probabilities(start))
    return language if probability >= _MIN_PROBABILITY else before


def _best(probabilities: Mapping[str, float]) -> tuple[str, float]:
    return max(probabilities.items(), key=lambda item: item[1])


def _sounds_in_noise(
    engine: SpeechEngine, samples: Samples, noise: Sequence[SpeechSpan], language: str | None
) -> Iterator[Cue]:
    """Yield the remarks about noise and music, without words; for a long noise, its start only."""
    for start, end in stretches(noise, _MAX_NOISE_S):
        if end - start >= _MIN_NOISE_S:
            sound = _slice(samples, (start, min(end, start + MAX_WINDOW_S)))
            for cue in engine.transcribe(sound, language or _ENGLISH).sounds:
                yield replace(cue, start=start, end=end)


def _complete_pieces(
    found: Sequence[SpeechSpan], length: float, *, is_last: bool
) -> tuple[Sequence[SpeechSpan], float]:
    """Return the pieces with an end inside the stretch, and the start of the next stretch.

    A piece that may continue after the stretch is left to the next one as a whole.
    """
    continues = not is_last and bool(found) and found[-1][1] > length - MIN_PAUSE_S
    if continues and found[-1][0] > length / 2:
        return found[:-1], found[-1][0]
    return found, length


def _slice(samples: Samples, span: SpeechSpan) -> Samples:
    return samples[round(span[0] * RATE_HZ) : round(span[1] * RATE_HZ)]
