"""A speech server of ours with the small real Whisper model, in the dialects of real servers.

with FakeSpeech(WHISPER_CPP) as server:
    server.forms[0]["language"]
"""

import io
import json
import threading
import wave
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import numpy as np

from tests.support.speech import MODEL, Samples
from vidlocal.engines.base import Speech
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import whisper_model
from vidlocal.process import SerialThread

Json = dict[str, Any]
_NAMES = {"en": "english", "es": "spanish"}


@dataclass(frozen=True)
class Dialect:
    """Differences between servers.

    `models`: names in /v1/models, None for HTTP 404; `path` of transcriptions. `tokens`: parts of words, in segments;
    `inside`: words in segments, else beside them; `spaced`: words begin with a space; `language`: told in the form of
    this table. `translates`: has translations.
    """

    models: tuple[str, ...] | None = ("Systran/faster-whisper-base",)
    path: str = "/v1/audio/transcriptions"
    tokens: bool = False
    inside: bool = False
    spaced: bool = True
    segments: bool = True
    words: bool = True
    language: str = "code"
    translates: bool = True


WHISPER_CPP = Dialect(models=None, path="/inference", tokens=True, inside=True, language="name")
SPEACHES = Dialect()
OPENAI = Dialect(models=("whisper-1",), spaced=False, language="name")
PARAKEET = Dialect(models=("parakeet-tdt-0.6b-v3",), segments=False, spaced=False, language="", translates=False)
TEXT_ONLY = Dialect(models=("text",), segments=False, words=False, language="", translates=False)
DIALECTS = {
    "whisper.cpp": WHISPER_CPP,
    "speaches": SPEACHES,
    "openai": OPENAI,
    "parakeet": PARAKEET,
    "text only": TEXT_ONLY,
}


class FakeSpeech:
    """The server, listening for as long as the block lasts. `answer` may replace a reply by status and body."""

    def __init__(self, folder: Path, dialect: Dialect = SPEACHES) -> None:
        self.dialect = dialect
        self.forms: list[dict[str, str]] = []
        self.answer: Callable[[], tuple[int, bytes] | None] = lambda: None
        self._folder = folder
        self._thread = SerialThread("whisper of the fake")

    def __enter__(self) -> Self:
        self._whisper = Whisper(whisper_model(str(MODEL), self._folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.submit(self._whisper.__exit__, None, None, None).result()
        self._thread.shutdown()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def transcript(self, form: dict[str, str], audio: bytes) -> Json:
        """Return the reply of this dialect for a WAV file."""
        with wave.open(io.BytesIO(audio)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / np.float32(
                32768
            )
        language = form.get("language", "auto")
        spoken = None if language == "auto" else language
        if form.get("translate") == "true":
            speech = self._thread.submit(self._whisper.translate, samples, spoken or "en").result()
        else:
            speech = self._thread.submit(self._whisper.transcribe, samples, spoken).result()
        return self._reply(speech, samples)

    def _reply(self, speech: Speech, samples: Samples) -> Json:
        dialect, duration = self.dialect, samples.size / 16_000
        reply: Json = {"task": "transcribe", "duration": duration, "text": " ".join(cue.text for cue in speech.cues)}
        if dialect.language:
            code = speech.language or "en"
            reply["language"] = code if dialect.language == "code" else _NAMES.get(code, code)
        if dialect is WHISPER_CPP and "no_language_probabilities" not in self.forms[-1]:
            reply["language_probabilities"] = self._thread.submit(
                self._whisper.language_probabilities, samples
            ).result()
        words = [[_word(word.text, word.start, word.end, dialect) for word in cue.words] for cue in speech.cues]
        if dialect.tokens:
            words = [[token for word in part for token in _tokens(word)] for part in words]
        if dialect.segments:
            reply["segments"] = [
                {"id": number, "start": cue.start, "end": cue.end, "text": f" {cue.text}", "avg_logprob": -0.2}
                | ({"words": part} if dialect.inside else {})
                for number, (cue, part) in enumerate(zip(speech.cues, words, strict=True))
            ]
        if dialect.words and not dialect.inside:
            reply["words"] = [word for part in words for word in part]
        return reply


def _word(text: str, start: float, end: float, dialect: Dialect) -> Json:
    return {"word": f" {text}" if dialect.spaced else text, "start": start, "end": end, "probability": 0.9}


def _tokens(word: Json) -> list[Json]:
    """Divide a word into two tokens, like whisper.cpp for longer words."""
    text, start, end = word["word"], word["start"], word["end"]
    if len(text) < 5:
        return [word]
    middle = (start + end) / 2
    return [word | {"word": text[:3], "end": middle}, word | {"word": text[3:], "start": middle}]


def _handler(fake: FakeSpeech) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """No log."""

        def do_GET(self) -> None:
            models = fake.dialect.models
            if self.path == "/v1/models" and models is not None:
                self.send(200, {"object": "list", "data": [{"id": name} for name in models]})
            elif self.path == "/health":
                self.send(200, {"status": "ok"})
            else:
                self.send(404, {"error": "not found"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            paths = [fake.dialect.path]
            if fake.dialect.translates and fake.dialect.models is not None:
                paths.append("/v1/audio/translations")
            if self.path not in paths:
                self.send(404, {"error": "not found"})
                return
            form = _form(self.headers["Content-Type"], body)
            if "file" not in form:
                self.send(400, {"error": "no 'file' field in the request"})
                return
            audio = form.pop("file")
            fields = {name: value.decode() for name, value in form.items()}
            if self.path.endswith("translations"):
                fields["translate"] = "true"
            fake.forms.append(fields)
            replaced = fake.answer()
            if replaced is not None:
                self.send_body(*replaced)
                return
            self.send(200, fake.transcript(fields, audio))

        def send(self, status: int, reply: Json) -> None:
            self.send_body(status, json.dumps(reply).encode())

        def send_body(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _form(kind: str, body: bytes) -> dict[str, bytes]:
    if not kind.startswith("multipart/form-data"):
        return {}
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    fields: dict[str, bytes] = {}
    for part in message.get_payload():
        assert not isinstance(part, str)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[str(part.get_param("name", header="content-disposition"))] = content
    return fields
