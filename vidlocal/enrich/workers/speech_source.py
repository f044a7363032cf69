"""The audio to transcribe: track of a file, and separate channels in case of different speech."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidlocal.engines.base import SpeechEngine
from vidlocal.errors import MediaError
from vidlocal.media.audio import RATE_HZ, Samples, mix, read_audio, read_channels, tracks_by_preference
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.voice_activity import are_different, pieces, speech_spans
from vidlocal.records import AudioTrack, Probe
from vidlocal.voice_levels import SpeechSpan, voice_levels

# A track is judged by as many samples of this length, spread over the video.
_SAMPLES = 4
_SAMPLE_S = 20.0


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """Wishes for transcriptions. None and empty decide by the audio.

    `language`: ISO 639-1. `track`: position among the audio tracks of a file, from 1. `vocabulary`: names and terms
    that may be said. `translate`: store translations to English beside speech in other languages.
    """

    language: str | None = None
    track: int | None = None
    vocabulary: str = ""
    translate: bool = False


DEFAULT_OPTIONS = SpeechOptions()


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound to transcribe. `channel`: left or right if the channels are transcribed apart, else empty."""

    samples: Samples
    channel: str = ""


def choose_speech_track(
    path: Path, probe: Probe, engine: SpeechEngine, ffmpeg: Ffmpeg, number: int | None
) -> AudioTrack | None:
    """Choose the track to transcribe: track `number` if present, else the first track with speech.

    The default track comes first. Without speech anywhere it is taken, too. None without audio.
    """
    if number is not None and number <= len(probe.audio):
        return probe.audio[number - 1]
    tracks = tracks_by_preference(probe)
    if len(tracks) < 2:
        return tracks[0] if tracks else None
    return next((track for track in tracks if _has_speech(path, probe, engine, ffmpeg, track)), tracks[0])


def describe_choice(probe: Probe, chosen: AudioTrack | None) -> str | None:
    """Name the transcribed track and the others, in a sentence; None for a file with a single track."""
    if chosen is None or len(probe.audio) < 2:
        return None
    names = {track.index: _name(number, track) for number, track in enumerate(probe.audio, 1)}
    others = ", ".join(name for index, name in names.items() if index != chosen.index)
    return f"transcribed audio track {names[chosen.index]}; not {others}. To choose: --audio-track N"


def read_stretch(
    path: Path, probe: Probe, *, ffmpeg: Ffmpeg, track: AudioTrack, start: float, seconds: float
) -> Samples | None:
    """Read the next stretch, n x 1 or n x 2 samples; None past the end. Gaps in a damaged file are silence."""
    try:
        samples = read_channels(path, probe, ffmpeg=ffmpeg, start=start, seconds=seconds, track=track.index)
    except MediaError:
        if 0 < start >= probe.duration:
            return None
        raise
    if samples.size or start >= probe.duration:
        return samples if samples.size else None
    return np.zeros((max(1, round(min(seconds, probe.duration - start) * RATE_HZ)), 1), dtype=np.float32)


def voices(engine: SpeechEngine, samples: Samples) -> tuple[Voice, ...]:
    """Return the mix of the channels, or both channels if each has speech of its own."""
    if samples.shape[1] == 2:
        left, right = np.ascontiguousarray(samples[:, 0]), np.ascontiguousarray(samples[:, 1])
        if are_different(voice_levels(left), voice_levels(right)) and all(
            _speaks(engine, channel) for channel in (left, right)
        ):
            return Voice(left, "left"), Voice(right, "right")
    return (Voice(mix(samples)),)


def spoken_spans(engine: SpeechEngine, samples: Samples) -> Iterator[SpeechSpan]:
    """Yield the spans of speech, in seconds from sample 0. Raises EngineError."""
    levels = voice_levels(samples)
    for start, end in pieces(levels, speech_spans(levels)):
        if engine.has_speech(samples[round(start * RATE_HZ) : round(end * RATE_HZ)]):
            yield start, end


def _has_speech(path: Path, probe: Probe, engine: SpeechEngine, ffmpeg: Ffmpeg, track: AudioTrack) -> bool:
    for start in np.linspace(0.0, max(0.0, probe.duration - _SAMPLE_S), _SAMPLES):
        try:
            sample = read_audio(path, probe, ffmpeg=ffmpeg, start=float(start), seconds=_SAMPLE_S, track=track.index)
        except MediaError:
            continue
        if _speaks(engine, sample):
            return True
    return False


def _speaks(engine: SpeechEngine, samples: Samples) -> bool:
    return next(spoken_spans(engine, samples), None) is not None


def _name(number: int, track: AudioTrack) -> str:
    return f"{number} ({track.language})" if track.language else str(number)
