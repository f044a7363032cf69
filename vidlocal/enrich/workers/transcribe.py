"""Transcribe the speech of a video into passages, window by window."""

import time
from collections.abc import Callable, Iterator, Sequence
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
from vidlocal.records import AudioTrack, Cue, Job, Passage, PassageKind, Probe, TimedPassage
from vidlocal.store.content import passages, speech_drafts, videos
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
    is_again = speech_drafts.is_requested(library, video_id)
    start = _start(library, video_id, engine, is_again=is_again)
    language = _stored_language(library, video_id) if start > 0 else None
    added = 0
    while track and (samples := _read(path, probe, ffmpeg, track, start, window_s)) is not None:
        report = partial(_report, on_progress, probe.duration, start)
        is_last = samples.size < round(window_s * RATE_HZ)
        heard = recognize(engine, samples, language=language, is_last=is_last, on_progress=report)
        language = heard.language
        texts = [
            *_texts(heard.cues, PassageKind.SPEECH, start, engine, track),
            *_texts(heard.sounds, PassageKind.SOUND, start, engine, track),
        ]
        start += heard.length
        with library.writing():
            if not jobs.exists(library, job):  # the video was removed
                break
            if is_again:
                speech_drafts.add(library, video_id, engine.digest, texts, until=start)
            else:
                _add(library, video_id, engine, texts)
                checkpoints.put(library, video_id, STEP, start)
            if language is not None:
                videos.set_language(library, video_id, language)
            jobs.renew(library, job, now=time.monotonic(), lease_s=jobs.LONG_LEASE_S)
        added += len(heard.cues)
        after_window()
    with library.writing():
        if is_again and jobs.exists(library, job):
            speech_drafts.publish(library, video_id, step=STEP)
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


def _start(library: Library, video_id: int, engine: SpeechEngine, *, is_again: bool) -> float:
    if is_again:
        return speech_drafts.start(library, video_id, engine.digest)
    return checkpoints.get(library, video_id, STEP)


def _add(library: Library, video_id: int, engine: SpeechEngine, texts: Sequence[TimedPassage]) -> None:
    words = [text.words for text in texts]
    passages.add(library, video_id, [text.passage for text in texts], digest=engine.digest, words=words)


def _texts(
    cues: Sequence[Cue], kind: PassageKind, start: float, engine: SpeechEngine, track: AudioTrack
) -> Iterator[TimedPassage]:
    """Yield cues of a stretch that begins at `start` as passages."""
    for cue in cues:
        moved = shifted(cue, start)
        passage = Passage(
            start=moved.start,
            end=moved.end,
            kind=kind,
            text=moved.text,
            language=moved.language,
            engine=ENGINE,
            model=engine.name,
            prompt_version=f"{TRANSCRIBE_VERSION}, track {track.index}",
            confidence=moved.confidence,
        )
        yield TimedPassage(passage, moved.words)


def _stored_language(library: Library, video_id: int) -> str | None:
    video = videos.get(library, video_id)
    return None if video is None else video.language


def _report(on_progress: Callable[[float], None], duration: float, start: float, length: float) -> None:
    on_progress(min(1.0, (start + length) / duration) if duration else 1.0)
