"""The models for faces, subject to installation, settings and consent."""

from contextlib import ExitStack

from vidlocal.engines.base import FaceEngine
from vidlocal.engines.faces.face_files import face_models
from vidlocal.errors import EngineError, SettingsError, UsageError
from vidlocal.records import JobKind
from vidlocal.settings import Settings
from vidlocal.store.content import face_tracks, people
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

FORBIDDEN = "Faces are not searched: recognize_people is false. Run: vidlocal config recognize_people true"
NO_CONSENT = "Faces are not searched in this library before you agree. Run: vidlocal people start"


def open_face_finder(stack: ExitStack, settings: Settings, library: Library | None) -> FaceEngine | str:
    """Open the engine, closed with `stack`; or return a sentence with the reason and the command to run.

    The child process starts with the first call, so this only checks the files.
    """
    try:
        require_people(library, settings)
        models = face_models(settings.models_folder)
    except (EngineError, SettingsError, UsageError) as error:
        return str(error)
    from vidlocal.engines.faces.finder import FaceFinder

    return stack.enter_context(FaceFinder(models))


def require_people(library: Library | None, settings: Settings) -> None:
    """Raise SettingsError if the settings forbid to search faces, UsageError if the user has not agreed yet."""
    if not settings.recognize_people:
        raise SettingsError(FORBIDDEN)
    if library is None or not people.has_consent(library):
        raise UsageError(NO_CONSENT)


def queue_unseen(library: Library, settings: Settings, *, required: bool = False) -> None:
    """Queue videos for face recognition by the installed models; none without permission or consent.

    If `required`, raises SettingsError or UsageError for that, and EngineError if the models are not installed.
    """
    try:
        require_people(library, settings)
        face_tracks.queue_missing(library, face_models(settings.models_folder).key)
    except EngineError:
        if required:
            raise
    except (SettingsError, UsageError):
        if required:
            raise
        jobs.remove_queued(library, JobKind.PEOPLE)
