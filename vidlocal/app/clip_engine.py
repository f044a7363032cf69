"""The model that looks at pictures, opened for a command."""

from contextlib import ExitStack

from vidlocal.engines.base import PictureEngine
from vidlocal.engines.clip_files import picture_model
from vidlocal.errors import EngineError
from vidlocal.settings import Settings
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library


def open_pictures(stack: ExitStack, chosen: Settings) -> PictureEngine | str:
    """The engine, closed with `stack`; or a sentence that says why there is none, and what to run.

    Its child starts with the first call, so this costs a look at the files only.
    """
    try:
        model = picture_model(chosen.models_folder)
    except EngineError as error:  # an extra: everything else can be done without it
        return str(error)
    from vidlocal.engines.clip import PictureVectors

    return stack.enter_context(PictureVectors(model))


def queue_pictures(library: Library, chosen: Settings, *, required: bool = False) -> None:
    """Queue the pictures that the model has not seen, when it is there: videos that came before it was.

    Raises ModelMissing or EngineError when it is not and is `required`.
    """
    try:
        model = picture_model(chosen.models_folder)
    except EngineError:
        if required:
            raise
        return
    frame_vectors.queue_missing(library, model.key)
