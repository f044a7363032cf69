"""Models of the servers in the settings, and the use of each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from vidlocal.engines.backends import backend
from vidlocal.engines.base import ModelInfo
from vidlocal.errors import EngineError
from vidlocal.settings import Settings
from vidlocal.text import full_model_name


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of a server. `uses`: captions, text, embedding; `capabilities`: None if the server does not tell."""

    name: str
    size_bytes: int
    capabilities: tuple[str, ...] | None
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerModels:
    """A server with its models; `error` is a sentence if it cannot be used. `missing`: chosen, not installed."""

    address: str
    version: str
    models: tuple[ServedModel, ...]
    missing: tuple[str, ...]
    error: str | None = None


def list_server_models(settings: Settings) -> list[ServerModels]:
    """Ask all servers of the settings for their models."""
    return [_ask(address, settings) for address in settings.hosts]


def _ask(address: str, settings: Settings) -> ServerModels:
    chosen = {"captions": settings.vision_model, "text": settings.text_model, "embedding": settings.embed_model}
    with ExitStack() as stack:
        try:
            server = stack.enter_context(backend("ollama").connect(address, allow_remote=settings.allow_remote_host))
            version, models = server.version(), server.models()
        except EngineError as error:
            return ServerModels(address, "", (), tuple(chosen.values()), str(error))
    installed = {model.name for model in models}
    return ServerModels(
        address,
        ".".join(map(str, version)) if isinstance(version, tuple) else str(version),
        tuple(_served(models, chosen)),
        tuple(name for name in chosen.values() if full_model_name(name) not in installed),
    )


def _served(models: Sequence[ModelInfo], chosen: Mapping[str, str]) -> Iterator[ServedModel]:
    for model in models:
        uses = tuple(use for use, name in chosen.items() if full_model_name(name) == model.name)
        yield ServedModel(model.name, model.size_bytes, model.capabilities, uses)
