"""Voice activity detection (VAD) by energy, and the division of audio into windows for Whisper.

Whisper hallucinates text in silence ("thank you", the last line again), so silence and steady noise are left out. Other
noise and music are left to a model: it judges each of the `pieces` before they are joined to `windows`.
"""

from collections.abc import Sequence

import numpy as np

from vidlocal.voice_levels import MIN_SPEECH_DB, STEP_S, Levels, SpeechSpan, bursts, runs

# A standard deviation below this, in dB, is a tone, a fan or a hum.
_MAX_STEADY_DB = 2.0

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


def are_different(levels: Levels, other: Levels) -> bool:
    """Return True if two channels carry different sounds, such as the two ends of a call.

    The levels of one sound rise and fall together in both channels, whatever their phase and delay.
    """
    audible = (levels > MIN_SPEECH_DB) | (other > MIN_SPEECH_DB)
    if audible.sum() * STEP_S < MIN_PAUSE_S:
        return False
    first, second = np.maximum(levels[audible], MIN_SPEECH_DB), np.maximum(other[audible], MIN_SPEECH_DB)
    if min(first.std(), second.std()) < _MAX_STEADY_DB:
        return False
    return float(np.corrcoef(first, second)[0, 1]) < _MAX_CORRELATION


def speech_spans(levels: Levels) -> tuple[SpeechSpan, ...]:
    """Spans of possible speech, in seconds from sample 0."""
    spans = _join(bursts(levels), _MAX_BRIDGED_GAP_S)
    return tuple(span for span in spans if span[1] - span[0] >= _MIN_SOUND_S and not _is_steady(levels, *span))


def pieces(levels: Levels, spans: Sequence[SpeechSpan]) -> tuple[SpeechSpan, ...]:
    """Pieces of sound between pauses of 0.8 s, with padding, at most 29 s long."""
    duration = levels.size * STEP_S
    grouped = _join(spans, MIN_PAUSE_S)
    padded = [(max(0.0, start - _PADDING_S), min(duration, end + _PADDING_S)) for start, end in grouped]
    return tuple(piece for span in padded for piece in _split(levels, span, _MIN_PIECE_S, MAX_PIECE_S))


def first_window(levels: Levels, speech: Sequence[SpeechSpan]) -> SpeechSpan | None:
    """First window to transcribe, at most 29.5 s long: pieces of speech, and the pauses of up to 3 s between them.

    It ends with speech or at a quiet place. None without speech.
    """
    if not speech:
        return None
    start, end = _split(levels, _join(speech, MAX_PAUSE_S)[0], _MIN_WINDOW_S, MAX_WINDOW_S)[0]
    return start, min(end, max(piece[1] for piece in speech if piece[0] < end))


def speech_after(speech: Sequence[SpeechSpan], time: float) -> list[SpeechSpan]:
    """Return the pieces after a time. A piece around it is cut."""
    return [(max(start, time), end) for start, end in speech if end > time]


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
    first, last = int(start / STEP_S), int(end / STEP_S)
    margin = _QUIET_STEPS // 2 + 1
    means = np.convolve(levels[first:last], np.ones(_QUIET_STEPS) / _QUIET_STEPS, mode="same")[margin:-margin]
    quiet = runs(means <= means.min() + _QUIET_DB)[-1]
    return (first + margin + sum(quiet) // 2) * STEP_S


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
    inner = levels[int(start / STEP_S) + 3 : int(end / STEP_S) - 3]
    return inner.size > 10 and float(inner.std()) < _MAX_STEADY_DB
