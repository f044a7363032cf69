"""Models of the servers in the settings, and the use of each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from vidlocal.app.servers.connections import connect
from vidlocal.engines.base import ModelInfo
from vidlocal.errors import EngineError
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind, ServerSetting
from vidlocal.text import full_model_name

_ROLES = {"captions": Role.DESCRIBE, "text": Role.TEXT, "embedding": Role.EMBED}


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model of a server. `uses`: captions, text, embedding; `capabilities`: None if the server does not tell."""

    name: str
    size_bytes: int
    capabilities: tuple[str, ...] | None
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerModels:
    """A server with its models; `error`: a sentence for an unusable server. `missing`: configured, not installed."""

    kind: str
    address: str
    version: str
    models: tuple[ListedModel, ...]
    missing: tuple[str, ...]
    error: str | None = None


def list_server_models(settings: Settings) -> list[ServerModels]:
    """Ask all servers of the settings for their models."""
    return [_ask(server, settings) for server in settings.model_servers if server.roles & {*_ROLES.values()}]


def _ask(chosen: ServerSetting, settings: Settings) -> ServerModels:
    names = {
        "captions": chosen.vision_model or settings.vision_model,
        "text": chosen.text_model or settings.text_model,
        "embedding": chosen.embed_model or settings.embed_model,
    }
    configured = {use: name for use, name in names.items() if _ROLES[use] in chosen.roles}
    with ExitStack() as stack:
        try:
            server = stack.enter_context(connect(settings, chosen))
            version, models = server.version(), server.models()
        except EngineError as error:
            return ServerModels(chosen.kind, chosen.url, "", (), tuple(configured.values()), str(error))
    installed = {model.name for model in models}
    only_one = chosen.kind is ServerKind.PLUGIN or (chosen.kind is not ServerKind.OLLAMA and len(models) == 1)
    missing = (
        () if only_one else tuple(name for name in configured.values() if not installed & {name, full_model_name(name)})
    )
    return ServerModels(chosen.kind, chosen.url, version, tuple(_served(models, configured)), missing)


def _served(models: Sequence[ModelInfo], chosen: Mapping[str, str]) -> Iterator[ListedModel]:
    for model in models:
        uses = tuple(use for use, name in chosen.items() if model.name in (name, full_model_name(name)))
        yield ListedModel(model.name, model.size_bytes, model.capabilities, uses)
