"""The CLIP model of the settings."""

from contextlib import ExitStack

from vidlocal.engines.base import ClipEngine
from vidlocal.engines.clip_files import clip_model
from vidlocal.errors import EngineError
from vidlocal.settings import Settings
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library


def open_clip(stack: ExitStack, settings: Settings) -> ClipEngine | str:
    """Open the engine, closed with `stack`; or return a sentence with the reason and the command to run.

    The child process starts with the first call, so this only checks the files.
    """
    try:
        model = clip_model(settings.models_folder)
    except EngineError as error:  # an optional extra
        return str(error)
    from vidlocal.engines.clip import ClipEncoder

    return stack.enter_context(ClipEncoder(model))


def queue_frame_vectors(library: Library, settings: Settings, *, required: bool = False) -> None:
    """Queue frames without a vector of the installed model, for videos older than the model.

    Raises ModelMissing or EngineError if the model is not installed and `required`.
    """
    try:
        model = clip_model(settings.models_folder)
    except EngineError:
        if required:
            raise
        return
    frame_vectors.queue_missing(library, model.key)
