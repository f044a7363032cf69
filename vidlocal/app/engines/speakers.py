"""The models for speakers, if installed."""

from contextlib import ExitStack

from vidlocal.engines.base import DiarizationEngine
from vidlocal.engines.speakers.speaker_files import speaker_models
from vidlocal.errors import EngineError, SettingsError
from vidlocal.records import JobKind
from vidlocal.settings import Settings
from vidlocal.store.content import voices
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

FORBIDDEN = "Speakers are not told apart: recognize_speakers is false. Run: vidlocal config recognize_speakers true"


def open_diarizer(stack: ExitStack, settings: Settings) -> DiarizationEngine | str:
    """Open the engine, closed with `stack`; or return a sentence with the reason and the command to run.

    The child process starts with the first call, so this only checks the files.
    """
    if not settings.recognize_speakers:
        return FORBIDDEN
    try:
        models = speaker_models(settings.models_folder)
    except EngineError as error:  # an optional extra
        return str(error)
    from vidlocal.engines.speakers.diarizer import Diarizer

    return stack.enter_context(Diarizer(models))


def queue_unheard(library: Library, settings: Settings, *, required: bool = False) -> None:
    """Queue videos with speech for diarization by the installed models; none if disabled in the settings.

    Raises ModelMissing or EngineError if the models are not installed and `required`, SettingsError if it is forbidden.
    """
    if not settings.recognize_speakers:
        if required:
            raise SettingsError(FORBIDDEN)
        jobs.remove_queued(library, JobKind.SPEAKERS)
        return
    try:
        models = speaker_models(settings.models_folder)
    except EngineError:
        if required:
            raise
        return
    voices.queue_missing(library, models.key)
