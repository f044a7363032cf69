"""Tracks, channels and languages: real sound, and the small real model for words."""

import wave
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.speech import RATE_HZ, Samples, Sentence, probe_of, recording, write_wav
from tests.support.text_videos import add_video
from tests.support.transcription import Scripted, placed_every, queued, said
from vidlocal import process
from vidlocal.engines.base import Speech
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.enrich.workers.recognition import recognize
from vidlocal.enrich.workers.speech_source import SpeechOptions, describe_choice
from vidlocal.enrich.workers.transcribe import transcribe_video
from vidlocal.media import ffmpeg
from vidlocal.records import AudioTrack, TagKind, VideoTag
from vidlocal.store.content import understanding, videos
from vidlocal.store.database import Library

STEREO = AudioTrack(0, "pcm_s16le", None, default=False, channels=2, rate_hz=RATE_HZ)


class Polyglot(Scripted):
    """An engine with Spanish for loud sound, else English."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        self.calls += 1
        spanish = 0.95 if float(np.abs(samples).max()) > 0.5 else 0.05
        return {"en": 1 - spanish, "es": spanish}


def test_each_window_is_looked_at_once_for_its_language(english: list[Sentence]) -> None:
    engine = Polyglot()
    sound = recording(placed_every(90, 3.0, english), seconds=90)
    recognize(engine, sound * (0.4 / float(np.abs(sound).max())), language="en", is_last=True)
    assert engine.calls == len(engine.heard) > 2


class Unsure(Scripted):
    """Needs half a minute to be sure of the language."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[float] = []

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        self.looks.append(seconds)
        return {"en": 0.6, "es": 0.4} if seconds == 30.0 else {"en": 0.4, "es": 0.6}


def test_a_first_language_that_is_not_sure_is_looked_at_longer(english: list[Sentence]) -> None:
    engine = Unsure()
    sound = recording([(0.5, english[0])], seconds=4)
    assert recognize(engine, sound, language=None, is_last=True).language == "en"
    assert engine.looks == [10.0, 30.0]


class Impatient(Scripted):
    """Transcribes no more than the first ten seconds of a window."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        self.given.append(samples.size / RATE_HZ)
        whole = super().transcribe(samples[: 10 * RATE_HZ], language, prompt=prompt, continues=continues)
        return replace(whole, end=10.0) if samples.size > 10 * RATE_HZ else whole


def test_the_rest_of_a_window_is_transcribed_with_what_follows(english: list[Sentence]) -> None:
    engine = Impatient()
    sound = recording(placed_every(60, 2.5, english), seconds=60)
    reached: list[float] = []
    recognition = recognize(engine, sound, language="en", is_last=True, is_forced=True, on_progress=reached.append)
    assert sum(engine.heard) == pytest.approx(reached[-1] - recognition.cues[0].start, abs=0.5)
    assert max(engine.given) <= 29.5
    assert engine.given[1] > 20.0


def test_the_text_before_is_the_context_unless_long_ago(english: list[Sentence]) -> None:
    engine = Impatient()
    sound = recording([*placed_every(20, 2.5, english), (30.0, english[0])], seconds=34)
    recognize(engine, sound, language="en", is_last=True, is_forced=True)
    assert engine.continued[:2] == [False, True]
    assert not engine.continued[-1]


def test_each_window_has_its_language_and_the_video_that_of_most(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    sound = recording(placed_every(90, 3.0, english), seconds=90)
    for part, peak in ((sound[: 30 * RATE_HZ], 0.4), (sound[30 * RATE_HZ :], 0.9)):
        part *= peak / float(np.abs(part).max())
    path = write_wav(tmp_path / "talk.wav", sound)
    job = queued(library, probe_of(90.0))
    transcribe_video(library, job, path, probe_of(90.0), engine=Polyglot(), ffmpeg=tool)
    heard = said(library, job)
    assert {passage.language for passage in heard if passage.end < 24.0} == {"en"}
    assert {passage.language for passage in heard if passage.start > 36.0} == {"es"}
    video = videos.get(library, job.video_id)
    assert video is not None
    assert video.language == "es"


def test_a_language_that_was_given_is_not_detected(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording(placed_every(60, 6, english), seconds=60))
    job = queued(library, probe_of(60.0))
    engine = Polyglot()
    options = SpeechOptions(language="de", vocabulary="Marlene")
    transcribe_video(library, job, path, probe_of(60.0), engine=engine, ffmpeg=tool, options=options)
    assert (engine.calls, set(engine.asked), set(engine.prompts)) == (0, {"de"}, {"Marlene."})


def test_the_prompt_of_whisper_contains_names_of_the_library(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    video_id, (scene,) = add_video(library, "party", ["Odile dances."])
    tags = [VideoTag(TagKind.PERSON, "odile", (scene,))]
    understanding.store_tags(library, video_id, tags, event_type="party", excitement=None)
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, english[0])], seconds=5))
    engine = Scripted()
    job = queued(library, probe_of(5.0))
    options = SpeechOptions(vocabulary="Marlene")
    transcribe_video(library, job, path, probe_of(5.0), engine=engine, ffmpeg=tool, options=options)
    assert engine.prompts == ["Marlene, Odile."]


def test_a_language_that_whisper_does_not_know_is_detected(whisper: Whisper, english: list[Sentence]) -> None:
    sound = recording([(0.5, english[0])], seconds=3)
    assert [cue.text for cue in whisper.transcribe(sound, "xx").cues] == [english[0].text]


def stereo_wav(path: Path, left: Samples, right: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        both = np.stack([left, right], axis=1)
        file.writeframes((np.clip(both, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def test_a_speaker_in_each_channel_is_heard_apart(
    library: Library, whisper: Whisper, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    left = recording([(1.0, english[0]), (12.0, english[2])], seconds=20)
    right = recording([(1.4, english[1])], seconds=20)
    path = stereo_wav(tmp_path / "call.wav", left, right)
    job = queued(library, probe_of(20.0, tracks=[STEREO]))
    transcribe_video(library, job, path, probe_of(20.0, tracks=[STEREO]), engine=whisper, ffmpeg=tool)
    heard = said(library, job)
    assert [passage.text for passage in heard] == [english[number].text for number in (0, 1, 2)]
    channels = [f"listen-2, track 0, {channel}" for channel in ("left", "right", "left")]
    assert [passage.prompt_version for passage in heard] == channels


@pytest.mark.parametrize("delay", [0, 160])
def test_the_same_speaker_in_both_channels_is_heard_once(
    library: Library, whisper: Whisper, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence], delay: int
) -> None:
    left = recording([(1.0, english[0]), (8.0, english[2])], seconds=14)
    right = np.roll(left, delay) * 0.5 if delay else -left
    path = stereo_wav(tmp_path / "talk.wav", left, right)
    job = queued(library, probe_of(14.0, tracks=[STEREO]))
    transcribe_video(library, job, path, probe_of(14.0, tracks=[STEREO]), engine=whisper, ffmpeg=tool)
    assert [passage.text for passage in said(library, job)] == [english[0].text, english[2].text]


@pytest.mark.parametrize(("number", "expected"), [(None, 2), (3, 3), (9, 2)])
def test_the_first_track_with_speech_is_heard_and_any_on_demand(
    library: Library,
    whisper: Whisper,
    tool: ffmpeg.Ffmpeg,
    tmp_path: Path,
    english: list[Sentence],
    number: int | None,
    expected: int,
) -> None:
    placed: list[list[tuple[float, Sentence]]] = [[], [(2.0, english[2])], [(1.0, english[0])]]
    files = [write_wav(tmp_path / f"{n}.wav", recording(items, seconds=6)) for n, items in enumerate(placed)]
    path = tmp_path / "three.mkv"
    inputs = [part for file in files for part in ("-i", str(file))]
    maps = [part for n in range(3) for part in ("-map", str(n))]
    argv = [tool.path, "-v", "error", *inputs, *maps, "-c", "copy", str(path)]
    assert process.run(argv, timeout=60).returncode == 0
    tracks = [AudioTrack(n, "pcm", "eng", default=n == 0, channels=1, rate_hz=RATE_HZ) for n in range(3)]
    probe = probe_of(6.0, tracks=tracks)
    job = queued(library, probe)
    options = SpeechOptions(track=number)
    heard = transcribe_video(library, job, path, probe, engine=whisper, ffmpeg=tool, options=options)
    assert [passage.text for passage in said(library, job)] == [placed[expected - 1][0][1].text]
    choice = describe_choice(probe, heard.track)
    assert choice is not None
    assert choice.startswith(f"transcribed audio track {expected} (eng); not 1 (eng), ")


def test_a_file_with_one_track_has_no_choice() -> None:
    assert describe_choice(probe_of(6.0), probe_of(6.0).audio[0]) is None
