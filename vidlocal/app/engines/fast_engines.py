"""Engines of the fast pass (OCR, speech, image vectors), by the settings."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from vidlocal.app.engines.clip import open_clip
from vidlocal.app.engines.faces import open_face_finder
from vidlocal.app.engines.speakers import open_diarizer
from vidlocal.engines.base import SpeechEngine
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import whisper_model
from vidlocal.enrich.workers.fast_pass import FastEngines
from vidlocal.enrich.workers.speech_source import SpeechOptions
from vidlocal.errors import EngineError, SettingsError
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.languages import language_code
from vidlocal.media.probe.prober import Prober
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerSetting
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.engines.speech.server import SpeechServer


def open_fast_engines(
    stack: ExitStack, settings: Settings, ffmpeg: Ffmpeg, prober: Prober, *, library: Library | None = None
) -> FastEngines:
    """Open the engines of the fast pass; closed with `stack`. Speech stays off without its server or model.

    Faces need the consent stored in `library`.
    """
    reader = stack.enter_context(RapidOcr())
    notes: list[str] = []
    clip, diarizer = open_clip(stack, settings, notify=notes.append), open_diarizer(stack, settings)
    finder = open_face_finder(stack, settings, library)
    engines = FastEngines(
        ffmpeg,
        prober,
        reader,
        None,
        pictures=None if isinstance(clip, str) else clip,
        no_pictures=clip if isinstance(clip, str) else None,
        pictures_note=" ".join(notes),
        speakers=None if isinstance(diarizer, str) else diarizer,
        no_speakers=diarizer if isinstance(diarizer, str) else None,
        people=None if isinstance(finder, str) else finder,
        no_people=finder if isinstance(finder, str) else None,
    )
    try:
        speech = open_speech(stack, settings)
    except EngineError as error:  # missing or damaged: everything else works without it
        return replace(engines, no_speech=f"Not transcribed. {error}")
    return replace(engines, speech=speech, speech_options=speech_options(settings))


def open_speech(stack: ExitStack, settings: Settings) -> SpeechEngine:
    """Open the server with the role speech, else the Whisper model in process."""
    setting = next((server for server in settings.model_servers if Role.SPEECH in server.roles), None)
    if setting is None:
        return stack.enter_context(Whisper(whisper_model(settings.whisper_model, settings.models_folder)))
    return stack.enter_context(open_speech_server(settings, setting))


def open_speech_server(settings: Settings, setting: ServerSetting) -> "SpeechServer":
    """Connect to a speech server with a model. Raises EngineError."""
    from vidlocal.engines.speech.server import SpeechServer

    return SpeechServer(
        setting.url,
        setting.speech_model,
        language_code=language_code,
        allow_remote=settings.allow_remote_host,
        api_key=setting.api_key,
    )


def speech_options(settings: Settings) -> SpeechOptions:
    """Return the wishes for transcriptions. Raises SettingsError for an unknown language."""
    language = language_code(settings.speech_language)
    if settings.speech_language and language is None:
        raise SettingsError(f"Unknown language {settings.speech_language!r}. Examples: de, en, pt-BR.")
    return SpeechOptions(language, settings.audio_track or None, settings.speech_words, settings.translate_speech)
