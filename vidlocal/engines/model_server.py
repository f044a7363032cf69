"""Interface of model servers of any kind, used by the engines of `served`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import Capability, ModelInfo, Usage

Options = Mapping[str, int | float]
OnToken = Callable[[str], None] | None
OnUsage = Callable[[Usage], None] | None


class ModelServer(Protocol):
    """A connection to a model server. Every call raises EngineUnreachable, EngineBusy or EngineError.

    `kind`: ollama or openai; `host`: a URL.
    """

    kind: str
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

    def context(self, model: str, num_ctx: int) -> int:
        """Return the context size to use for a model, in tokens: `num_ctx`, or less if the server has less."""
        ...

    def slots(self, model: str | None = None) -> int | None:
        """Return the number of parallel requests of the server, or for a model; None if unknown."""
        ...

    def chat(
        self,
        model: str,
        *,
        system: str,
        prompt: str,
        images: Sequence[bytes] = (),
        schema: dict[str, object] | None = None,
        options: Options,
        keep_alive: str,
        on_token: OnToken = None,
        on_usage: OnUsage = None,
    ) -> str:
        """Return the complete answer to a message.

        `on_token` gets every piece of the stream, `on_usage` the token count if reported. `images` are JPEG
        or PNG bytes; `schema` asks for JSON. Raises AnswerTruncated at `num_predict` tokens, PromptTooLong if a prompt
        does not fit, AnswerRejected for an incomplete answer, SchemaMismatch for a refused schema, RunnerFailed if the
        engine of the server fails.
        """
        ...

    def first_token(
        self,
        model: str,
        *,
        system: str,
        prompt: str,
        images: Sequence[bytes] = (),
        options: Options,
        keep_alive: str,
    ) -> dict[str, float]:
        """Return the most probable first tokens of an answer with their probabilities; empty if the server does not."""
        ...

    def embed(self, model: str, texts: Sequence[str], *, options: Options, keep_alive: str) -> Vectors:
        """Embed texts: one unnormalized vector each, float32, n x d."""
        ...

    def load(self, model: str, *, options: Options, keep_alive: str) -> None:
        """Load a model. Raises RunnerFailed if the engine of the server fails."""
        ...

    def unload(self, model: str) -> None:
        """Free the memory of a model, if the server can."""
        ...
