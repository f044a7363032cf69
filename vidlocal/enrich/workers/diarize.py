"""Tell apart the speakers of a video, and recognize voices from other videos."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vidlocal.engines.base import DiarizationEngine, SpeechEngine, Voice
from vidlocal.engines.speakers.voice_matching import join, nearest
from vidlocal.enrich.workers.speech_source import choose_speech_track
from vidlocal.errors import MediaError
from vidlocal.media.audio import RATE_HZ, choose_track, read_audio
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.records import AudioTrack, Job, Probe
from vidlocal.store.content import voices
from vidlocal.store.content.turn_splits import split_at_turns
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# A day of sound would not fit into memory at once.
WINDOW_S = 1200.0


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    probe: Probe
    ffmpeg: Ffmpeg
    track: AudioTrack


def diarize_video(
    library: Library,
    job: Job,
    path: Path,
    probe: Probe,
    *,
    engine: DiarizationEngine,
    ffmpeg: Ffmpeg,
    speech: SpeechEngine | None = None,
    track_number: int | None = None,
    window_s: float = WINDOW_S,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> int:
    """Store the turns of the speakers, and finish the job. Returns the number of voices.

    A video without any transcribed speech is left for later. `speech` and `track_number` choose the audio track, as for
    the transcription. `on_progress` gets the finished fraction, 0 to 1, after each window, and may end the run with an
    exception: it starts again then. Raises MediaError for unreadable audio, EngineError if the model fails.
    """
    track = choose_speech_track(path, probe, speech, ffmpeg, track_number) if speech else choose_track(probe)
    heard: list[Voice] = []
    is_due = voices.has_spoken_passages(library, job.video_id)
    if track is not None and is_due:
        heard = _hear(_Source(path, probe, ffmpeg, track), engine, window_s, on_progress)
    with library.writing():
        if is_due and jobs.exists(library, job):
            new = [voices.NewVoice(voice.turns, voice.vector) for voice in heard]
            voices.store(library, job.video_id, engine.key, new, nearest=nearest)
            split_at_turns(library, job.video_id)
        jobs.finish(library, job)
    return len(heard)


def _hear(
    source: _Source, engine: DiarizationEngine, window_s: float, on_progress: Callable[[float], None]
) -> list[Voice]:
    heard: list[Voice] = []
    start, duration = 0.0, source.probe.duration
    while True:
        try:
            samples = read_audio(
                source.path,
                source.probe,
                ffmpeg=source.ffmpeg,
                start=start,
                seconds=window_s,
                track=source.track.index,
            )
        except MediaError:
            if 0 < start >= duration:
                break
            raise
        if not samples.size:
            break
        for voice in engine.diarize(samples):
            turns = tuple((first + start, last + start) for first, last in voice.turns)
            heard.append(Voice(turns, voice.vector))
        start += window_s
        on_progress(min(1.0, start / duration) if duration else 1.0)
        if samples.size < round(window_s * RATE_HZ):
            break
    return join(heard)
