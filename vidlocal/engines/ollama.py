"""An Ollama server: what it has, what it can, and its models at work. The only code that knows its protocol.

Chat, embeddings, pull and create go through the `ollama` package, over a transport of ours that keeps
frames on this machine. Its typed replies drop the fields that tell a hosted model, so tags, show and
status are read raw. Facts and their sources: Ollama's API at version 0.33, its Python client at 0.6.3.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Literal, Self

import httpx
import numpy as np

from vidlocal.engines.base import AnswerTruncated, ImageRejected, ModelInfo, Vectors
from vidlocal.engines.host_policy import check_host, is_entry_of, is_hosted, origin, refuse_hosted
from vidlocal.engines.ollama_http import (
    GuardedTransport,
    Timeouts,
    error_for_status,
    error_text,
    model_missing,
    unreachable,
)
from vidlocal.errors import AnswerRejected, EngineError, EngineUnreachable
from vidlocal.text import pluralize

Need = Literal["vision", "embedding", "completion"]
Options = Mapping[str, int | float]
Json = dict[str, object]

# Longer than any description: a model that gets here speaks in circles. Stopping early frees the card.
MAX_ANSWER_CHARACTERS = 16_000
_IMPORTING = threading.Lock()
_LACK = {
    "vision": ("see pictures", "vidlocal config vision_model llava:7b"),
    "embedding": ("embed text", "vidlocal config embed_model embeddinggemma"),
    "completion": ("write text", "vidlocal config text_model phi3.5"),
}


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One line of a download. Sizes are of the part being fetched, 0 while none is."""

    status: str
    layer: str
    total_bytes: int
    completed_bytes: int


class Ollama:
    """The server at `host`, a URL. Use as a context manager.

    EngineError when `host` is another machine and `allow_remote` is false: nothing is sent there.
    """

    def __init__(self, host: str, *, allow_remote: bool = False, timeouts: Timeouts | None = None) -> None:
        check_host(host, allow_remote=allow_remote)
        self.host = host.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._package = _ollama_package()
        encrypted = self.host.startswith("https")
        # follow_redirects: a redirect could lead a frame to another machine.
        self._client = self._package.Client(
            self.host,
            trust_env=False,
            follow_redirects=False,
            timeout=self._timeouts.for_models(),
            transport=GuardedTransport(self._timeouts, local_only=True, encrypted=encrypted),
        )
        self._raw = httpx.Client(
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
        self._raw.close()

    # ------------------------------------------------------------ the server

    def version(self) -> str:
        """The server's version. EngineUnreachable when nobody answers."""
        return str(self._question("GET", "/api/version").get("version", "unknown"))

    def cloud_enabled(self) -> bool | None:
        """Whether the server may talk to its maker's cloud by itself. None: too old to say."""
        try:
            cloud = self._question("GET", "/api/status").get("cloud")
        except EngineUnreachable:
            raise
        except EngineError:
            return None
        return not cloud.get("disabled", False) if isinstance(cloud, dict) else None

    def models(self) -> list[ModelInfo]:
        """The local models of the server; hosted ones are left out."""
        return [_model_info(entry) for entry in self._listed() if not is_hosted(entry)]

    def loaded_models(self) -> list[tuple[str, int, int]]:
        """The models in memory: name, bytes in all, bytes of them on the card."""
        models = self._question("GET", "/api/ps").get("models")
        entries = [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []
        return [
            (str(entry.get("name", "")), _number(entry.get("size")), _number(entry.get("size_vram")))
            for entry in entries
        ]

    # ------------------------------------------------------------ before the first picture

    def preflight(self, model: str, needs: Need) -> ModelInfo:
        """The model, present on the server, local, and able to do what it is needed for.

        EngineUnreachable, ModelMissing or EngineError say in one sentence what to do. A server older than
        0.6.4 does not tell what its models can: then it is taken for able, and the canary decides.
        """
        model = model.strip()
        refuse_hosted(model)
        entry = self._entry(model)
        listed_name = str(entry.get("name") or model)
        shown = self._question("POST", "/api/show", {"model": listed_name}, model=model)
        refuse_hosted(model, entry, shown)
        info = _model_info(entry)
        able = shown.get("capabilities")
        capabilities = tuple(str(one) for one in able) if isinstance(able, list) else info.capabilities
        if capabilities is not None and needs not in capabilities:
            lack, command = _LACK[needs]
            raise EngineError(f"The model {model} cannot {lack}. Choose one that can, for example: {command}")
        return ModelInfo(info.name, info.digest, capabilities, info.size_bytes)

    def digest(self, model: str) -> str:
        """The digest the server has for a model now. ModelMissing when it was deleted."""
        return _model_info(self._entry(model)).digest

    def _entry(self, model: str) -> Json:
        for entry in self._listed():
            if is_entry_of(entry, model):
                return entry
        raise model_missing(model, self.host)

    def _listed(self) -> list[Json]:
        models = self._question("GET", "/api/tags").get("models")
        return [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []

    # ------------------------------------------------------------ models at work

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
        on_token: Callable[[str], None] | None = None,
    ) -> str:
        """What the model says to one message: complete, or AnswerRejected (AnswerCut at `num_predict`).

        `hear` gets every piece of it as it comes. `images` are JPEG or PNG bytes; `schema` holds the answer
        to JSON. Give every call to one model the
        same `num_ctx`: another value makes the server load it anew.
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
        # Closed at once, also when it is left early: the server stops only when the connection ends.
        with self._translated(model), closing(stream) as parts:
            text, done, reason = _gather(parts, on_token)
        if reason == "length":
            raise AnswerTruncated(f"{model} did not come to an end within {options.get('num_predict')} tokens.")
        if not done or reason != "stop":
            raise AnswerRejected(f"{model} broke off its answer ({reason or 'no reason given'}).")
        return text

    def embed(self, model: str, texts: Sequence[str], *, options: Options, keep_alive: str) -> Vectors:
        """One vector per text as the model gives it, float32, n x d. One bad text fails them all."""
        refuse_hosted(model)
        with self._translated(model):
            reply = self._client.embed(model, list(texts), options=dict(options), keep_alive=keep_alive)
            vectors = np.asarray(reply.embeddings, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
            raise AnswerRejected(f"{model} gave vectors of shape {vectors.shape} for {pluralize(len(texts), 'text')}.")
        return vectors

    def unload(self, model: str) -> None:
        """Free the memory that a model holds."""
        with self._translated(model):
            self._client.generate(model, "", keep_alive=0)

    # ------------------------------------------------------------ setting up

    def pull(self, model: str) -> Iterator[PullProgress]:
        """Let the server download a model; goes on where an earlier download stopped.

        Give the server of a download `Timeouts(total=math.inf)`.
        """
        refuse_hosted(model)
        with self._translated(model):
            for step in self._client.pull(model, stream=True):
                yield PullProgress(step.status or "", step.digest or "", step.total or 0, step.completed or 0)

    def create(self, model: str, *, base: str, system: str, parameters: Options) -> None:
        """Make the model `model` on the server out of one it has. It replaces a model of that name."""
        self.preflight(base, "completion")  # a base the server lacks would be downloaded
        with self._translated(model):
            self._client.create(model, from_=base, system=system, parameters=dict(parameters))

    # ------------------------------------------------------------ translation

    @contextmanager
    def _translated(self, model: str) -> Iterator[None]:
        """The failures of the client, which come as nine kinds of exception, as ours."""
        try:
            yield
        except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self.host) from error
        except httpx.TransportError as error:
            raise self._blame(model, error) from error
        except self._package.ResponseError as error:
            if error.status_code in (502, 504):
                raise self._blame(model, error) from error
            raise error_for_status(error.status_code, error.error, model=model, host=self.host) from error
        except TypeError as error:
            # What the package makes of an error line whose error is an object: llama-server's own, passed through.
            raise ImageRejected(f"{model} failed in the middle of its answer.") from error
        except (ValueError, AttributeError, KeyError) as error:
            raise AnswerRejected(
                f"{model} answered something that is not Ollama's protocol ({type(error).__name__})."
            ) from error

    def _blame(self, model: str, error: Exception) -> EngineError:
        """A connection broke or went silent: whose fault is it, the server's or this item's?"""
        try:
            self.version()
        except EngineError:
            return unreachable(self.host)
        return AnswerRejected(
            f"{model} gave no whole answer ({type(error).__name__}), though its server at {origin(self.host)} runs."
        )

    def _question(self, method: str, path: str, body: Json | None = None, *, model: str = "") -> Json:
        """A small question about the server, answered by a JSON object."""
        try:
            response = self._raw.request(method, path, json=body)
        except httpx.TransportError as error:
            raise unreachable(self.host) from error
        if response.status_code != 200:
            if response.status_code >= 500:
                reason = error_text(response.text) or response.status_code
                raise EngineUnreachable(f"The Ollama server at {origin(self.host)} fails: {reason}. Look into its log.")
            raise error_for_status(response.status_code, response.text, model=model or path, host=self.host)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise EngineError(
                f"What answers at {origin(self.host)} is not an Ollama server. Check the setting ollama_host."
            )
        return answer


def _gather(parts: Iterator[object], hear: Callable[[str], None] | None) -> tuple[str, bool, str]:
    """The text, whether it is complete, and why it ended, of a streamed answer."""
    text, done, reason = "", False, ""
    for part in parts:
        message = getattr(part, "message", None)
        piece = getattr(message, "content", None) or ""
        text += piece
        if hear is not None and piece:
            hear(piece)
        done = getattr(part, "done", False) is True
        reason = getattr(part, "done_reason", None) or ""
        if len(text) > MAX_ANSWER_CHARACTERS:
            return text, False, "it went on without end"
    return text, done, reason


def _model_info(entry: Json) -> ModelInfo:
    able = entry.get("capabilities")
    return ModelInfo(
        name=str(entry.get("name") or entry.get("model") or ""),
        digest=str(entry.get("digest") or "").removeprefix("sha256:"),
        capabilities=tuple(str(one) for one in able) if isinstance(able, list) else None,
        size_bytes=_number(entry.get("size")),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _ollama_package() -> ModuleType:
    """The `ollama` package, imported so that the environment cannot break it.

    Its import builds a client from the environment at once: ALL_PROXY=socks5://... is an ImportError and
    OLLAMA_HOST=::1, which the server itself takes, a ValueError. We use neither.
    """
    with _IMPORTING:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if _breaks_import(name)}
        try:
            import ollama
        finally:
            os.environ.update(hidden)
    return ollama


def _breaks_import(variable: str) -> bool:
    return variable == "OLLAMA_HOST" or variable.lower().endswith("_proxy")
