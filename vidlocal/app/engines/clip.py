"""The model for image vectors: on the server with the role pictures, else CLIP in process."""

import logging
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace

from vidlocal.app.servers.connections import connect
from vidlocal.engines.base import ClipEngine
from vidlocal.engines.clip.clip_files import clip_model
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library

_log = logging.getLogger(__name__)


def open_clip(
    stack: ExitStack, settings: Settings, *, images: bool = True, notify: Callable[[str], None] = _log.info
) -> ClipEngine | str:
    """Open the engine, closed with `stack`; or return a sentence with the reason and the command to run.

    A server with the role pictures comes first. If it answers but has no image embeddings, CLIP takes its place, and
    `notify` gets a sentence; if it is gone, nothing does: vectors of two models would replace each other. `images`
    False: for texts only, without a probe. The child process of CLIP starts with the first call.
    """
    reason = ""
    try:
        served = _open_served(stack, settings, images=images)
        if served is not None:
            return served
    except (EngineUnreachable, EngineBusy) as error:
        return f"Images are not embedded. {error}"
    except EngineError as error:
        reason = str(error)
    try:
        model = clip_model(settings.models_folder)
    except EngineError as error:  # an optional extra
        return f"{reason} {error}".strip()
    if reason:
        notify(f"{reason} CLIP embeds the images instead.")
    from vidlocal.engines.clip.embedder import ClipEncoder

    return stack.enter_context(ClipEncoder(model))


def _open_served(stack: ExitStack, settings: Settings, *, images: bool) -> ClipEngine | None:
    """Open the model of the first server with the role pictures; None without such a server. Raises EngineError."""
    setting = next((server for server in settings.model_servers if Role.PICTURES in server.roles), None)
    if setting is None:
        return None
    from vidlocal.engines.served.images import ServedImages
    from vidlocal.engines.served.json_client import JsonClient

    with connect(settings, setting) as server:
        name = setting.pictures_model or setting.embed_model or settings.embed_model
        model = server.preflight(name, "embedding")
    client = JsonClient(setting.url, allow_remote=settings.allow_remote_host, api_key=setting.api_key)
    engine = ServedImages(stack.enter_context(client), model, kind=setting.kind, keep_alive=settings.keep_alive)
    if images:
        engine.probe()
    return engine


def open_query_clip(stack: ExitStack, settings: Settings, keys: Collection[str]) -> ClipEngine | str:
    """Open the engine of the vectors in the library (`keys`) for queries, if available. As `open_clip`."""
    engine = open_clip(stack, settings, images=False)
    if not isinstance(engine, str) and engine.key not in keys:
        clip = open_clip(stack, replace(settings, servers=()))
        if not isinstance(clip, str) and clip.key in keys:
            return clip
    return engine


def queue_frame_vectors(library: Library, settings: Settings, *, required: bool = False) -> None:
    """Queue frames without a vector of the model, for videos older than the model.

    Raises EngineError if there is no model and `required`.
    """
    with ExitStack() as stack:
        engine = open_clip(stack, settings)
    if not isinstance(engine, str):
        frame_vectors.queue_missing(library, engine.key)
    elif required:
        raise EngineError(engine)
