"""The real whisper.cpp with a small real model, and with invalid models."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.speech import ASSETS, MODEL, RATE_HZ, decoded, sentences
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import ModelFile, whisper_model
from vidlocal.errors import AnswerRejected, EngineError


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whisper]:
    with Whisper(whisper_model(str(MODEL), tmp_path_factory.mktemp("models"))) as engine:
        yield engine


@pytest.mark.parametrize(("name", "language"), [("wedding-en", "en"), ("boda-es", "es")])
def test_speech_is_transcribed_with_language_and_times(whisper: Whisper, name: str, language: str) -> None:
    speech = whisper.transcribe(decoded(ASSETS / f"{name}.flac"), None)
    expected = sentences(name)
    assert speech.language == language
    assert [cue.text for cue in speech.cues] == [sentence.text for sentence in expected]
    assert [cue.start for cue in speech.cues] == pytest.approx([sentence.start for sentence in expected], abs=0.3)
    assert [cue.end for cue in speech.cues] == pytest.approx([sentence.end for sentence in expected], abs=0.3)
    assert {cue.language for cue in speech.cues} == {language}


def test_only_languages_of_the_model_have_probabilities(whisper: Whisper) -> None:
    probabilities = whisper.language_probabilities(decoded(ASSETS / "boda-es.flac"))
    assert len(probabilities) == 99
    assert max(probabilities, key=lambda code: probabilities[code]) == "es"


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(RATE_HZ), np.zeros(40 * RATE_HZ)])
def test_silence_of_any_length_has_no_transcript(whisper: Whisper, samples: np.ndarray) -> None:
    assert whisper.transcribe(samples.astype(np.float32), "en").cues == ()


def test_calls_before_are_no_context_unless_asked_for(whisper: Whisper) -> None:
    sound = decoded(ASSETS / "wedding-en.flac")
    alone = whisper.transcribe(sound, "en")
    whisper.transcribe(decoded(ASSETS / "boda-es.flac"), "es")
    assert whisper.transcribe(sound, "en") == alone


def test_non_contiguous_samples_are_transcribed_alike(whisper: Whisper) -> None:
    sound = decoded(ASSETS / "wedding-en.flac")
    every_other = np.repeat(sound, 2)[::2]
    assert not every_other.flags.c_contiguous
    assert whisper.transcribe(every_other, "en") == whisper.transcribe(sound, "en")


def test_an_invalid_model_is_named_in_every_error(tmp_path: Path) -> None:
    garbage = tmp_path / "ggml-garbage.bin"
    garbage.write_bytes(os.urandom(700_000))
    with Whisper(ModelFile("garbage", garbage, "0" * 64)) as whisper:
        for _ in range(2):
            with pytest.raises(EngineError, match=r"garbage.*ggml-garbage\.bin.*vidlocal setup"):
                whisper.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")


def test_a_truncated_model_is_named_in_the_error(tmp_path: Path) -> None:
    half = tmp_path / "ggml-half.bin"
    half.write_bytes(MODEL.read_bytes()[:2_600_000])
    with Whisper(whisper_model(str(half), tmp_path)) as whisper, pytest.raises(EngineError, match="half"):
        whisper.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")


def test_a_deleted_model_is_an_error(tmp_path: Path) -> None:
    gone = ModelFile("gone", tmp_path / "gone.bin", "0" * 64)
    with Whisper(gone) as whisper, pytest.raises(EngineError, match="gone"):
        whisper.transcribe(np.zeros(RATE_HZ, dtype=np.float32), None)


def test_exit_ends_the_child_and_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = children()
    with Whisper(whisper_model(str(MODEL), tmp_path)) as whisper:
        whisper.transcribe(decoded(ASSETS / "wedding-en.flac"), None)
    assert capfd.readouterr() == ("", "")
    assert children() == before


def test_a_killed_child_costs_one_answer_only(tmp_path: Path) -> None:
    sound = decoded(ASSETS / "wedding-en.flac")
    with Whisper(whisper_model(str(MODEL), tmp_path)) as whisper:
        before = children()
        first = whisper.transcribe(sound, "en")
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        with pytest.raises(AnswerRejected, match="vidlocal-test crashed"):
            whisper.transcribe(sound, "en")
        assert whisper.transcribe(sound, "en") == first


def children() -> set[int]:
    """Return the process ids of our Whisper children."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    pids = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and "whisper_child" in (folder / "cmdline").read_text():
                pids.add(int(folder.name))
    return pids


def test_a_noise_gate_keeps_speech_and_drops_noise(whisper: Whisper) -> None:
    times = np.arange(6 * RATE_HZ) / RATE_HZ
    beat = 0.5 * np.sin(2 * np.pi * 80 * times) * np.exp(-6 * (times % 0.5))
    chord = sum(0.1 * np.sin(2 * np.pi * pitch * times) for pitch in (220, 277, 330)) * np.exp(-3 * (times % 0.5))
    rustle = np.random.default_rng(1).normal(0, 0.2, times.size) * (1 + np.sin(2 * np.pi * 3 * times))
    for sound in (beat, chord, rustle, np.zeros(0), np.zeros(100)):
        assert not whisper.has_speech(np.asarray(sound, dtype=np.float32))
    for sentence in (*sentences("wedding-en"), *sentences("boda-es")):
        assert whisper.has_speech(sentence.samples)
        assert whisper.has_speech(
            sentence.samples + 0.2 * float(sentence.samples.std()) * rustle[: sentence.samples.size]
        )


def test_the_noise_gate_needs_no_whisper_model(tmp_path: Path) -> None:
    with Whisper(ModelFile("gone", tmp_path / "gone.bin", "0" * 64)) as whisper:
        assert whisper.has_speech(decoded(ASSETS / "wedding-en.flac"))


def test_a_real_model_translates_to_english(real_whisper: Path) -> None:
    sound = np.concatenate([sentence.samples for sentence in sentences("boda-es")[:3]])
    with Whisper(ModelFile(real_whisper.stem, real_whisper, "0" * 64)) as model:
        speech = model.translate(sound, "es")
        assert speech.language == "en"
        text = " ".join(cue.text for cue in speech.cues).casefold()
        assert {"the", "and"} & set(text.split())
        assert all(cue.language == "en" and not cue.words for cue in speech.cues)
        assert model.transcribe(sound, "es").cues[0].language == "es"


def test_a_real_model_hears_no_words_in_a_siren(real_whisper: Path) -> None:
    times = np.arange(15 * RATE_HZ) / RATE_HZ
    siren = (0.4 * np.sin(2 * np.pi * (200 + 200 * np.sin(np.pi * times)) * times)).astype(np.float32)
    with Whisper(ModelFile(real_whisper.stem, real_whisper, "0" * 64)) as model:
        assert model.transcribe(siren, "en").cues == ()
