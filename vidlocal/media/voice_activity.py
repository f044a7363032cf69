"""Voice activity detection (VAD) by energy, and the division of audio into windows for Whisper.

Whisper hallucinates text in silence ("thank you", the last line again), so silence and steady noise are left out. Other
noise and music are left to a model: it judges each of the `pieces` before they are joined to `windows`.
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

# A pause this long ends a piece. Whisper reads 30 s at a time: longer pieces are split at the quietest place.
MIN_PAUSE_S = 0.8
MAX_PIECE_S = 29.0
_MIN_PIECE_S = 8.0

# Whisper takes as long for 5 s as for 30 s, and needs the words before for the next ones: windows span the pauses of a
# speaker, and are cut at a quiet place near their end.
MAX_PAUSE_S = 3.0
MAX_WINDOW_S = 29.5
_MIN_WINDOW_S = 20.0

# Parts of a window with several languages.
_MIN_PART_S = 4.0
_MAX_PART_S = 10.0

# Correlation of the levels of two channels. The same speaker in both: 0.9 and more; two speakers: below 0.1.
_MAX_CORRELATION = 0.4

# Places this close to the quietest one are as quiet. Mean over 0.3 s, to find a pause and not the closure of a
# consonant.
_QUIET_DB = 3.0
_QUIET_STEPS = 15


def voice_levels(samples: Samples) -> Levels:
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


def are_different(levels: Levels, other: Levels) -> bool:
    """Return True if two channels carry different sounds, such as the two ends of a call.

    The levels of one sound rise and fall together in both channels, whatever their phase and delay.
    """
    audible = (levels > _MIN_SPEECH_DB) | (other > _MIN_SPEECH_DB)
    if audible.sum() * _STEP_S < MIN_PAUSE_S:
        return False
    first, second = np.maximum(levels[audible], _MIN_SPEECH_DB), np.maximum(other[audible], _MIN_SPEECH_DB)
    if min(first.std(), second.std()) < _MAX_STEADY_DB:
        return False
    return float(np.corrcoef(first, second)[0, 1]) < _MAX_CORRELATION


def speech_spans(levels: Levels) -> tuple[SpeechSpan, ...]:
    """Spans of possible speech, in seconds from sample 0."""
    spans = _join(bursts(levels), _MAX_BRIDGED_GAP_S)
    return tuple(span for span in spans if span[1] - span[0] >= _MIN_SOUND_S and not _is_steady(levels, *span))


def bursts(levels: Levels) -> list[SpeechSpan]:
    """Spans of sound without any gap, even from consonants, in seconds from sample 0."""
    loud = levels > np.maximum(_MIN_SPEECH_DB, _noise(levels) + _MIN_ABOVE_NOISE_DB)
    return [(first * _STEP_S, last * _STEP_S) for first, last in _runs(loud)]


def pieces(levels: Levels, spans: Sequence[SpeechSpan]) -> tuple[SpeechSpan, ...]:
    """Pieces of sound between pauses of 0.8 s, with padding, at most 29 s long."""
    duration = levels.size * _STEP_S
    grouped = _join(spans, MIN_PAUSE_S)
    padded = [(max(0.0, start - _PADDING_S), min(duration, end + _PADDING_S)) for start, end in grouped]
    return tuple(piece for span in padded for piece in _split(levels, span, _MIN_PIECE_S, MAX_PIECE_S))


def windows(levels: Levels, speech: Sequence[SpeechSpan]) -> tuple[SpeechSpan, ...]:
    """Windows to transcribe, at most 29.5 s long: pieces of speech, and the pauses of up to 3 s between them."""
    parts = (part for span in _join(speech, MAX_PAUSE_S) for part in _split(levels, span, _MIN_WINDOW_S, MAX_WINDOW_S))
    return tuple(window for part in parts if (window := _trim(part, speech)) is not None)


def split_short(levels: Levels, span: SpeechSpan) -> list[SpeechSpan]:
    """Split a window with several languages into parts of a few sentences, at pauses."""
    return _split(levels, span, _MIN_PART_S, _MAX_PART_S)


def stretches(noise: Sequence[SpeechSpan], max_s: float) -> tuple[SpeechSpan, ...]:
    """Join pieces with pauses of up to 3 s. Parts are at most `max_s` seconds long."""
    return tuple(
        (start + max_s * number, min(end, start + max_s * (number + 1)))
        for start, end in _join(noise, MAX_PAUSE_S)
        for number in range(int(np.ceil((end - start) / max_s)))
    )


def _trim(part: SpeechSpan, speech: Sequence[SpeechSpan]) -> SpeechSpan | None:
    """Cut the pauses at both ends. None for a part without speech."""
    inside = [piece for piece in speech if piece[0] < part[1] and piece[1] > part[0]]
    return (max(part[0], inside[0][0]), min(part[1], inside[-1][1])) if inside else None


def _split(levels: Levels, span: SpeechSpan, min_s: float, max_s: float) -> list[SpeechSpan]:
    """Split a span into parts of at least `min_s` (except the last) and at most `max_s` seconds."""
    parts = []
    start, end = span
    while end - start > max_s:
        cut = _quiet_place(levels, start + min_s, start + max_s)
        parts.append((start, cut))
        start = cut
    return [*parts, (start, end)]


def _quiet_place(levels: Levels, start: float, end: float) -> float:
    """Middle of the last quiet place between two times."""
    first, last = int(start / _STEP_S), int(end / _STEP_S)
    margin = _QUIET_STEPS // 2 + 1
    means = np.convolve(levels[first:last], np.ones(_QUIET_STEPS) / _QUIET_STEPS, mode="same")[margin:-margin]
    quiet = _runs(means <= means.min() + _QUIET_DB)[-1]
    return (first + margin + sum(quiet) // 2) * _STEP_S


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
