"""Diarization by the real sherpa-onnx with small test models, and with invalid models."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.tones import HIGH_HZ, HIGHEST_HZ, LOW_HZ, place, tones
from vidlocal.engines.speakers.diarizer import Diarizer
from vidlocal.engines.speakers.speaker_files import EMBEDDING, SEGMENTATION, speaker_models
from vidlocal.errors import EngineError, ModelMissing


@pytest.fixture(scope="module")
def diarizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diarizer]:
    with Diarizer(speaker_models(place(tmp_path_factory.mktemp("models")))) as engine:
        yield engine


def test_voices_have_their_turns_and_vectors(diarizer: Diarizer) -> None:
    low, high = diarizer.diarize(tones([(1, 5, LOW_HZ), (6, 11, HIGH_HZ), (12, 15, LOW_HZ)], seconds=16))
    assert list(low.turns) == [pytest.approx((1, 5), abs=0.1), pytest.approx((12, 15), abs=0.1)]
    assert list(high.turns) == [pytest.approx((6, 11), abs=0.1)]
    assert low.seconds == pytest.approx(7, abs=0.2)
    assert float(np.linalg.norm(low.vector)) == pytest.approx(1)
    assert abs(float(low.vector @ high.vector)) < 0.2
    again = diarizer.diarize(tones([(2, 6, LOW_HZ)], seconds=8))
    assert [float(voice.vector @ low.vector) > 0.9 for voice in again] == [True]


def test_two_voices_merged_by_the_segmentation_are_separated(diarizer: Diarizer) -> None:
    first, second = diarizer.diarize(tones([(1, 5, HIGH_HZ), (5.2, 9, HIGHEST_HZ)], seconds=10))
    assert list(first.turns) == [pytest.approx((1, 5), abs=0.6)]
    assert list(second.turns) == [pytest.approx((5.2, 9), abs=0.6)]


@pytest.mark.parametrize("seconds", [0.005, 1.0, 12.0])
def test_silence_has_no_voice(diarizer: Diarizer, seconds: float) -> None:
    assert diarizer.diarize(tones([], seconds=seconds)) == ()


def test_a_voice_too_short_for_a_vector_is_left_out(diarizer: Diarizer) -> None:
    assert diarizer.diarize(tones([(1, 1.4, LOW_HZ)], seconds=3)) == ()


def test_models_that_are_missing_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="Run: vidlocal setup --speakers"):
        speaker_models(tmp_path)


@pytest.mark.parametrize("damaged", [SEGMENTATION, EMBEDDING])
def test_damaged_models_are_an_error_and_the_child_may_start_again(tmp_path: Path, damaged: str) -> None:
    place(tmp_path)
    (tmp_path / damaged).write_bytes(b"<html>not found</html>")
    with Diarizer(speaker_models(tmp_path)) as engine:
        for _ in range(2):
            with pytest.raises(EngineError, match="cannot be loaded"):
                engine.diarize(tones([(0, 2, LOW_HZ)], seconds=2))
        place(tmp_path)
        assert len(engine.diarize(tones([(0, 2, LOW_HZ)], seconds=2))) == 1


def test_other_models_have_another_key(tmp_path: Path) -> None:
    before = speaker_models(place(tmp_path)).key
    (tmp_path / EMBEDDING).write_bytes((tmp_path / EMBEDDING).read_bytes() + b"\0")
    assert speaker_models(tmp_path).key != before
