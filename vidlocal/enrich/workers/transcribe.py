"""What is said in a video, window by window, as passages."""

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

# What is lost at most when the power goes: the work on ten minutes of sound. A big model on a small machine
# takes an hour for them.
WINDOW_S = 600.0

# Changes whenever the same model would be given the sound in another way.
TRANSCRIBE_VERSION = "listen-1"

# Language is decided by the longest pieces of the first window in which anything is said.
_LANGUAGE_PIECES = 3

# A cue that lies farther than this from any sound was made up.
_NEAR_S = 0.3


@dataclass(frozen=True, slots=True)
class Transcription:
    """What one run added. `track` is the audio track it listened to, None when the file has no sound."""

    passages: int
    language: str | None
    track: AudioTrack | None


@dataclass(frozen=True, slots=True)
class _Window:
    """What was said in a window, times from its first sample. `until` is how far it was listened to, in seconds."""

    language: str | None
    cues: tuple[Cue, ...]
    until: float


def transcribe_video(
    library: Library,
    job: Job,
    path: Path,
    probe: Probe,
    *,
    engine: SpeechEngine,
    ffmpeg: Ffmpeg,
    window_s: float = WINDOW_S,
    on_progress: Callable[[float], None] = lambda done: None,
    after_window: Callable[[], None] = lambda: None,
) -> Transcription:
    """Make the speech of a video its passages, from where the last run stopped, and finish the job.

    Each window's passages and its checkpoint are one transaction; a second run finds nothing to do. `report` is
    told the share done, 0 to 1, after every piece; `after_window` is called when a window is stored, and may end the
    run there with an exception of its own. Raises MediaError when there is sound that cannot be read,
    EngineError when the model fails; what was committed before stays.
    """
    video_id = job.video_id
    track = choose_track(probe)
    start = checkpoints.get(library, video_id, STEP)
    language = _language_so_far(library, video_id) if start > 0 else None
    added = 0
    while track and (samples := _read(path, probe, ffmpeg, track, start, window_s)) is not None:
        window = _hear(engine, samples, language, window_s, partial(_tell, on_progress, probe.duration, start))
        language = window.language
        said = [_passage(cue, start, engine, track) for cue in window.cues]
        start += window.until
        with library.writing():
            passages.add(library, video_id, said, digest=engine.digest)
            checkpoints.put(library, video_id, STEP, start)
            if language is not None:
                videos.set_language(library, video_id, language)
            jobs.renew(library, job, now=time.time(), lease_s=jobs.LONG_LEASE_S)
        added += len(said)
        after_window()
    jobs.finish(library, job)
    return Transcription(added, language, track)


def _read(path: Path, probe: Probe, ffmpeg: Ffmpeg, track: AudioTrack, start: float, window_s: float) -> Samples | None:
    """The next window, None past the end. A hole in the sound of a damaged file is silence."""
    try:
        samples = read_audio(path, probe, ffmpeg=ffmpeg, start=start, seconds=window_s, track=track.index)
    except MediaError:
        if 0 < start >= probe.duration:
            return None
        raise
    if samples.size or start >= probe.duration:
        return samples if samples.size else None
    return np.zeros(max(1, round(min(window_s, probe.duration - start) * RATE_HZ)), dtype=np.float32)


def _hear(
    engine: SpeechEngine, samples: Samples, language: str | None, window_s: float, report: Callable[[float], None]
) -> _Window:
    spans = speech_spans(samples)
    parts, until = _whole(chunks(samples, spans), samples.size / RATE_HZ, window_s)
    spoken = language or _spoken_language(engine, samples, parts)
    cues: list[Cue] = []
    for start, end in parts:
        speech = engine.transcribe(_part(samples, start, end), spoken)
        later = (replace(cue, start=cue.start + start, end=cue.end + start) for cue in speech.cues)
        cues.extend(cue for heard in later if (cue := _on_sound(heard, spans)) is not None)
        report(end)
    # A window of mere noise must not decide for the ones that follow.
    return _Window(spoken if cues else language, tuple(cues), until)


def _whole(parts: Sequence[SpeechSpan], until: float, window_s: float) -> tuple[Sequence[SpeechSpan], float]:
    """The pieces that ended inside the window, and where the next window begins.

    A piece that may go on beyond the border of the window is left to the next one as a whole.
    """
    goes_on = until >= window_s - 1 / RATE_HZ and bool(parts) and parts[-1][1] > until - MIN_PAUSE_S
    if goes_on and parts[-1][0] > until / 2:
        return parts[:-1], parts[-1][0]
    return parts, until


def _spoken_language(engine: SpeechEngine, samples: Samples, parts: Sequence[SpeechSpan]) -> str | None:
    """The language most likely spoken in the longest pieces, None when there is no piece."""
    likely: dict[str, float] = defaultdict(float)
    for start, end in sorted(parts, key=lambda part: part[0] - part[1])[:_LANGUAGE_PIECES]:
        for language, share in engine.language_probabilities(_part(samples, start, end)).items():
            likely[language] += share
    return max(likely, key=lambda language: likely[language]) if likely else None


def _part(samples: Samples, start: float, end: float) -> Samples:
    return samples[round(start * RATE_HZ) : round(end * RATE_HZ)]


def _on_sound(cue: Cue, spans: Sequence[SpeechSpan]) -> Cue | None:
    """The cue, its times drawn in to the sound under it; None when there is none, for then nobody said it."""
    under = [span for span in spans if span[0] < cue.end + _NEAR_S and span[1] > cue.start - _NEAR_S]
    if not under:
        return None
    start = min(max(cue.start, under[0][0]), under[-1][1])
    return replace(cue, start=start, end=max(start, min(cue.end, under[-1][1] + _NEAR_S)))


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


def _language_so_far(library: Library, video_id: int) -> str | None:
    video = videos.get(library, video_id)
    return None if video is None else video.language


def _tell(report: Callable[[float], None], duration: float, start: float, until: float) -> None:
    report(min(1.0, (start + until) / duration) if duration else 1.0)
