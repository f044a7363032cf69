"""Transcribe the speech of a video into passages, window by window."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vidlocal.engines.base import SpeechEngine
from vidlocal.engines.speech.prompt import speech_prompt
from vidlocal.enrich.workers.recognition import Recognition, recognize
from vidlocal.enrich.workers.speech_source import (
    DEFAULT_OPTIONS,
    SpeechOptions,
    choose_speech_track,
    read_stretch,
    voices,
)
from vidlocal.media.audio import RATE_HZ, Samples
from vidlocal.media.cue_times import shifted
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.records import AudioTrack, Job, Passage, PassageKind, Probe, TimedPassage
from vidlocal.store.content import passages, speech_drafts, videos, vocabulary
from vidlocal.store.content.turn_splits import split_at_turns
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

STEP = "transcribe"

# A power failure loses at most the work on a window. A large model on a small machine takes an hour for ten minutes.
WINDOW_S = 600.0

# Names of the library in the prompt of Whisper, which has room for few.
_MAX_NAMES = 60

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
    options: SpeechOptions = DEFAULT_OPTIONS,
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
    track = choose_speech_track(path, probe, engine, ffmpeg, options.track)
    is_again = speech_drafts.is_requested(library, video_id)
    start = _start(library, video_id, engine, is_again=is_again)
    language = options.language or (_stored_language(library, video_id) if start > 0 else None)
    prompt = speech_prompt(options.vocabulary, vocabulary.names(library, video_id, limit=_MAX_NAMES))
    added = 0
    while track:
        samples = read_stretch(path, probe, ffmpeg=ffmpeg, track=track, start=start, seconds=window_s)
        if samples is None:
            break
        is_last = len(samples) < round(window_s * RATE_HZ)
        report = partial(_report, on_progress, probe.duration, start)
        heard = _recognize(
            engine,
            samples,
            language,
            is_forced=options.language is not None,
            prompt=prompt,
            translate=options.translate,
            is_last=is_last,
            on_progress=report,
        )
        language = heard[-1][1].language
        length = min(recognition.length for _, recognition in heard)
        texts = [
            text
            for channel, recognition in heard
            for text in _texts(recognition, length, start, engine, f"track {track.index}{channel}")
        ]
        start += length
        if not _store(library, job, engine, texts, until=start, is_again=is_again):
            break
        added += sum(text.passage.kind is PassageKind.SPEECH for text in texts)
        after_window()
    with library.writing():
        if is_again and jobs.exists(library, job):
            speech_drafts.publish(library, video_id, step=STEP)
        split_at_turns(library, video_id)
        _store_language(library, video_id)
        jobs.finish(library, job)
    return Transcription(added, language, track)


def _recognize(
    engine: SpeechEngine,
    samples: Samples,
    language: str | None,
    *,
    is_forced: bool,
    prompt: str,
    translate: bool,
    is_last: bool,
    on_progress: Callable[[float], None],
) -> list[tuple[str, Recognition]]:
    """Transcribe the voices of a stretch. Returns each transcript with a suffix for the channel."""
    heard = []
    for voice in voices(engine, samples):
        recognition = recognize(
            engine,
            voice.samples,
            language=language,
            is_last=is_last,
            is_forced=is_forced,
            prompt=prompt,
            translate=translate,
            on_progress=on_progress,
        )
        language = recognition.language
        heard.append((f", {voice.channel}" if voice.channel else "", recognition))
    return heard


def position(library: Library, video_id: int) -> float:
    """Return the resume position of the transcription of a video, in seconds."""
    step = speech_drafts.STEP if speech_drafts.is_requested(library, video_id) else STEP
    return checkpoints.get(library, video_id, step)


def _start(library: Library, video_id: int, engine: SpeechEngine, *, is_again: bool) -> float:
    if is_again:
        return speech_drafts.start(library, video_id, engine.digest)
    return checkpoints.get(library, video_id, STEP)


def _store(
    library: Library, job: Job, engine: SpeechEngine, texts: Sequence[TimedPassage], *, until: float, is_again: bool
) -> bool:
    """Store the next part of a transcript, up to `until` seconds. False if the video was removed."""
    with library.writing():
        if not jobs.exists(library, job):
            return False
        if is_again:
            speech_drafts.add(library, job.video_id, engine.digest, texts, until=until)
        else:
            words = [text.words for text in texts]
            passages.add(library, job.video_id, [text.passage for text in texts], digest=engine.digest, words=words)
            checkpoints.put(library, job.video_id, STEP, until)
        jobs.renew(library, job, now=time.monotonic(), lease_s=jobs.LONG_LEASE_S)
    return True


def _texts(
    heard: Recognition, length: float, start: float, engine: SpeechEngine, source: str
) -> Iterator[TimedPassage]:
    """Yield the cues in the first `length` seconds of a stretch from `start` on as passages."""
    kinds = [(PassageKind.SPEECH, cue) for cue in heard.cues]
    kinds += [(PassageKind.TRANSLATION, cue) for cue in heard.translations]
    kinds += [(PassageKind.SOUND, cue) for cue in heard.sounds]
    for kind, cue in kinds:
        if cue.start < length:
            moved = shifted(cue, start)
            passage = Passage(
                start=moved.start,
                end=moved.end,
                kind=kind,
                text=moved.text,
                language=moved.language,
                engine=engine.kind,
                model=engine.name,
                prompt_version=f"{TRANSCRIBE_VERSION}, {source}",
                confidence=moved.confidence,
            )
            yield TimedPassage(passage, moved.words)


def _stored_language(library: Library, video_id: int) -> str | None:
    video = videos.get(library, video_id)
    return None if video is None else video.language


def _store_language(library: Library, video_id: int) -> None:
    """Store the language of most of the speech as the video's language."""
    language = passages.main_language(library, video_id)
    if language is not None:
        videos.set_language(library, video_id, language)


def _report(on_progress: Callable[[float], None], duration: float, start: float, length: float) -> None:
    on_progress(min(1.0, (start + length) / duration) if duration else 1.0)
