"""The share of speech covered by subtitles, measured on samples of the sound."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vidlocal.engines.base import SpeechEngine
from vidlocal.enrich.workers.speech_source import spoken_spans
from vidlocal.errors import EngineError, MediaError
from vidlocal.media.audio import choose_track, read_audio
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.records import Passage, Probe

_SAMPLES = 12
_SAMPLE_S = 30.0

# Subtitles are read faster or slower than they are spoken: lines count this long before and after.
_PADDING_S = 1.5

# Subtitles of all dialogue cover 0.8 and more of it: singers, crowds and other languages remain. Less than this much
# speech in the samples says nothing.
_MIN_COVERED = 0.5
_MIN_SPEECH_S = 5.0


def cover_speech(lines: Sequence[Passage], path: Path, probe: Probe, *, engine: SpeechEngine, ffmpeg: Ffmpeg) -> bool:
    """Return False if subtitles leave out more than half of the speech in samples of the default audio track."""
    track = choose_track(probe)
    if track is None:
        return True
    heard = covered = 0.0
    for start in np.unique(np.linspace(0.0, max(0.0, probe.duration - _SAMPLE_S), _SAMPLES)):
        try:
            samples = read_audio(path, probe, ffmpeg=ffmpeg, start=float(start), seconds=_SAMPLE_S, track=track.index)
            spans = list(spoken_spans(engine, samples))
        except (MediaError, EngineError):  # the transcription would meet it again, and tell
            continue
        for first, last in spans:
            heard += last - first
            covered += _covered(lines, float(start) + first, float(start) + last)
    return heard < _MIN_SPEECH_S or covered >= _MIN_COVERED * heard


def _covered(lines: Sequence[Passage], start: float, end: float) -> float:
    """Return the seconds from `start` to `end` with a line. Overlapping lines count once."""
    seconds, position = 0.0, start
    for line in sorted(lines, key=lambda line: line.start):
        first, last = max(line.start - _PADDING_S, position), min(line.end + _PADDING_S, end)
        if last > first:
            seconds += last - first
            position = last
    return seconds
