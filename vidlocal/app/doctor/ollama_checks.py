"""Checks of an Ollama server and its models."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidlocal.app.doctor.check import SETUP, Check, CheckState
from vidlocal.app.setup.ollama_parts import CustomPart
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing, VidlocalError
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role
from vidlocal.store.database import FILE_NAME, Library
from vidlocal.store.history import facts
from vidlocal.text import format_size

if TYPE_CHECKING:
    from vidlocal.engines.base import Capability
    from vidlocal.engines.ollama.server import Ollama

VISION_MODEL = "vision model"
# Loading an embedding model takes some seconds.
_MAX_EMBED_S = 20.0
# Ollama 0.6.4 added capabilities to /api/show.
_MIN_CAPABILITIES_VERSION = (0, 6, 4)


def check_ollama(loaded: Settings, roles: frozenset[Role]) -> Iterator[Check]:
    """Check the server and the models of its roles.

    An unreachable server gives a single line, not four.
    """
    from vidlocal.engines.ollama.server import Ollama
    from vidlocal.engines.ollama.transport import Timeouts

    try:
        timeouts = Timeouts(connect=1.0, small=1.5, first_byte=_MAX_EMBED_S, total=_MAX_EMBED_S)
        with Ollama(loaded.ollama_host, allow_remote=loaded.allow_remote_host, timeouts=timeouts) as server:
            version = server.version()
            yield from _server(server, version)
            if {Role.DESCRIBE, Role.WATCH} & roles:
                yield _model(server, VISION_MODEL, loaded.vision_model, "vision")
                yield _multi_image(server, loaded)
            if Role.TEXT in roles:
                yield _model(server, "text model", loaded.text_model, "completion", f"{SETUP} --text")
            if Role.EMBED in roles:
                yield _embedding_model(server, loaded)
            if Role.DESCRIBE in roles:
                yield _custom(server, loaded)
    except VidlocalError as error:
        is_unreachable = isinstance(error, EngineUnreachable)
        fix = (
            "ollama serve; not installed: https://ollama.com/download"
            if is_unreachable
            else "vidlocal config ollama_host"
        )
        yield Check("Ollama server", CheckState.MISSING, str(error), fix)


def _server(server: "Ollama", version: str) -> Iterator[Check]:
    from vidlocal.engines.host_policy import is_loopback

    result = f"{version} at {server.host}"
    if not is_loopback(server.host):
        name = urlsplit(server.host).hostname
        yield Check(
            "Ollama server", CheckState.WARNING, f"{result}; frames are sent to {name}", "vidlocal config ollama_host"
        )
    elif _version_tuple(version) < _MIN_CAPABILITIES_VERSION:
        result += " is too old to report model capabilities"
        yield Check("Ollama server", CheckState.WARNING, result, "Update Ollama: https://ollama.com/download")
    else:
        yield Check("Ollama server", CheckState.OK, result)
    cloud = server.cloud_enabled()
    if cloud is False:
        yield Check("hosted models", CheckState.OK, "disabled on the server")
    else:
        result = "enabled on the server" if cloud else "unknown: the server is too old to report it"
        fix = "Start the server with OLLAMA_NO_CLOUD=1 (vidlocal never uses hosted models)"
        yield Check("hosted models", CheckState.WARNING, result, fix)


def _model(server: "Ollama", part: str, name: str, needs: "Capability", fix: str = SETUP) -> Check:
    try:
        model = server.preflight(name, needs)
    except ModelMissing as error:
        other = server.installed_vision_model() if needs == "vision" else None
        fix += f", or: vidlocal config vision_model {other}" if other else ""
        return Check(part, CheckState.MISSING, str(error), fix)
    except EngineError as error:
        return Check(part, CheckState.MISSING, str(error), fix)
    if model.capabilities is None:
        return Check(
            part, CheckState.WARNING, f"{model.name}; the server does not report capabilities", "Update Ollama."
        )
    return Check(
        part,
        CheckState.OK,
        f"{model.name}, {format_size(model.size_bytes)}; capabilities: {', '.join(model.capabilities)}",
    )


def _embedding_model(server: "Ollama", loaded: Settings) -> Check:
    """Check the embedding model with a single word: the cheapest proof of a working server."""
    from vidlocal.engines.base import RunnerFailed
    from vidlocal.engines.prompts.vision_prompts import embed_options

    check = _model(server, "embedding model", loaded.embed_model, "embedding")
    if check.state is CheckState.MISSING:
        return check
    options = embed_options(on_gpu=loaded.embed_on_gpu)
    try:
        server.embed(loaded.embed_model, ["test"], options=options, keep_alive=loaded.keep_alive)
    except RunnerFailed as error:
        result = f"the engine of the server fails: {error}"
        return Check(check.part, CheckState.MISSING, result, "Restart Ollama; if that does not help, reinstall it.")
    except EngineError as error:
        return Check(check.part, CheckState.WARNING, f"{check.result}; no answer now: {error}", "ollama ps")
    return check


def _multi_image(server: "Ollama", loaded: Settings) -> Check:
    """Report the stored result of the multi-image probe."""
    part = "multiple images"
    try:
        digest = server.digest(loaded.vision_model)
    except EngineError:
        return Check(part, CheckState.OK, "unknown without the vision model")
    stored = None
    if (loaded.home / FILE_NAME).exists():
        with Library.open(loaded.home) as library:
            stored = facts.get(library, facts.multi_image_key(digest))
    if stored is None:
        return Check(part, CheckState.OK, f"{loaded.vision_model} is not tested yet; enrich tests it")
    if stored == facts.NO:
        return Check(part, CheckState.OK, f"{loaded.vision_model} accepts one: frames are combined on a contact sheet")
    return Check(part, CheckState.OK, f"{loaded.vision_model} accepts several in order, if num_ctx has room for four")


def _custom(server: "Ollama", loaded: Settings) -> Check:
    part = CustomPart(server, loaded.vision_model, loaded.home)
    if part.is_installed():
        return Check("custom model", CheckState.OK, f"{part.name}, based on {part.base}")
    result = f"{part.name}, based on {part.base}, is missing or outdated; enrich works without it"
    return Check("custom model", CheckState.WARNING, result, SETUP)


def _version_tuple(version: str) -> tuple[int, ...]:
    """Parse `0.33.0-rc1` as (0, 33, 0); a development build, 0.0.0, counts as new."""
    numbers = tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdecimal())
    return numbers if any(numbers) else (999,)
