"""Adapter for Ollama servers. Only this module and `query_vector` know the protocol.

Chat, embeddings, pull and create use the `ollama` package over our own transport, which keeps frames on this machine.
The typed replies of the package lack the fields of hosted models, so tags, show and status are read as raw JSON.
Written for the API of Ollama 0.33 and the Python client 0.6.3.
"""

import math
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Self

import httpx
import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import AnswerTruncated, Capability, ModelInfo, PromptTooLong, RunnerFailed, Usage
from vidlocal.engines.host_policy import check_host, is_entry_of, is_hosted, origin, refuse_hosted
from vidlocal.engines.model_server import OnToken, OnUsage, Options
from vidlocal.engines.ollama.errors import model_missing, unreachable
from vidlocal.engines.ollama.transport import GuardedTransport, Timeouts, error_for_status, error_text
from vidlocal.errors import AnswerRejected, EngineError, EngineUnreachable
from vidlocal.text import pluralize

Json = dict[str, object]

# Longer than any description: the model is in a loop. Stopping early frees the GPU.
MAX_ANSWER_CHARACTERS = 16_000
# Of a prompt beyond the context of a model, the server silently drops the beginning until about half of the context is
# left. A token of any language has fewer characters than this on average.
_MAX_CHARACTERS_PER_TOKEN = 8
# Sizes of models are smaller; a larger number would not fit into a float or a column.
_MAX_NUMBER = 1 << 60
# More are refused by the server.
MAX_TOP_TOKENS = 20
# Architectures without parallel requests: the server queues them. Source: server/sched.go of Ollama, August 2026.
_QWEN_FAMILIES = ("qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "qwen3next")
_NEMOTRON_FAMILIES = ("nemotron_h", "nemotron_h_moe", "nemotron_h_omni")
_SERIAL_FAMILIES = frozenset({"mllama", "lfm2", "lfm2moe", *_QWEN_FAMILIES, *_NEMOTRON_FAMILIES})
_import_lock = threading.Lock()
# The lacking ability of a model, the setting for a model with it, and such a model.
_LACKS: Mapping[Capability, tuple[str, str, str]] = {
    "vision": ("images", "vision_model", "llava:7b"),
    "embedding": ("embeddings", "embed_model", "embeddinggemma"),
    "completion": ("text generation", "text_model", "phi3.5"),
}


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Progress of a download: the current layer with sizes in bytes, 0 before the first layer."""

    status: str
    layer: str
    total_bytes: int
    completed_bytes: int


class Ollama:
    """A connection to the server at `host`, a URL. Use as a context manager.

    Raises EngineError if `host` is another machine, unless `allow_remote`.
    """

    kind = "ollama"

    def __init__(self, host: str, *, allow_remote: bool = False, timeouts: Timeouts | None = None) -> None:
        check_host(host, allow_remote=allow_remote)
        self.host = host.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._package = _ollama_package()
        encrypted = self.host.startswith("https")
        # follow_redirects: a redirect could send a frame to another machine.
        self._client = self._package.Client(
            self.host,
            trust_env=False,
            follow_redirects=False,
            timeout=self._timeouts.for_models(),
            transport=GuardedTransport(self._timeouts, local_only=True, encrypted=encrypted),
        )
        self._metadata_client = httpx.Client(
            base_url=self.host,
            trust_env=False,
            follow_redirects=False,
            timeout=self._timeouts.for_metadata(),
            transport=GuardedTransport(self._timeouts, local_only=False, encrypted=encrypted),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()
        self._metadata_client.close()

    # ------------------------------------------------------------ the server

    def version(self) -> str:
        """Return the version of the server. Raises EngineUnreachable."""
        return str(self._metadata("GET", "/api/version").get("version", "unknown"))

    def cloud_enabled(self) -> bool | None:
        """Return True if the server may use the cloud of Ollama, None for servers too old to report this."""
        try:
            cloud = self._metadata("GET", "/api/status").get("cloud")
        except EngineUnreachable:
            raise
        except EngineError:
            return None
        return not cloud.get("disabled", False) if isinstance(cloud, dict) else None

    def models(self) -> list[ModelInfo]:
        """List the local models, without hosted models."""
        return [_model_info(entry) for entry in self._entries() if not is_hosted(entry)]

    def loaded_models(self) -> list[tuple[str, int, int]]:
        """List the loaded models: name, total bytes, and bytes in GPU memory."""
        models = self._metadata("GET", "/api/ps").get("models")
        entries = [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []
        return [
            (str(entry.get("name", "")), _number(entry.get("size")), _number(entry.get("size_vram")))
            for entry in entries
        ]

    # ------------------------------------------------------------ before the first image

    def preflight(self, model: str, needs: Capability) -> ModelInfo:
        """Require a model to be installed, local and capable.

        Raises EngineUnreachable, ModelMissing or EngineError. Servers before 0.6.4 do not report capabilities; then the
        canary decides.
        """
        model = model.strip()
        refuse_hosted(model)
        entry = self._entry(model)
        listed_name = str(entry.get("name") or model)
        details = self._metadata("POST", "/api/show", {"model": listed_name}, model=model)
        refuse_hosted(model, entry, details)
        info = _model_info(entry)
        capabilities = _capabilities(details)
        if capabilities is None:
            capabilities = info.capabilities
        if capabilities is not None and needs not in capabilities:
            lack, setting, usual = _LACKS[needs]
            other = self.installed_vision_model() if needs == "vision" else None
            command = f"vidlocal config {setting} {other or usual}"
            raise EngineError(f"{model} does not support {lack}. To choose another model, run: {command}")
        return ModelInfo(info.name, info.digest, capabilities, info.size_bytes)

    def installed_vision_model(self) -> str | None:
        """Return an installed vision model, or None. Of other abilities the list of models is wrong."""
        return next((model.name for model in self.models() if "vision" in (model.capabilities or ())), None)

    def digest(self, model: str) -> str:
        """Return the digest of the installed build. Raises ModelMissing."""
        return _model_info(self._entry(model)).digest

    def context(self, model: str, num_ctx: int) -> int:
        """Return `num_ctx`: each request sets its context."""
        return num_ctx

    def slots(self, model: str | None = None) -> int | None:
        """Return 1 for an architecture without parallel requests, else None (unknown)."""
        details = {} if model is None else self._entry(model).get("details")
        return 1 if isinstance(details, dict) and details.get("family") in _SERIAL_FAMILIES else None

    def _entry(self, model: str) -> Json:
        for entry in self._entries():
            if is_entry_of(entry, model):
                return entry
        raise model_missing(model, self.host)

    def _entries(self) -> list[Json]:
        models = self._metadata("GET", "/api/tags").get("models")
        return [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []

    # ------------------------------------------------------------ inference

    def chat(
        self,
        model: str,
        *,
        system: str,
        prompt: str,
        images: Sequence[bytes] = (),
        schema: Json | None = None,
        options: Options,
        keep_alive: str,
        on_token: OnToken = None,
        on_usage: OnUsage = None,
    ) -> str:
        """Return the complete answer to a message, as `ModelServer.chat` describes.

        Use the same `num_ctx` in every call to a model, because the server reloads it for another value.
        """
        refuse_hosted(model)
        message = {"role": "user", "content": prompt, "images": [bytes(image) for image in images]}
        stream = self._client.chat(
            model,
            [{"role": "system", "content": system}, message],
            stream=True,
            think=False,
            format=schema,
            options=dict(options),
            keep_alive=keep_alive,
        )
        # Closed at once even on an early exit: the server generates until the connection ends.
        with self._translate_errors(model), closing(stream) as parts:
            try:
                text, done, reason, prompt_tokens, usage = _collect(parts, on_token)
            except TypeError as error:
                # Raised by the package for an error line with an object: an error of llama-server, passed through.
                raise RunnerFailed(f"{model} failed during the answer.") from error
        if on_usage is not None:
            on_usage(usage)
        if reason == "length":
            raise AnswerTruncated(f"{model}: answer truncated at {options.get('num_predict')} tokens.")
        if not done or reason != "stop":
            raise AnswerRejected(f"{model}: incomplete answer ({reason or 'no reason given'}).")
        characters = len(system) + len(prompt)
        if not images and 0 < prompt_tokens < characters / _MAX_CHARACTERS_PER_TOKEN:
            raise PromptTooLong(f"{model}: the prompt was cut, {prompt_tokens} tokens of {characters} characters read.")
        return text

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
        """Return the most probable first tokens of an answer with their probabilities, 0 to 1.

        Empty if the server does not tell probabilities. Raises the errors of `chat`.
        """
        refuse_hosted(model)
        message = {"role": "user", "content": prompt, "images": [bytes(image) for image in images]}
        with self._translate_errors(model):
            reply = self._client.chat(
                model,
                [{"role": "system", "content": system}, message],
                think=False,
                logprobs=True,
                top_logprobs=MAX_TOP_TOKENS,
                options=dict(options),
                keep_alive=keep_alive,
            )
            first = next(iter(getattr(reply, "logprobs", None) or ()), None)
            entries = (first.top_logprobs if first is not None else None) or ()
            return {entry.token: math.exp(min(0.0, entry.logprob)) for entry in reversed(entries)}

    def embed(self, model: str, texts: Sequence[str], *, options: Options, keep_alive: str) -> Vectors:
        """Embed texts: one unnormalized vector each, float32, n x d. An invalid text fails the whole batch."""
        refuse_hosted(model)
        with self._translate_errors(model):
            reply = self._client.embed(model, list(texts), options=dict(options), keep_alive=keep_alive)
            vectors = np.asarray(reply.embeddings, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
            raise AnswerRejected(f"{model}: vectors of shape {vectors.shape} for {pluralize(len(texts), 'text')}.")
        return vectors

    def load(self, model: str, *, options: Options, keep_alive: str) -> None:
        """Load a model. Raises RunnerFailed if the engine of the server fails."""
        with self._translate_errors(model):
            self._client.generate(model, "", options=dict(options), keep_alive=keep_alive)

    def unload(self, model: str) -> None:
        """Free the memory of a model."""
        with self._translate_errors(model):
            self._client.generate(model, "", keep_alive=0)

    # ------------------------------------------------------------ setting up

    def pull(self, model: str) -> Iterator[PullProgress]:
        """Download a model on the server; resumes an earlier download. Needs `Timeouts(total=math.inf)`."""
        refuse_hosted(model)
        with self._translate_errors(model):
            for step in self._client.pull(model, stream=True):
                yield PullProgress(step.status or "", step.digest or "", step.total or 0, step.completed or 0)

    def create(self, model: str, *, base: str, system: str, parameters: Options) -> None:
        """Create or replace the model `model` on the server, from an installed base model."""
        self.preflight(base, "completion")  # the server would download a missing base
        with self._translate_errors(model):
            self._client.create(model, from_=base, system=system, parameters=dict(parameters))

    # ------------------------------------------------------------ errors

    @contextmanager
    def _translate_errors(self, model: str) -> Iterator[None]:
        """Translate the nine exception types of the client into ours."""
        try:
            yield
        except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self.host) from error
        except httpx.TransportError as error:
            raise self._connection_error(model, error) from error
        except self._package.ResponseError as error:
            if error.status_code in (502, 504):
                raise self._connection_error(model, error) from error
            raise error_for_status(error.status_code, error.error, model=model, host=self.host) from error
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise AnswerRejected(f"{model}: invalid response of the server ({type(error).__name__}).") from error

    def _connection_error(self, model: str, error: Exception) -> EngineError:
        """Return an error for a broken or silent connection: of the item if the server still responds."""
        try:
            self.version()
        except EngineError:
            return unreachable(self.host)
        return AnswerRejected(
            f"{model}: incomplete answer ({type(error).__name__}); the server at {origin(self.host)} is running."
        )

    def _metadata(self, method: str, path: str, body: Json | None = None, *, model: str = "") -> Json:
        """Send a request without a model. Returns a JSON object."""
        try:
            response = self._metadata_client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise unreachable(self.host) from error
        if response.status_code != 200:
            if response.status_code >= 500:
                reason = error_text(response.text) or response.status_code
                raise EngineUnreachable(f"The Ollama server at {origin(self.host)} failed: {reason}. See its log.")
            raise error_for_status(response.status_code, response.text, model=model or path, host=self.host)
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise EngineError(f"{origin(self.host)} is not an Ollama server. Run: vidlocal config ollama_host URL")
        return answer


def _collect(parts: Iterator[object], hear: OnToken) -> tuple[str, bool, str, int, Usage]:
    """Return text, completeness, end reason, number of prompt tokens (0 if unknown) and usage of a streamed answer."""
    text, done, reason, prompt_tokens, usage = "", False, "", 0, Usage()
    for part in parts:
        message = getattr(part, "message", None)
        piece = getattr(message, "content", None) or ""
        text += piece
        if hear is not None and piece:
            hear(piece)
        done = getattr(part, "done", False) is True
        reason = getattr(part, "done_reason", None) or ""
        prompt_tokens = _number(getattr(part, "prompt_eval_count", None))
        eval_ns = _number(getattr(part, "eval_duration", None))
        usage = Usage(_number(getattr(part, "eval_count", None)), eval_ns / 1e9)
        if len(text) > MAX_ANSWER_CHARACTERS:
            return text, False, "too long", prompt_tokens, usage
        if done:  # anything after is not part of the answer
            break
    return text, done, reason, prompt_tokens, usage


def _model_info(entry: Json) -> ModelInfo:
    return ModelInfo(
        name=str(entry.get("name") or entry.get("model") or ""),
        digest=str(entry.get("digest") or "").removeprefix("sha256:"),
        capabilities=_capabilities(entry),
        size_bytes=_number(entry.get("size")),
    )


def _capabilities(entry: Json) -> tuple[str, ...] | None:
    names = entry.get("capabilities")
    return tuple(map(str, names)) if isinstance(names, list) else None


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < _MAX_NUMBER else 0


def _ollama_package() -> ModuleType:
    """Import the `ollama` package without some environment variables.

    The import creates a client from the environment: ALL_PROXY=socks5://... is an ImportError, and OLLAMA_HOST=::1,
    valid for the server, a ValueError.
    """
    with _import_lock:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if _breaks_import(name)}
        try:
            import ollama
        finally:
            os.environ.update(hidden)
    return ollama


def _breaks_import(variable: str) -> bool:
    return variable == "OLLAMA_HOST" or variable.lower().endswith("_proxy")
