"""Transcribe the speech of a video into passages, window by window."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vidlocal.engines.base import SpeechEngine
from vidlocal.engines.whisper import ENGINE
from vidlocal.enrich.workers.recognition import recognize
from vidlocal.errors import MediaError
from vidlocal.media.audio import RATE_HZ, Samples, choose_track, read_audio
from vidlocal.media.cue_times import shifted
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.records import AudioTrack, Cue, Job, Passage, PassageKind, Probe
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

STEP = "transcribe"

# A power failure loses at most the work on a window. A large model on a small machine takes an hour for ten minutes.
WINDOW_S = 600.0

# Version of the preparation of the audio: changes whenever the same model would get other input.
TRANSCRIBE_VERSION = "listen-2"


@dataclass(frozen=True, slots=True)
class Transcription:
    """Result of a run: number of new passages, language, and audio track (None for a file without audio)."""

    passages: int
    language: str | None
    track: AudioTrack | None


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
    the finished fraction, 0 to 1, at least every 30 s of speech; `after_window` is called when a window is stored, and
    may end the run with an exception. Raises MediaError for unreadable audio, EngineError if the model fails; committed
    windows stay.
    """
    video_id = job.video_id
    track = choose_track(probe)
    start = checkpoints.get(library, video_id, STEP)
    language = _stored_language(library, video_id) if start > 0 else None
    added = 0
    while track and (samples := _read(path, probe, ffmpeg, track, start, window_s)) is not None:
        report = partial(_report, on_progress, probe.duration, start)
        is_last = samples.size < round(window_s * RATE_HZ)
        heard = recognize(engine, samples, language=language, is_last=is_last, on_progress=report)
        language = heard.language
        cues = [shifted(cue, start) for cue in heard.cues]
        speech = [_passage(cue, PassageKind.SPEECH, engine, track) for cue in cues]
        sounds = [_passage(shifted(cue, start), PassageKind.SOUND, engine, track) for cue in heard.sounds]
        start += heard.length
        with library.writing():
            if not jobs.exists(library, job):  # the video was removed
                break
            passages.add(library, video_id, speech, digest=engine.digest, words=[cue.words for cue in cues])
            passages.add(library, video_id, sounds, digest=engine.digest)
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


def _passage(cue: Cue, kind: PassageKind, engine: SpeechEngine, track: AudioTrack) -> Passage:
    return Passage(
        start=cue.start,
        end=cue.end,
        kind=kind,
        text=cue.text,
        language=cue.language,
        engine=ENGINE,
        model=engine.name,
        prompt_version=f"{TRANSCRIBE_VERSION}, track {track.index}",
        confidence=cue.confidence,
    )


def _stored_language(library: Library, video_id: int) -> str | None:
    video = videos.get(library, video_id)
    return None if video is None else video.language


def _report(on_progress: Callable[[float], None], duration: float, start: float, length: float) -> None:
    on_progress(min(1.0, (start + length) / duration) if duration else 1.0)
