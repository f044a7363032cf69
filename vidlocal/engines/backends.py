"""Registry of model server kinds. A new kind is one adapter module and one entry in `BACKENDS`.

A backend makes the engines of `vidlocal.engines.base` from a server and its models. Clients are imported on first use,
so that a search, which only embeds its query, starts fast.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from vidlocal.engines.base import Capability, EmbedEngine, ModelInfo, TextEngine, VisionEngine
from vidlocal.engines.judge import Judge
from vidlocal.engines.query_vector import QueryVector, embed_query
from vidlocal.errors import EngineError

if TYPE_CHECKING:
    from vidlocal.engines.ollama import Ollama


class ModelServer(Protocol):
    """A connection to a model server. Every call raises EngineUnreachable, EngineBusy or EngineError."""

    host: str

    def version(self) -> str:
        """Return the version. Also the cheapest check of the connection."""
        ...

    def models(self) -> Sequence[ModelInfo]:
        """List the installed models."""
        ...

    def loaded_models(self) -> Sequence[tuple[str, int, int]]:
        """List the loaded models: name, total bytes, and bytes in GPU memory."""
        ...

    def preflight(self, model: str, needs: Capability) -> ModelInfo:
        """Require `model` to be installed, local and capable. Raises ModelMissing or EngineError."""
        ...

    def digest(self, model: str) -> str:
        """Return the digest of the installed build of a model."""
        ...


class Backend(Protocol):
    """Factory for one kind of model server."""

    def connect(self, address: str, *, allow_remote: bool) -> AbstractContextManager[ModelServer]:
        """Connect to a server. Raises EngineError for a remote one unless `allow_remote`."""
        ...

    def vision(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> VisionEngine:
        """Make a vision engine."""
        ...

    def text(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> TextEngine:
        """Make a text engine."""
        ...

    def judge(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> Judge:
        """Make a judge of a text model."""
        ...

    def embedding(self, server: ModelServer, model: ModelInfo, *, on_gpu: bool, keep_alive: str) -> EmbedEngine:
        """Make an embedding engine."""
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
    ) -> QueryVector:
        """Embed a query without loading the client. Raises EngineError."""
        ...


class OllamaBackend:
    """Ollama servers."""

    def connect(self, address: str, *, allow_remote: bool) -> AbstractContextManager[ModelServer]:
        from vidlocal.engines.ollama import Ollama

        return Ollama(address, allow_remote=allow_remote)

    def vision(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> VisionEngine:
        from vidlocal.engines.ollama_models import OllamaVision

        return OllamaVision(_ollama(server), model, num_ctx=num_ctx, keep_alive=keep_alive)

    def text(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> TextEngine:
        from vidlocal.engines.ollama_models import OllamaText

        return OllamaText(_ollama(server), model, num_ctx=num_ctx, keep_alive=keep_alive)

    def judge(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> Judge:
        from vidlocal.engines.ollama_judge import OllamaJudge

        return OllamaJudge(_ollama(server), model, num_ctx=num_ctx, keep_alive=keep_alive)

    def embedding(self, server: ModelServer, model: ModelInfo, *, on_gpu: bool, keep_alive: str) -> EmbedEngine:
        from vidlocal.engines.ollama_models import OllamaEmbeddings

        return OllamaEmbeddings(_ollama(server), model, on_gpu=on_gpu, keep_alive=keep_alive)

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
    ) -> QueryVector:
        bounds = {} if timeout_s is None else {"timeout_s": timeout_s}
        return embed_query(
            address, model, text, on_gpu=on_gpu, allow_remote=allow_remote, keep_alive=keep_alive, **bounds
        )


def _ollama(server: ModelServer) -> "Ollama":
    from vidlocal.engines.ollama import Ollama

    if not isinstance(server, Ollama):
        raise TypeError(f"{server.host} is not an Ollama server")
    return server


BACKENDS: Mapping[str, Backend] = {"ollama": OllamaBackend()}


def backend(kind: str) -> Backend:
    """Return the backend of a server kind. Raises EngineError for an unknown kind."""
    if kind not in BACKENDS:
        raise EngineError(f"Unknown kind of model server: {kind!r}. Supported: {', '.join(sorted(BACKENDS))}.")
    return BACKENDS[kind]
