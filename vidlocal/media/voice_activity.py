"""Energy-based voice activity detection (VAD) without a model, and splitting of speech into chunks.

Whisper hallucinates text in silence ("thank you", the last line again), so silence and steady noise are left out.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vidlocal.media.audio import RATE_HZ, Samples

SpeechSpan = tuple[float, float]
Levels = npt.NDArray[np.float32]

_STEP_S = 0.02
_STEP = int(RATE_HZ * _STEP_S)
_FRAME = 512

# Frequency band of voices, without hum, rumble and wind below and hiss above.
_MIN_VOICE_HZ, _MAX_VOICE_HZ = 150.0, 4000.0

# In dB of full scale. Below the first, even a whisper close to the microphone is unintelligible. Speech exceeds steady
# noise by more than the second: of 132 sentences in pink noise of the same loudness (0 dB) none was missed, and ten
# minutes of noise alone gave no span. A standard deviation below the third is a tone, a fan or a hum.
_MIN_SPEECH_DB = -62.0
_MIN_ABOVE_NOISE_DB = 5.0
_MAX_STEADY_DB = 2.0

# The noise level is the quietest tenth of each half minute.
_NOISE_WINDOW_S = 30.0
_NOISE_QUANTILE = 0.1

_MIN_SOUND_S = 0.1
_MAX_BRIDGED_GAP_S = 0.35
_PADDING_S = 0.25

# A pause this long ends a chunk. Whisper processes 30 s at a time; longer chunks are split at the quietest place.
MIN_PAUSE_S = 0.8
MAX_CHUNK_S = 29.0
_MIN_CHUNK_S = 8.0


def speech_spans(samples: Samples) -> tuple[SpeechSpan, ...]:
    """Spans of possible speech, in seconds from sample 0."""
    levels = _levels(samples)
    loud = levels > np.maximum(_MIN_SPEECH_DB, _noise(levels) + _MIN_ABOVE_NOISE_DB)
    spans = _join([(first * _STEP_S, last * _STEP_S) for first, last in _runs(loud)], _MAX_BRIDGED_GAP_S)
    return tuple(span for span in spans if span[1] - span[0] >= _MIN_SOUND_S and not _is_steady(levels, *span))


def chunks(samples: Samples, spans: Sequence[SpeechSpan]) -> tuple[SpeechSpan, ...]:
    """Chunks to transcribe: the spans with padding, joined across short pauses.

    A chunk is at most 29 s long; longer ones are split at the quietest place.
    """
    duration = samples.size / RATE_HZ
    grouped = _join(spans, MIN_PAUSE_S)
    padded = [(max(0.0, start - _PADDING_S), min(duration, end + _PADDING_S)) for start, end in grouped]
    levels = _levels(samples)
    return tuple(chunk for span in padded for chunk in _split(span, levels))


def _split(span: SpeechSpan, levels: Levels) -> list[SpeechSpan]:
    parts = []
    start, end = span
    while end - start > MAX_CHUNK_S:
        first, last = int((start + _MIN_CHUNK_S) / _STEP_S), int((start + MAX_CHUNK_S) / _STEP_S)
        # Mean over 0.3 s, to find the middle of a pause and not the closure of a consonant.
        quiet = np.convolve(levels[first:last], np.ones(15) / 15, mode="same")[8:-8]
        cut = (first + 8 + int(np.argmin(quiet))) * _STEP_S
        parts.append((start, cut))
        start = cut
    return [*parts, (start, end)]


def _levels(samples: Samples) -> Levels:
    """Energy between 150 and 4000 Hz every 20 ms, in dB of full scale."""
    count = max(1, -(-samples.size // _STEP))
    padded = np.zeros(count * _STEP + _FRAME, dtype=np.float32)
    padded[: samples.size] = samples
    window = np.hanning(_FRAME).astype(np.float32)
    frequencies = np.fft.rfftfreq(_FRAME, 1 / RATE_HZ)
    band = (frequencies >= _MIN_VOICE_HZ) & (frequencies <= _MAX_VOICE_HZ)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_STEP][:count]
    energy = np.empty(count, dtype=np.float32)
    for first in range(0, count, 1000):  # in blocks: ten minutes at once would need 200 MB
        spectrum = np.fft.rfft(frames[first : first + 1000] * window, axis=1)[:, band]
        energy[first : first + 1000] = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    # Parseval's theorem: both halves of the spectrum, divided by the energy of the window.
    levels: Levels = (10 * np.log10(2 * energy / (_FRAME * float((window**2).sum())) + 1e-12)).astype(np.float32)
    return levels


def _noise(levels: Levels) -> Levels:
    """Noise level around each step, in dB: a low quantile of the half minute around the step."""
    width = int(_NOISE_WINDOW_S / _STEP_S)
    blocks = [levels[first : first + width] for first in range(0, levels.size, width)]
    floors = np.array([np.quantile(block, _NOISE_QUANTILE) for block in blocks])
    return np.repeat(floors, [block.size for block in blocks]).astype(np.float32)


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _join(spans: Sequence[SpeechSpan], gap: float) -> list[SpeechSpan]:
    """Join spans with a gap of less than `gap` seconds."""
    joined: list[SpeechSpan] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _is_steady(levels: Levels, start: float, end: float) -> bool:
    """True for a sound of constant level, apart from start and end. Voices vary."""
    inner = levels[int(start / _STEP_S) + 3 : int(end / _STEP_S) - 3]
    return inner.size > 10 and float(inner.std()) < _MAX_STEADY_DB
