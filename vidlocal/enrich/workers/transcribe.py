"""Transcribe the speech of a video into passages, window by window."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vidlocal.engines.base import SpeechEngine
from vidlocal.engines.whisper import ENGINE
from vidlocal.errors import MediaError
from vidlocal.media.audio import RATE_HZ, Samples, choose_track, read_audio
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.voice_activity import MIN_PAUSE_S, SpeechSpan, chunks, speech_spans
from vidlocal.records import AudioTrack, Cue, Job, Passage, PassageKind, Probe
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

STEP = "transcribe"

# A power failure loses at most the work on a window. A large model on a small machine takes an hour for ten minutes.
WINDOW_S = 600.0

# Version of the preparation of the audio: changes whenever the same model would get other input.
TRANSCRIBE_VERSION = "listen-1"

# Longest chunks of the first window with speech, used to detect the language.
_LANGUAGE_CHUNKS = 3

# A cue farther than this from any speech is a hallucination.
_MAX_DISTANCE_S = 0.3


@dataclass(frozen=True, slots=True)
class Transcription:
    """Result of a run: number of new passages, language, and audio track (None for a file without audio)."""

    passages: int
    language: str | None
    track: AudioTrack | None


@dataclass(frozen=True, slots=True)
class _Window:
    """Transcript of a window. Times count from the first sample; `length` is the transcribed part in seconds."""

    language: str | None
    cues: tuple[Cue, ...]
    length: float


def transcribe_video(
    library: Library,
    job: Job,
    path: Path,
    probe: Probe,
    *,
    engine: SpeechEngine,
    ffmpeg: Ffmpeg,
    window_s: float = WINDOW_S,
    on_progress: Callable[[float], None] = lambda fraction: None,
    after_window: Callable[[], None] = lambda: None,
) -> Transcription:
    """Transcribe a video from the checkpoint of the last run on, and finish the job.

    The passages and the checkpoint of a window are a transaction; a second run has nothing to do. `on_progress` gets
    the finished fraction, 0 to 1, after every chunk; `after_window` is called when a window is stored, and may end the
    run with an exception. Raises MediaError for unreadable audio, EngineError if the model fails; committed windows
    stay.
    """
    video_id = job.video_id
    track = choose_track(probe)
    start = checkpoints.get(library, video_id, STEP)
    language = _stored_language(library, video_id) if start > 0 else None
    added = 0
    while track and (samples := _read(path, probe, ffmpeg, track, start, window_s)) is not None:
        report = partial(_report, on_progress, probe.duration, start)
        window = _transcribe_window(engine, samples, language, window_s, report)
        language = window.language
        speech = [_passage(cue, start, engine, track) for cue in window.cues]
        start += window.length
        with library.writing():
            if not jobs.exists(library, job):  # the video was removed
                break
            passages.add(library, video_id, speech, digest=engine.digest)
            checkpoints.put(library, video_id, STEP, start)
            if language is not None:
                videos.set_language(library, video_id, language)
            jobs.renew(library, job, now=time.monotonic(), lease_s=jobs.LONG_LEASE_S)
        added += len(speech)
        after_window()
    jobs.finish(library, job)
    return Transcription(added, language, track)


def _read(path: Path, probe: Probe, ffmpeg: Ffmpeg, track: AudioTrack, start: float, window_s: float) -> Samples | None:
    """Read the next window, None past the end. Gaps in the audio of a damaged file are silence."""
    try:
        samples = read_audio(path, probe, ffmpeg=ffmpeg, start=start, seconds=window_s, track=track.index)
    except MediaError:
        if 0 < start >= probe.duration:
            return None
        raise
    if samples.size or start >= probe.duration:
        return samples if samples.size else None
    return np.zeros(max(1, round(min(window_s, probe.duration - start) * RATE_HZ)), dtype=np.float32)


def _transcribe_window(
    engine: SpeechEngine, samples: Samples, language: str | None, window_s: float, report: Callable[[float], None]
) -> _Window:
    spans = speech_spans(samples)
    complete, length = _complete_chunks(chunks(samples, spans), samples.size / RATE_HZ, window_s)
    detected = language or _detect_language(engine, samples, complete)
    cues: list[Cue] = []
    for start, end in complete:
        speech = engine.transcribe(_slice(samples, start, end), detected)
        shifted = (replace(cue, start=cue.start + start, end=cue.end + start) for cue in speech.cues)
        cues.extend(clipped for cue in shifted if (clipped := _clip_to_speech(cue, spans)) is not None)
        report(end)
    # The language detected in mere noise must not apply to the next windows.
    return _Window(detected if cues else language, tuple(cues), length)


def _complete_chunks(
    speech: Sequence[SpeechSpan], length: float, window_s: float
) -> tuple[Sequence[SpeechSpan], float]:
    """Return the chunks with an end inside the window, and the start of the next window.

    A chunk that may continue after the window is left to the next window as a whole.
    """
    continues = length >= window_s - 1 / RATE_HZ and bool(speech) and speech[-1][1] > length - MIN_PAUSE_S
    if continues and speech[-1][0] > length / 2:
        return speech[:-1], speech[-1][0]
    return speech, length


def _detect_language(engine: SpeechEngine, samples: Samples, speech: Sequence[SpeechSpan]) -> str | None:
    """Detect the language in the longest chunks. None without speech."""
    scores: dict[str, float] = defaultdict(float)
    for start, end in sorted(speech, key=lambda span: span[0] - span[1])[:_LANGUAGE_CHUNKS]:
        for language, share in engine.language_probabilities(_slice(samples, start, end)).items():
            scores[language] += share
    return max(scores, key=lambda language: scores[language]) if scores else None


def _slice(samples: Samples, start: float, end: float) -> Samples:
    return samples[round(start * RATE_HZ) : round(end * RATE_HZ)]


def _clip_to_speech(cue: Cue, spans: Sequence[SpeechSpan]) -> Cue | None:
    """Clip the times of a cue to the speech below. None for a hallucination without speech."""
    near = [span for span in spans if span[0] < cue.end + _MAX_DISTANCE_S and span[1] > cue.start - _MAX_DISTANCE_S]
    if not near:
        return None
    start = min(max(cue.start, near[0][0]), near[-1][1])
    return replace(cue, start=start, end=max(start, min(cue.end, near[-1][1] + _MAX_DISTANCE_S)))


def _passage(cue: Cue, start: float, engine: SpeechEngine, track: AudioTrack) -> Passage:
    return Passage(
        start=start + cue.start,
        end=start + cue.end,
        kind=PassageKind.SPEECH,
        text=cue.text,
        language=cue.language,
        engine=ENGINE,
        model=engine.name,
        prompt_version=f"{TRANSCRIBE_VERSION}, track {track.index}",
    )


def _stored_language(library: Library, video_id: int) -> str | None:
    video = videos.get(library, video_id)
    return None if video is None else video.language


def _report(on_progress: Callable[[float], None], duration: float, start: float, length: float) -> None:
    on_progress(min(1.0, (start + length) / duration) if duration else 1.0)
