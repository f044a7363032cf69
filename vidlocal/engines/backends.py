"""Registry of model server kinds. A new kind is one adapter module and one entry in `BACKENDS`.

The engines of `vidlocal.engines.served_models` work on servers of every kind. Clients are imported on first use, so
that a search, which only embeds its query, starts fast.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.query_vector import TIMEOUT_S, QueryVector, embed_query
from vidlocal.errors import EngineError


class Backend(Protocol):
    """One kind of model server."""

    def connect(
        self, address: str, *, allow_remote: bool, api_key: str | None = None
    ) -> AbstractContextManager[ModelServer]:
        """Connect to a server. Raises EngineError for a remote one unless `allow_remote`."""
        ...

    def embed_query(
        self,
        address: str,
        model: str,
        text: str,
        *,
        on_gpu: bool,
        allow_remote: bool,
        keep_alive: str,
        timeout_s: float | None,
        api_key: str | None = None,
    ) -> QueryVector:
        """Embed a query without loading the client. Raises EngineError."""
        ...


class OllamaBackend:
    """Ollama servers. They need no key."""

    def connect(
        self, address: str, *, allow_remote: bool, api_key: str | None = None
    ) -> AbstractContextManager[ModelServer]:
        from vidlocal.engines.ollama import Ollama

        return Ollama(address, allow_remote=allow_remote)

    def embed_query(
        self,
        address: str,
        model: str,
        text: str,
        *,
        on_gpu: bool,
        allow_remote: bool,
        keep_alive: str,
        timeout_s: float | None,
        api_key: str | None = None,
    ) -> QueryVector:
        return embed_query(
            address,
            model,
            text,
            on_gpu=on_gpu,
            allow_remote=allow_remote,
            keep_alive=keep_alive,
            timeout_s=timeout_s or TIMEOUT_S,
        )


class OpenAiBackend:
    """Servers with the OpenAI API. They choose the device and keep their models by themselves."""

    def connect(
        self, address: str, *, allow_remote: bool, api_key: str | None = None
    ) -> AbstractContextManager[ModelServer]:
        from vidlocal.engines.openai_server import OpenAiServer

        return OpenAiServer(address, allow_remote=allow_remote, api_key=api_key)

    def embed_query(
        self,
        address: str,
        model: str,
        text: str,
        *,
        on_gpu: bool,
        allow_remote: bool,
        keep_alive: str,
        timeout_s: float | None,
        api_key: str | None = None,
    ) -> QueryVector:
        return embed_query(
            address,
            model,
            text,
            kind="openai",
            allow_remote=allow_remote,
            api_key=api_key,
            timeout_s=timeout_s or TIMEOUT_S,
        )


BACKENDS: Mapping[str, Backend] = {"ollama": OllamaBackend(), "openai": OpenAiBackend()}


def backend(kind: str) -> Backend:
    """Return the backend of a server kind. Raises EngineError for an unknown kind."""
    if kind not in BACKENDS:
        raise EngineError(f"Unknown kind of model server: {kind!r}. Supported: {', '.join(sorted(BACKENDS))}.")
    return BACKENDS[kind]
