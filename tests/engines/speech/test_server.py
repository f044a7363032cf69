"""Speech servers in all dialects, and broken servers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_openai import FakeOpenAi
from tests.support.fake_speech import DIALECTS, SPEACHES, WHISPER_CPP, FakeSpeech
from tests.support.speech import ASSETS, MODEL, RATE_HZ, decoded, sentences
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.speech.reply import parse_transcript
from vidlocal.engines.speech.server import SpeechServer
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import whisper_model
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing
from vidlocal.media.languages import language_code

SHORT = Timeouts(connect=1.0, first_byte=0.5, between_chunks=0.5, total=4.0, small=2.0)


def connect(host: str, model: str = "", **options: Any) -> SpeechServer:
    return SpeechServer(host, model, language_code=language_code, **options)


@pytest.fixture(scope="module", params=list(DIALECTS.values()), ids=list(DIALECTS))
def fake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSpeech]:
    with FakeSpeech(tmp_path_factory.mktemp("models"), request.param) as running:
        yield running


@pytest.fixture
def speaches(tmp_path: Path) -> Iterator[FakeSpeech]:
    with FakeSpeech(tmp_path, SPEACHES) as running:
        yield running


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whisper]:
    with Whisper(whisper_model(str(MODEL), tmp_path_factory.mktemp("models"))) as engine:
        yield engine


def test_a_transcript_is_that_of_the_model_in_process(fake: FakeSpeech, whisper: Whisper) -> None:
    samples = decoded(ASSETS / "wedding-en.flac")
    expected = whisper.transcribe(samples, "en").cues
    with connect(fake.host) as engine:
        heard = engine.transcribe(samples, "en")
    assert heard.language == "en"
    words = [word for cue in heard.cues for word in cue.words]
    if fake.dialect.segments:
        assert [(cue.start, cue.end, cue.text) for cue in heard.cues] == [
            (cue.start, cue.end, cue.text) for cue in expected
        ]
    else:
        assert [cue.text for cue in heard.cues] == [" ".join(cue.text for cue in expected)]
    if fake.dialect.words:
        spoken = [word for cue in expected for word in cue.words]
        assert [word.text for word in words] == [word.text for word in spoken]
        # The server gets samples of 16 bits.
        assert [word.start for word in words] == pytest.approx([word.start for word in spoken], abs=0.05)
        assert [word.end for word in words] == pytest.approx([word.end for word in spoken], abs=0.05)
        assert heard.cues[0].start == pytest.approx(expected[0].start, abs=0.3)


def test_the_language_is_detected_by_the_server(fake: FakeSpeech) -> None:
    with connect(fake.host) as engine:
        probabilities = engine.language_probabilities(decoded(ASSETS / "boda-es.flac"))
        before = len(fake.forms)
        spoken = max(probabilities, key=lambda code: probabilities[code])
        assert spoken == ("es" if fake.dialect.language else "en")
        heard = engine.transcribe(decoded(ASSETS / "boda-es.flac"), spoken)
        assert len(fake.forms) == before  # the transcript came with the language
    assert heard.cues[0].text.startswith(sentences("boda-es")[0].text)


def test_whisper_cpp_is_asked_once_per_window(tmp_path: Path) -> None:
    english, spanish = decoded(ASSETS / "wedding-en.flac"), decoded(ASSETS / "boda-es.flac")
    with FakeSpeech(tmp_path, WHISPER_CPP) as fake, connect(fake.host) as engine:
        for window in (english, english[RATE_HZ:]):
            probabilities = engine.language_probabilities(window, seconds=5.0)
            assert max(probabilities, key=lambda code: probabilities[code]) == "en"
            engine.transcribe(window, "en")
        assert [form["language"] for form in fake.forms] == ["auto", "en"]
        probabilities = engine.language_probabilities(spanish, seconds=5.0)
        assert max(probabilities, key=lambda code: probabilities[code]) == "es"
        heard = engine.transcribe(spanish, "es")
        assert heard.cues[0].text == sentences("boda-es")[0].text
        assert fake.forms[-1]["no_language_probabilities"] == "true"


def test_translations_come_from_servers_that_translate(fake: FakeSpeech) -> None:
    with connect(fake.host) as engine:
        if not fake.dialect.translates:
            with pytest.raises(EngineError, match=r"does not translate\. Run: vidlocal config translate_speech no"):
                engine.translate(decoded(ASSETS / "boda-es.flac"), "es")
            return
        english = engine.translate(decoded(ASSETS / "boda-es.flac"), "es")
    assert all(cue.language == "en" and not cue.words for cue in english.cues)
    assert fake.forms[-1]["translate"] == "true"


def test_the_request_has_the_fields_of_the_openai_api(speaches: FakeSpeech) -> None:
    with connect(speaches.host) as engine:
        engine.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en", prompt="Anna, Tom")
    form = speaches.forms[0]
    assert form["response_format"] == "verbose_json"
    assert (form["model"], form["language"], form["prompt"]) == ("Systran/faster-whisper-base", "en", "Anna, Tom")


def test_silence_is_told_apart_here(speaches: FakeSpeech) -> None:
    with connect(speaches.host) as engine:
        assert engine.has_speech(decoded(ASSETS / "wedding-en.flac"))
        assert not engine.has_speech(np.zeros(RATE_HZ, dtype=np.float32))
    assert speaches.forms == []


def test_a_model_is_chosen_by_name(tmp_path: Path) -> None:
    several = FakeSpeech(tmp_path, type(SPEACHES)(models=("whisper-small", "whisper-large")))
    with several as fake:
        with connect(fake.host, "whisper-large") as engine:
            assert engine.name == "whisper-large"
        with pytest.raises(ModelMissing, match=r"speech_model is not set.*whisper-small, whisper-large"):
            connect(fake.host)
        with pytest.raises(ModelMissing, match="tiny is not on the speech server"):
            connect(fake.host, "tiny")


def test_another_kind_of_server_is_a_sentence() -> None:
    with (
        FakeOpenAi(model="llava:7b") as fake,
        connect(fake.host) as engine,
        pytest.raises(ModelMissing, match="llava:7b is not on the speech server"),
    ):
        engine.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")
    with pytest.raises(EngineUnreachable, match="No speech server at"):
        connect("http://127.0.0.1:9")
    with pytest.raises(EngineError, match="another machine"):
        connect("http://192.0.2.1:80")


WRONG = {
    "no JSON": b"<html>",
    "a list": b"[]",
    "no text": b'{"segments": []}',
    "text of another type": b'{"text": 5}',
    "segments of another type": b'{"text": "x", "segments": 5}',
    "a segment without text": b'{"text": "x", "segments": [{"start": 0}]}',
    "times of another type": b'{"text": "x", "segments": [{"text": "x", "start": "0", "end": []}]}',
    "times that are no numbers": b'{"text": "x", "segments": [{"text": "x", "start": NaN, "end": 1}]}',
    "deep nesting": b"[" * 100_000,
    "a loop": json.dumps({"text": "and so on " * 2_000, "segments": []}).encode(),
}


@pytest.mark.parametrize("body", list(WRONG.values()), ids=list(WRONG))
def test_wrong_shapes_are_a_sentence(speaches: FakeSpeech, body: bytes) -> None:
    speaches.answer = lambda: (200, body)
    with (
        connect(speaches.host) as engine,
        pytest.raises(AnswerRejected, match="invalid transcript of the speech server"),
    ):
        engine.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (lambda: (200, b'{"text": "' + b"x" * (40 << 20) + b'"}'), AnswerRejected, "larger than 4 MB"),
        (lambda: (200, b'{"text": "' + b"x" * (70 << 20) + b'"}'), AnswerRejected, "larger than 64 MB"),
        (lambda: (500, b'{"error": "out of memory"}'), AnswerRejected, "out of memory"),
        (lambda: (503, b"{}"), EngineBusy, "busy"),
        (lambda: (401, b"{}"), EngineError, "access denied"),
        (lambda: (302, b""), EngineError, "redirects"),
    ],
)
def test_faults_are_a_sentence(
    speaches: FakeSpeech, answer: Callable[[], tuple[int, bytes]], error: type[Exception], message: str
) -> None:
    speaches.answer = answer
    with connect(speaches.host) as engine, pytest.raises(error, match=message):
        engine.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")


def test_a_silent_server_is_a_sentence(speaches: FakeSpeech, hanging: Callable[[], tuple[int, bytes]]) -> None:
    speaches.answer = hanging
    with (
        connect(speaches.host, timeouts=SHORT) as engine,
        pytest.raises(AnswerRejected, match=r"no transcript \(ReadTimeout\); the speech server at .* is running"),
    ):
        engine.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")


@pytest.fixture
def hanging() -> Iterator[Callable[[], tuple[int, bytes]]]:
    """An answer later than the end of the test."""
    from threading import Event

    end = Event()

    def wait() -> tuple[int, bytes]:
        end.wait(30)
        return 200, b"{}"

    yield wait
    end.set()


def test_times_stay_within_the_audio() -> None:
    reply = {
        "text": "x y",
        "segments": [{"text": "x y", "start": -3, "end": 99, "words": [{"word": "x", "start": 98, "end": 99}]}],
    }
    [cue] = parse_transcript(reply, 2.0).cues
    assert (cue.start, cue.end) == (0.0, 2.0)
    assert (cue.words[0].start, cue.words[0].end) == (2.0, 2.0)


def test_aligned_tokens_of_whisper_cpp_begin_where_the_last_one_ends() -> None:
    tokens = [
        {"word": " The", "start": 0.0, "end": 0.36, "t_dtw": 84},
        {"word": " bri", "start": 0.61, "end": 0.95, "t_dtw": 102},
        {"word": "de", "start": 0.95, "end": 1.0, "t_dtw": 110},
    ]
    reply = {"text": "The bride", "segments": [{"text": "The bride", "start": 0.2, "end": 1.2, "words": tokens}]}
    [cue] = parse_transcript(reply, 2.0).cues
    assert [(word.text, word.start, word.end) for word in cue.words] == [("The", 0.2, 0.84), ("bride", 0.84, 1.1)]


def test_an_odd_confidence_is_none() -> None:
    segment = {"text": "x", "start": 0, "end": 1, "avg_logprob": "high", "words": [{"word": "x", "probability": 7}]}
    assert parse_transcript({"text": "x", "segments": [segment]}, 2.0).cues[0].confidence is None
