"""Speech becomes passages, window by window: real whisper.cpp, real sound, a real library."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.speech import RATE_HZ, Samples, Sentence, probe_of, recording, sentences, write_wav
from tests.support.transcription import Scripted, claimed, placed_every, queued, said
from vidlocal import process
from vidlocal.engines.base import Speech
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.enrich.workers.speech_source import SpeechOptions
from vidlocal.enrich.workers.transcribe import STEP, transcribe_video
from vidlocal.errors import MediaError
from vidlocal.media import ffmpeg
from vidlocal.records import AudioTrack, Cue, Job, JobKind, JobState, Passage, PassageKind, Word
from vidlocal.search.run import search
from vidlocal.store.content import passages, speech_drafts, stale, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs


@pytest.mark.parametrize("window_s", [20.0, 31.7])
def test_recording_across_windows_is_transcribed_whole(
    library: Library, whisper: Whisper, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence], window_s: float
) -> None:
    # Borders fall into sentences again and again. The test model does not know longer texts than these.
    placed = placed_every(70.0, 5.6, english)
    path = write_wav(tmp_path / "talk.wav", recording(placed, seconds=70.0))
    probe = probe_of(70.0)
    job = queued(library, probe)
    shares: list[float] = []
    heard = transcribe_video(
        library, job, path, probe, engine=whisper, ffmpeg=tool, window_s=window_s, on_progress=shares.append
    )
    found = said(library, job)
    assert [passage.text for passage in found] == [sentence.text for _, sentence in placed]
    assert [passage.start for passage in found] == pytest.approx([at for at, _ in placed], abs=0.3)
    assert [passage.end for passage in found] == pytest.approx(
        [at + sentence.end - sentence.start for at, sentence in placed], abs=0.4
    )
    assert (heard.passages, heard.language) == (len(placed), "en")
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0, abs=0.1)


def test_passages_name_their_model_and_track(
    library: Library, whisper: Whisper, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, english[0])], seconds=5.0))
    probe = probe_of(5.0)
    job = queued(library, probe)
    heard = transcribe_video(library, job, path, probe, engine=whisper, ffmpeg=tool)
    (passage,) = said(library, job)
    assert (passage.kind, passage.engine, passage.model, passage.language) == (
        "speech", "whisper.cpp", "vidlocal-test", "en",
    )  # fmt: skip
    assert passage.prompt_version == "listen-2, track 0"
    assert heard.track == probe.audio[0]
    row = library.row("SELECT digest FROM passages")
    assert row is not None
    assert row["digest"] == whisper.digest
    video = videos.get(library, job.video_id)
    assert video is not None
    assert video.language == "en"
    assert jobs.counts(library)[JobKind.TRANSCRIBE, JobState.DONE] == 1


class Better(Scripted):
    """Another model, with times of words."""

    name = "better"
    digest = "b" * 64

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        speech = super().transcribe(samples, language, prompt=prompt)
        return Speech(language, tuple(replace(cue, words=(Word("piece", 0.0, 0.5),)) for cue in speech.cues))


class Concert(Scripted):
    """Hears speech in the first half of a minute only, and applause everywhere."""

    def has_speech(self, samples: object) -> bool:
        self.gated += 1
        return self.gated == 1

    def __init__(self) -> None:
        super().__init__()
        self.gated = 0

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        speech = super().transcribe(samples, language, prompt=prompt)
        return Speech(language, speech.cues, (Cue(0.0, samples.size / RATE_HZ, "applause", language, 0.5),))


def test_sounds_are_passages_of_their_own_and_noise_has_no_words(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    # Two sentences, and later loud noise that swells.
    sound = recording([(1.0, english[0]), (8.0, english[1])], seconds=30)
    times = np.arange(12 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(2).normal(0, 0.1, times.size) * (1 + np.sin(2 * np.pi * 2 * times))
    sound[16 * RATE_HZ : 28 * RATE_HZ] += noise.astype(np.float32)
    path = write_wav(tmp_path / "concert.wav", sound)
    job = queued(library, probe_of(30.0))
    transcribe_video(library, job, path, probe_of(30.0), engine=Concert(), ffmpeg=tool)
    stored = [(passage.kind, passage.text) for passage in said(library, job)]
    assert stored == [("sound", "applause"), ("speech", "piece 1"), ("sound", "applause")]
    noise_passage = said(library, job)[-1]
    assert (noise_passage.start, noise_passage.end) == pytest.approx((16.0, 28.0), abs=0.5)


def test_the_language_is_decided_once_per_video(library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path) -> None:
    spoken = sentences("boda-es")
    path = write_wav(tmp_path / "talk.wav", recording(placed_every(60, 9, spoken), seconds=60))
    probe = probe_of(60.0)
    engine = Scripted()
    transcribe_video(library, queued(library, probe), path, probe, engine=engine, ffmpeg=tool, window_s=20.0)
    assert set(engine.asked) == {"es"}


def translated(
    library: Library, tool: ffmpeg.Ffmpeg, path: Path, job: Job, *, translate: bool
) -> list[tuple[str, ...]]:
    """Transcribe half a minute in Spanish. Returns kind, language and text of the passages."""
    options = SpeechOptions(translate=translate)
    transcribe_video(library, job, path, probe_of(30.0), engine=Scripted(), ffmpeg=tool, options=options)
    return [(passage.kind, passage.language or "", passage.text) for passage in said(library, job)]


def test_speech_in_other_languages_is_translated_if_asked_for(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, sentences("boda-es")[0])], seconds=30))
    speech, translation = ("speech", "es", "piece 1"), ("translation", "en", "translated from es")
    job = queued(library, probe_of(30.0))
    assert translated(library, tool, path, job, translate=False) == [speech]
    assert stale.untranslated(library) == (job.video_id,)

    speech_drafts.request(library, job.video_id)
    assert translated(library, tool, path, claimed(library), translate=True) == [speech, translation]
    assert stale.untranslated(library) == ()
    video = videos.get(library, job.video_id)
    assert video is not None
    assert video.language == "es"
    found = search(library, "kind:translation lang:en translated").moments
    assert [moment.text for moment in found] == ["translated from es"]

    (original,) = passages.of_video(library, job.video_id, [PassageKind.SPEECH])
    passages.rewrite(library, original, "By hand.")
    speech_drafts.request(library, job.video_id)
    corrected = translated(library, tool, path, claimed(library), translate=True)
    assert corrected == [("speech", "es", "By hand."), translation]
    speech_drafts.request(library, job.video_id)
    assert translated(library, tool, path, claimed(library), translate=False) == corrected[:1]


def test_english_is_not_translated(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, english[0])], seconds=5))
    job = queued(library, probe_of(5.0))
    options = SpeechOptions("en", translate=True)
    transcribe_video(library, job, path, probe_of(5.0), engine=Scripted(), ffmpeg=tool, options=options)
    assert [passage.kind for passage in said(library, job)] == [PassageKind.SPEECH]
    assert stale.untranslated(library) == ()


def test_ten_minutes_of_silence_hold_no_passage(
    library: Library, whisper: Whisper, tool: ffmpeg.Ffmpeg, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "quiet.wav", recording([], seconds=600))
    probe = probe_of(600.0)
    job = queued(library, probe)
    assert transcribe_video(library, job, path, probe, engine=whisper, ffmpeg=tool).passages == 0
    assert said(library, job) == []
    assert jobs.counts(library) == {(JobKind.TRANSCRIBE, JobState.DONE): 1}


def test_a_stopped_run_goes_on_after_its_last_window_without_doubles(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording(placed_every(100, 6, english), seconds=100))
    probe = probe_of(100.0)
    job = queued(library, probe)
    undisturbed = Scripted()
    transcribe_video(library, job, path, probe, engine=undisturbed, ffmpeg=tool, window_s=25.0)
    whole = [(passage.start, passage.end) for passage in said(library, job)]
    videos.remove(library, job.video_id)

    job = queued(library, probe)
    stopped = Scripted(fail_at=9, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        transcribe_video(library, job, path, probe, engine=stopped, ffmpeg=tool, window_s=25.0)
    until = checkpoints.get(library, job.video_id, STEP)
    assert 0 < until < 100
    assert all(passage.end <= until for passage in said(library, job))
    assert said(library, job)
    job = claimed(library)
    second = Scripted()
    transcribe_video(library, job, path, probe, engine=second, ffmpeg=tool, window_s=25.0)
    assert [(passage.start, passage.end) for passage in said(library, job)] == whole
    assert len(stopped.heard) + len(second.heard) < 2 * len(undisturbed.heard)
    assert set(second.asked) == {"es"}


def test_listening_twice_changes_nothing(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, english[0])], seconds=5.0))
    probe = probe_of(5.0)
    job = queued(library, probe)
    transcribe_video(library, job, path, probe, engine=Scripted(), ffmpeg=tool)
    before = said(library, job)
    again = Scripted()
    assert transcribe_video(library, job, path, probe, engine=again, ffmpeg=tool).passages == 0
    assert said(library, job) == before
    assert again.heard == []


def test_sound_longer_than_the_picture_is_heard_and_shorter_sound_ends_quietly(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, english[0]), (51.0, english[1])], seconds=55))
    for number, duration in enumerate((10.0, 55.0, 300.0)):
        probe = probe_of(duration)
        engine = Scripted()
        job = queued(library, probe)
        transcribe_video(library, job, path, probe, engine=engine, ffmpeg=tool, window_s=40.0)
        assert len(engine.heard) == 2, number
        assert checkpoints.get(library, job.video_id, STEP) >= duration
        videos.remove(library, job.video_id)


def test_a_video_without_sound_is_done_at_once(library: Library, tool: ffmpeg.Ffmpeg) -> None:
    probe = probe_of(10.0, tracks=[])
    job = queued(library, probe)
    heard = transcribe_video(library, job, Path("/nowhere.mp4"), probe, engine=Scripted(), ffmpeg=tool)
    assert (heard.passages, heard.track) == (0, None)
    assert jobs.counts(library) == {(JobKind.TRANSCRIBE, JobState.DONE): 1}


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"no sound at all"), lambda path: None])
def test_unreadable_sound_has_a_reason_and_keeps_the_job(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = tmp_path / "broken.wav"
    make(path)
    job = queued(library, probe_of(10.0))
    with pytest.raises(MediaError, match=r"broken\.wav"):
        transcribe_video(library, job, path, probe_of(10.0), engine=Scripted(), ffmpeg=tool)
    assert jobs.counts(library) == {(JobKind.TRANSCRIBE, JobState.RUNNING): 1}


def test_the_default_track_is_the_one_listened_to(
    library: Library, whisper: Whisper, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    silent = write_wav(tmp_path / "silent.wav", recording([], seconds=6))
    spoken = write_wav(tmp_path / "spoken.wav", recording([(2.0, english[2])], seconds=6))
    path = tmp_path / "two.mkv"
    argv = [tool.path, "-v", "error", "-i", str(silent), "-i", str(spoken), "-map", "0", "-map", "1", "-c", "copy"]
    assert process.run([*argv, str(path)], timeout=60).returncode == 0
    tracks = [AudioTrack(index, "pcm", None, default=index == 1, channels=1, rate_hz=RATE_HZ) for index in (0, 1)]
    probe = probe_of(6.0, tracks=tracks)
    job = queued(library, probe)
    assert transcribe_video(library, job, path, probe, engine=whisper, ffmpeg=tool).track == tracks[1]
    (passage,) = said(library, job)
    assert passage.text == english[2].text
    assert passage.start == pytest.approx(2.0, abs=0.3)
    assert passage.prompt_version == "listen-2, track 1"


def test_a_video_removed_while_it_is_transcribed_leaves_no_passage(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording([(1.0, english[0])], seconds=8.0))
    job = queued(library, probe_of(8.0))

    def remove(fraction: float) -> None:
        videos.remove(library, job.video_id)

    result = transcribe_video(library, job, path, probe_of(8.0), engine=Scripted(), ffmpeg=tool, on_progress=remove)
    assert result.passages == 0
    assert library.number("SELECT count(*) FROM passages") == 0


def test_a_new_transcript_replaces_the_old_one_when_it_is_whole(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording(placed_every(100, 6, english), seconds=100))
    probe = probe_of(100.0)
    job = queued(library, probe)
    old = Scripted()
    transcribe_video(library, job, path, probe, engine=old, ffmpeg=tool, window_s=25.0)
    note = Passage(2.0, 3.0, PassageKind.NOTE, "a note", engine=passages.BY_HAND)
    passages.add(library, job.video_id, [note])
    corrected = said(library, job)[2]
    passages.rewrite(library, corrected, "as I corrected it")
    before = said(library, job)

    speech_drafts.request(library, job.video_id)
    broken = Better(fail_at=9, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        transcribe_video(library, claimed(library), path, probe, engine=broken, ffmpeg=tool, window_s=25.0)
    assert said(library, job) == before
    again = Better()
    job = claimed(library)
    transcribe_video(library, job, path, probe, engine=again, ffmpeg=tool, window_s=25.0)
    after = said(library, job)
    assert len(broken.heard) + len(again.heard) <= len(old.heard) + 1
    models = [passage.model for passage in after if passage.kind == "speech"]
    assert models.count("better") == len(models) - 1
    assert [passage.text for passage in after if passage.engine == passages.BY_HAND] == ["a note", "as I corrected it"]
    assert not speech_drafts.is_requested(library, job.video_id)
    assert library.number("SELECT count(*) FROM speech_drafts") == 0
    assert library.number("SELECT count(*) FROM word_times") == len(models) - 1


def test_a_draft_of_another_model_is_thrown_away(
    library: Library, tool: ffmpeg.Ffmpeg, tmp_path: Path, english: list[Sentence]
) -> None:
    path = write_wav(tmp_path / "talk.wav", recording(placed_every(100, 6, english), seconds=100))
    probe = probe_of(100.0)
    job = queued(library, probe)
    transcribe_video(library, job, path, probe, engine=Scripted(), ffmpeg=tool, window_s=25.0)
    speech_drafts.request(library, job.video_id)
    stopped = Scripted(fail_at=9, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        transcribe_video(library, claimed(library), path, probe, engine=stopped, ffmpeg=tool, window_s=25.0)
    job = claimed(library)
    transcribe_video(library, job, path, probe, engine=Better(), ffmpeg=tool, window_s=25.0)
    assert {passage.model for passage in said(library, job)} == {"better"}
    assert said(library, job)[0].start < 2.0


def test_only_transcripts_of_other_models_are_stale_or_weak(library: Library) -> None:
    job = queued(library, probe_of(10.0))
    assert stale.stale_transcripts(library, "base", "listen-2") == ()
    speech = Passage(
        1.0, 2.0, PassageKind.SPEECH, "hello", engine="whisper.cpp", model="base", prompt_version="listen-2, track 0",
        confidence=0.4,
    )  # fmt: skip
    passages.add(library, job.video_id, [speech], digest="d" * 64)
    assert stale.stale_transcripts(library, "base", "listen-2") == ()
    assert stale.stale_transcripts(library, "small", "listen-2") == (job.video_id,)
    assert stale.stale_transcripts(library, "base", "listen-3") == (job.video_id,)
    assert stale.stale_transcripts(library, "small", "listen-2", [job.video_id + 1]) == ()
    assert stale.weak_transcripts(library, "base") == ()
    assert stale.weak_transcripts(library, "small") == (job.video_id,)
