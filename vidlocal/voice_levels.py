"""Loudness of voices over time, and the spans with sound. Pure.

Times are in seconds from sample 0.
"""

import numpy as np
import numpy.typing as npt

SpeechSpan = tuple[float, float]
Levels = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float32]

_RATE_HZ = 16_000
STEP_S = 0.02
_STEP = int(_RATE_HZ * STEP_S)
_FRAME = 512

# Frequency band of voices, without hum, rumble and wind below and hiss above.
_MIN_VOICE_HZ, _MAX_VOICE_HZ = 150.0, 4000.0

# In dB of full scale. Below the first, even a whisper close to the microphone is unintelligible. Speech exceeds steady
# noise by more than the second: of 132 sentences in pink noise of the same loudness (0 dB) none was missed, and ten
# minutes of noise alone gave no span.
MIN_SPEECH_DB = -62.0
_MIN_ABOVE_NOISE_DB = 5.0

# The noise level is the quietest tenth of each half minute.
_NOISE_WINDOW_S = 30.0
_NOISE_QUANTILE = 0.1


def voice_levels(samples: Samples) -> Levels:
    """Energy between 150 and 4000 Hz every 20 ms, in dB of full scale."""
    count = max(1, -(-samples.size // _STEP))
    padded = np.zeros(count * _STEP + _FRAME, dtype=np.float32)
    padded[: samples.size] = samples
    window = np.hanning(_FRAME).astype(np.float32)
    frequencies = np.fft.rfftfreq(_FRAME, 1 / _RATE_HZ)
    band = (frequencies >= _MIN_VOICE_HZ) & (frequencies <= _MAX_VOICE_HZ)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_STEP][:count]
    energy = np.empty(count, dtype=np.float32)
    for first in range(0, count, 1000):  # in blocks: ten minutes at once would need 200 MB
        spectrum = np.fft.rfft(frames[first : first + 1000] * window, axis=1)[:, band]
        energy[first : first + 1000] = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    # Parseval's theorem: both halves of the spectrum, divided by the energy of the window.
    levels: Levels = (10 * np.log10(2 * energy / (_FRAME * float((window**2).sum())) + 1e-12)).astype(np.float32)
    return levels


def bursts(levels: Levels) -> list[SpeechSpan]:
    """Spans of sound without any gap, even from consonants, in seconds from sample 0."""
    loud = levels > np.maximum(MIN_SPEECH_DB, _noise(levels) + _MIN_ABOVE_NOISE_DB)
    return [(first * STEP_S, last * STEP_S) for first, last in runs(loud)]


def runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first step of each run of True, and the step after its last one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _noise(levels: Levels) -> Levels:
    """Noise level around each step, in dB: a low quantile of the half minute around the step."""
    width = int(_NOISE_WINDOW_S / STEP_S)
    blocks = [levels[first : first + width] for first in range(0, levels.size, width)]
    floors = np.array([np.quantile(block, _NOISE_QUANTILE) for block in blocks])
    return np.repeat(floors, [block.size for block in blocks]).astype(np.float32)
