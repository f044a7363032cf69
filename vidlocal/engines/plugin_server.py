"""Engines of plugins as model servers.

An engine of a plugin has two methods. `models()` returns dictionaries: `name`, and if known `version` and `abilities`
("vision", "completion", "embedding"). `answer(model, *, system, prompt, images, schema, max_tokens, temperature, seed)`
returns the answer as text; images are JPEG bytes, and with a `schema` the answer is JSON of this schema. An engine with
embeddings has `embed(model, texts)`, too, which returns a list of numbers for each text. All may raise anything:
ConnectionError and TimeoutError mean that the engine cannot be reached, to be tried again later.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2s
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import Capability, ModelInfo, RunnerFailed
from vidlocal.engines.model_server import OnToken, OnUsage, Options
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing
from vidlocal.plugins.manager import describe_error

_DEFAULT_ABILITIES = ("vision", "completion")
_MAX_TOKENS = 512

Value = TypeVar("Value")


class PluginServer:
    """A ModelServer and context manager around an engine of a plugin. `host`: the url of the settings."""

    kind = "plugin"

    def __init__(self, host: str, engine: Any) -> None:
        self.host = host
        self._engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the engine if possible."""
        if callable(close := getattr(self._engine, "close", None)):
            self._call("close", close)

    def version(self) -> str:
        """Return the name of the engine after a request for its models."""
        self.models()
        return f"plugin {self.host}"

    def models(self) -> list[ModelInfo]:
        """List the models of the engine. Raises EngineError."""
        listed = self._call("models", self._engine.models)
        try:
            return [_model_info(values) for values in listed]
        except (TypeError, KeyError, AttributeError) as error:
            raise EngineError(f"Plugin {self.host}: models returned no list of dictionaries with a name.") from error

    def loaded_models(self) -> list[tuple[str, int, int]]:
        """Return nothing: the memory of the models is not known."""
        return []

    def preflight(self, model: str, needs: Capability) -> ModelInfo:
        """Require a model with an ability. The only such model is taken under any name. Raises ModelMissing."""
        able = [info for info in self.models() if needs in (info.capabilities or ())]
        selected = next((info for info in able if info.name == model), able[0] if len(able) == 1 else None)
        if selected is None:
            names = ", ".join(info.name for info in able) or "none"
            raise ModelMissing(f"Plugin {self.host} has no model {model} for {needs}. Its models for that: {names}.")
        return selected

    def digest(self, model: str) -> str:
        """Return the digest of a model: of its name and version."""
        return next((info.digest for info in self.models() if info.name == model), "")

    def context(self, model: str, num_ctx: int) -> int:
        """Return `num_ctx`: the context of the model is not known."""
        return num_ctx

    def slots(self, model: str | None = None) -> int | None:
        """Return 1: an engine of a plugin gets a single request at a time."""
        return 1

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
        """Return the complete answer, passed to `on_token` in one piece. Raises RunnerFailed or EngineUnreachable."""
        answer = self._call(
            "answer",
            lambda: self._engine.answer(
                model,
                system=system,
                prompt=prompt,
                images=list(images),
                schema=schema,
                max_tokens=int(options.get("num_predict", _MAX_TOKENS)),
                temperature=float(options.get("temperature", 0.0)),
                seed=int(options.get("seed", 0)),
            ),
        )
        if not isinstance(answer, str):
            raise RunnerFailed(f"Plugin {self.host}: answer returned no text.")
        if on_token is not None and answer:
            on_token(answer)
        return answer

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
        """Return nothing: engines of plugins tell no probabilities."""
        return {}

    def embed(self, model: str, texts: Sequence[str], *, options: Options, keep_alive: str) -> Vectors:
        """Embed texts: one unnormalized vector each, float32, n x d. Raises RunnerFailed or EngineUnreachable."""
        vectors = self._call("embed", lambda: np.asarray(self._engine.embed(model, list(texts)), dtype=np.float32))
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise EngineError(f"Plugin {self.host}: embed returned no list of numbers for each text.")
        return vectors

    def load(self, model: str, *, options: Options, keep_alive: str) -> None:
        """Ask for the models: engines load a model with the first answer."""
        self.models()

    def unload(self, model: str) -> None:
        """Leave the memory to the engine."""

    def _call(self, action: str, call: Callable[[], Value]) -> Value:
        try:
            return call()
        except (ConnectionError, TimeoutError) as error:
            raise EngineUnreachable(f"Plugin {self.host}: {describe_error(error)}.") from error
        except Exception as error:
            raise RunnerFailed(f"Plugin {self.host}: {action} failed ({describe_error(error)}).") from error


def _model_info(values: Any) -> ModelInfo:
    name, version = str(values["name"]), str(values.get("version", ""))
    digest = blake2s(f"{name}\n{version}".encode(), digest_size=16).hexdigest()
    return ModelInfo(name, digest, tuple(values.get("abilities", _DEFAULT_ABILITIES)), 0)
