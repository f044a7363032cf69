"""The real whisper.cpp with a small real model, and with invalid ones."""

import contextlib
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.speech import ASSETS, MODEL, RATE_HZ, decoded, recording, sentences
from vidlocal.engines.models_on_disk import ModelFile, whisper_model
from vidlocal.engines.whisper import Whisper
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


def vad_file(path: Path, bias: float) -> Path:
    """Write a VAD model in the format of whisper.cpp: all weights zero, a constant result by `bias`."""

    def tensor(name: str, shape: tuple[int, ...], *, half: bool, value: float = 0.0) -> bytes:
        label = name.encode()
        head = struct.pack(f"<3i{len(shape)}i", len(shape), len(label), int(half), *shape)
        return head + label + np.full(int(np.prod(shape)), value, dtype="<f2" if half else "<f4").tobytes()

    layers = [(129, 128), (128, 64), (64, 64), (64, 128)]
    data = struct.pack("<2i", 0x67676D6C, 10) + b"silero-16k" + struct.pack("<6i", 6, 2, 0, 512, 64, 4)
    data += b"".join(struct.pack("<3i", inward, outward, 3) for inward, outward in layers)
    data += struct.pack("<4i", 128, 128, 128, 1)
    for number, (inward, outward) in enumerate(layers):
        name = f"_model.encoder.{number}.reparam_conv"
        data += tensor(f"{name}.weight", (3, inward, outward), half=True) + tensor(
            f"{name}.bias", (outward,), half=False
        )
    for name in ("weight_ih", "weight_hh"):
        data += tensor(f"_model.decoder.rnn.{name}", (128, 512), half=False)
    for name in ("bias_ih", "bias_hh"):
        data += tensor(f"_model.decoder.rnn.{name}", (512,), half=False)
    data += tensor("_model.decoder.decoder.2.weight", (128,), half=True)
    data += tensor("_model.decoder.decoder.2.bias", (1,), half=False, value=bias)
    data += tensor("_model.stft.forward_basis_buffer", (256, 1, 258), half=True)
    path.write_bytes(data)
    return path


def test_only_speech_according_to_the_vad_model_is_transcribed(tmp_path: Path) -> None:
    model = whisper_model(str(MODEL), tmp_path)
    sentence = sentences("wedding-en")[0]
    sound = recording([(0.4, sentence)], seconds=3)
    with Whisper(model, vad_file=vad_file(tmp_path / "ggml-silero-deaf.bin", -9.0)) as deaf:
        assert deaf.transcribe(sound, "en").cues == ()
    with Whisper(model, vad_file=vad_file(tmp_path / "ggml-silero-eager.bin", 9.0)) as eager:
        (cue,) = eager.transcribe(sound, "en").cues
        assert cue.text == sentence.text
        assert cue.start == pytest.approx(0.4, abs=0.3)


def test_a_real_model_hears_no_words_in_a_siren(real_whisper: Path) -> None:
    times = np.arange(15 * RATE_HZ) / RATE_HZ
    siren = (0.4 * np.sin(2 * np.pi * (200 + 200 * np.sin(np.pi * times)) * times)).astype(np.float32)
    with Whisper(ModelFile(real_whisper.stem, real_whisper, "0" * 64)) as model:
        assert model.transcribe(siren, "en").cues == ()
