"""Speech recognition on a server with the OpenAI API: whisper.cpp, speaches, parakeet servers.

The server gets windows of up to 30 s as WAV. Whether anybody speaks is decided here, so no silence is sent.
"""

import hashlib
import io
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from vidlocal.engines.arrays import Samples
from vidlocal.engines.base import Speech
from vidlocal.engines.host_policy import check_host, origin
from vidlocal.engines.ollama.transport import GuardedTransport, Timeouts, error_for_status
from vidlocal.engines.openai.build import openai_digest
from vidlocal.engines.speech.hallucination_filter import remove_hallucinations
from vidlocal.engines.speech.reply import Transcript, parse_transcript
from vidlocal.engines.speech.voice_process import VoiceProcess
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing
from vidlocal.sound_remarks import sound_cues

_RATE_HZ = 16_000
_SERVER_NAME = "speech server"
# A large model on a slow machine needs up to ten minutes for 30 s.
TIMEOUTS = Timeouts(first_byte=600.0, between_chunks=60.0, total=660.0)
# Of a transcript of 30 s, with tokens and their times about 50 KB.
_MAX_REPLY_BYTES = 4 << 20
_PATH = "/v1/audio/transcriptions"
_TRANSLATION_PATH = "/v1/audio/translations"
# whisper.cpp's own path, which also translates.
_WHISPER_CPP_PATH = "/inference"
# A server that names no language.
_UNKNOWN_LANGUAGE = {"en": 0.0}
# The language of a window and of the next one is asked for before it is transcribed.
_KEPT_WINDOWS = 4

Json = dict[str, Any]
LanguageCode = Callable[[str | None], str | None]


@dataclass(frozen=True, slots=True)
class _Build:
    """Model of a server, and the path of transcriptions. `is_whisper_cpp`: its own dialect."""

    name: str
    digest: str
    path: str
    is_whisper_cpp: bool


@dataclass(frozen=True, slots=True)
class _Heard:
    """A transcript, with the digest of its samples."""

    window: bytes
    language: str | None
    prompt: str
    transcript: Transcript


class SpeechServer:
    """A SpeechEngine. A context manager.

    `model`: its name on the server; empty for the only one. `language_code` returns the ISO 639-1 code of the name of a
    language. Opening asks the server: raises EngineUnreachable, ModelMissing, or EngineError for another kind of
    server, or another machine unless `allow_remote`.
    """

    kind = "openai"

    def __init__(
        self,
        host: str,
        model: str = "",
        *,
        language_code: LanguageCode,
        allow_remote: bool = False,
        api_key: str | None = None,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        check_host(host, allow_remote=allow_remote)
        self.host = host.rstrip("/").removesuffix("/v1")
        self._language_code = language_code
        self._timeouts = timeouts
        self._voices = VoiceProcess()
        encrypted = self.host.startswith("https")
        self._client = httpx.Client(
            base_url=self.host,
            trust_env=False,
            follow_redirects=False,
            timeout=timeouts.for_models(),
            transport=GuardedTransport(timeouts, local_only=True, encrypted=encrypted, api_key=api_key),
        )
        try:
            self._build = self._probe(model)
        except BaseException:
            self._client.close()
            raise
        self._prompt = ""
        # Of the window before: whisper.cpp tells the probabilities of languages also for audio in a given one.
        self._language: str | None = None
        self._latest: list[_Heard] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._voices.close()

    @property
    def name(self) -> str:
        return self._build.name

    @property
    def digest(self) -> str:
        return self._build.digest

    def has_speech(self, samples: Samples) -> bool:
        """Return True if anybody speaks, by a small model on this machine."""
        return self._voices.has_speech(samples)

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        """Return the languages of a window from a transcript, kept for `transcribe`."""
        spoken: dict[str, float] = {}
        for name, probability in self._listen(samples, None).languages.items():
            code = self._language_code(name)
            if code is not None:
                spoken[code] = max(probability, spoken.get(code, 0.0))
        return spoken or _UNKNOWN_LANGUAGE

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        """Transcribe about 30 s. A `language` of None is detected. `prompt`: likely words.

        `continues` makes no difference: servers keep nothing between calls.
        """
        if language is None:
            probabilities = self.language_probabilities(samples)
            language = max(probabilities, key=lambda code: probabilities[code])
        self._prompt, self._language = prompt, language
        return _speech(self._listen(samples, language), language)

    def translate(self, samples: Samples, language: str) -> Speech:
        """Translate speech to English. Raises EngineError if the server does not translate."""
        fields = {"language": language, "translate": "true"} if self._build.is_whisper_cpp else {}
        path = self._build.path if self._build.is_whisper_cpp else _TRANSLATION_PATH
        try:
            transcript = self._ask(path, samples, fields)
        except ModelMissing as error:
            raise EngineError(
                f"The {_SERVER_NAME} at {origin(self.host)} does not translate. "
                "Run: vidlocal config translate_speech no"
            ) from error
        speech = _speech(transcript, "en")
        return replace(speech, cues=tuple(replace(cue, words=()) for cue in speech.cues))

    # ------------------------------------------------------------ requests

    def _listen(self, samples: Samples, language: str | None) -> Transcript:
        """Transcribe a window, or return its last transcript in the same language."""
        window = hashlib.blake2s(samples.tobytes()).digest()
        for heard in self._latest:
            if heard.window == window and language in (None, heard.language) and heard.prompt == self._prompt:
                return heard.transcript
        fields = {"prompt": self._prompt} if self._prompt else {}
        if self._build.is_whisper_cpp:
            spoken = language or self._language
            fields["language"] = spoken or "auto"  # English without
            if language is not None:  # the detection takes as long as encoding the window once more
                fields["no_language_probabilities"] = "true"
        elif language is not None:
            fields["language"] = spoken = language
        else:
            spoken = None
        transcript = self._ask(self._build.path, samples, fields)
        heard = _Heard(window, spoken or self._detected(transcript), self._prompt, transcript)
        self._latest = [heard, *self._latest][:_KEPT_WINDOWS]
        return transcript

    def _detected(self, transcript: Transcript) -> str | None:
        """Return the most probable language of a transcript."""
        name = max(transcript.languages, key=lambda name: transcript.languages[name], default=None)
        return self._language_code(name) if name else next(iter(_UNKNOWN_LANGUAGE))

    def _ask(self, path: str, samples: Samples, fields: Mapping[str, str]) -> Transcript:
        data: dict[str, object] = {
            "model": self.name,
            "response_format": "verbose_json",
            "temperature": "0.0",
            "timestamp_granularities[]": ["segment", "word"],
            **fields,
        }
        with self._translate_errors():
            response = self._client.post(path, data=data, files={"file": ("audio.wav", _wav(samples), "audio/wav")})
        if response.status_code == 404:
            raise ModelMissing(f"{self.name} is not on the {_SERVER_NAME} at {origin(self.host)}.")
        if response.status_code != 200:
            raise self._status_error(response)
        if len(response.content) > _MAX_REPLY_BYTES:
            raise AnswerRejected(f"{self.name}: the transcript is larger than {_MAX_REPLY_BYTES >> 20} MB.")
        try:
            return parse_transcript(response.json(), samples.size / _RATE_HZ)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise AnswerRejected(
                f"{self.name}: invalid transcript of the {_SERVER_NAME} at {origin(self.host)} "
                f"({type(error).__name__})."
            ) from error

    def _status_error(self, response: httpx.Response) -> EngineError:
        error = error_for_status(
            response.status_code, response.text, model=self.name, host=self.host, server_name=_SERVER_NAME
        )
        return AnswerRejected(str(error)) if isinstance(error, AnswerRejected) else error

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable() from error
        except httpx.TransportError as error:
            if self._is_up():
                raise AnswerRejected(
                    f"{self.name}: no transcript ({type(error).__name__}); the {_SERVER_NAME} at "
                    f"{origin(self.host)} is running."
                ) from error
            raise self._unreachable() from error

    def _is_up(self) -> bool:
        try:
            self._client.get("/health", timeout=self._timeouts.for_metadata())
        except (httpx.TransportError, EngineBusy):
            return False
        return True

    def _unreachable(self) -> EngineUnreachable:
        return EngineUnreachable(f"No {_SERVER_NAME} at {origin(self.host)}. Start it, or correct its address.")

    # ------------------------------------------------------------ properties

    def _probe(self, wanted: str) -> _Build:
        """Ask for the models. whisper.cpp has no list, and transcribes at a path of its own unless told otherwise."""
        status, listing = self._get("/v1/models")
        entries = listing.get("data") if status == 200 else None
        if isinstance(entries, list):
            models = [entry for entry in entries if isinstance(entry, dict) and entry.get("id")]
            entry = self._choose(models, wanted)
            return _Build(str(entry["id"]), openai_digest(entry), _PATH, False)
        status, health = self._get("/health")
        if "status" not in health:
            raise EngineError(f"{origin(self.host)} is no {_SERVER_NAME}. Check the address of the server.")
        name = wanted or "whisper"
        return _Build(name, openai_digest({"id": f"whisper.cpp {name}"}), self._whisper_cpp_path(), True)

    def _choose(self, models: list[Json], wanted: str) -> Json:
        named = [model for model in models if model["id"] == wanted]
        if named or (len(models) == 1 and not wanted):
            return (named or models)[0]
        names = ", ".join(str(model["id"]) for model in models[:8]) or "none"
        missing = f"{wanted} is not on" if wanted else "speech_model is not set for"
        raise ModelMissing(f"{missing} the {_SERVER_NAME} at {origin(self.host)}. Its models: {names}.")

    def _whisper_cpp_path(self) -> str:
        """Return the path of transcriptions: an empty form is refused with HTTP 400 there, elsewhere with 404."""
        with self._translate_errors():
            response = self._client.post(_PATH, data={"response_format": "json"})
        return _WHISPER_CPP_PATH if response.status_code == 404 else _PATH

    def _get(self, path: str) -> tuple[int, Json]:
        """Return status and JSON object of a path, empty for anything else."""
        with self._translate_errors():
            response = self._client.get(path, timeout=self._timeouts.for_metadata())
        if response.status_code in (401, 403):
            raise self._status_error(response)
        try:
            reply = response.json()
        except (ValueError, RecursionError):
            reply = None
        return response.status_code, reply if isinstance(reply, dict) else {}


def _speech(transcript: Transcript, language: str) -> Speech:
    cues = [replace(cue, language=language) for cue in transcript.cues]
    speech = remove_hallucinations(cues)
    return Speech(language if speech else None, speech, sound_cues(cues))


def _wav(samples: Samples) -> bytes:
    """Return samples as a WAV file, 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
