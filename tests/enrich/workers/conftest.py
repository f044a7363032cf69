"""The small speech model, ffmpeg, and sentences known to the model."""

from collections.abc import Iterator

import pytest

from tests.support.speech import MODEL, Sentence, sentences
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import whisper_model
from vidlocal.media import ffmpeg


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whisper]:
    with Whisper(whisper_model(str(MODEL), tmp_path_factory.mktemp("models"))) as engine:
        yield engine


@pytest.fixture(scope="module")
def tool() -> ffmpeg.Ffmpeg:
    return ffmpeg.find_ffmpeg(None)


@pytest.fixture(scope="module")
def english() -> list[Sentence]:
    return sentences("wedding-en")
