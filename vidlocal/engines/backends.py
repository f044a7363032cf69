"""Registry of model server kinds. A new kind is one adapter module and one entry in `BACKENDS`.

The engines of `vidlocal.engines.served.models` work on servers of every kind. A search embeds its query without a
client (`vidlocal.engines.served.query_vector`).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from vidlocal.engines.model_server import ModelServer
from vidlocal.errors import EngineError


class Backend(Protocol):
    """A kind of model server."""

    def connect(
        self, address: str, *, allow_remote: bool, api_key: str | None = None
    ) -> AbstractContextManager[ModelServer]:
        """Connect to a server. Raises EngineError for a remote server unless `allow_remote`."""
        ...


class OllamaBackend:
    """Ollama servers, without a key."""

    def connect(
        self, address: str, *, allow_remote: bool, api_key: str | None = None
    ) -> AbstractContextManager[ModelServer]:
        from vidlocal.engines.ollama.server import Ollama

        return Ollama(address, allow_remote=allow_remote)


class OpenAiBackend:
    """Servers with the OpenAI API."""

    def connect(
        self, address: str, *, allow_remote: bool, api_key: str | None = None
    ) -> AbstractContextManager[ModelServer]:
        from vidlocal.engines.openai.server import OpenAiServer

        return OpenAiServer(address, allow_remote=allow_remote, api_key=api_key)


BACKENDS: Mapping[str, Backend] = {"ollama": OllamaBackend(), "openai": OpenAiBackend()}


def backend(kind: str) -> Backend:
    """Return the backend of a server kind. Raises EngineError for an unknown kind."""
    if kind not in BACKENDS:
        raise EngineError(f"Unknown kind of model server: {kind!r}. Supported: {', '.join(sorted(BACKENDS))}.")
    return BACKENDS[kind]
