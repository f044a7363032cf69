"""Adapter for servers with the OpenAI API: llama.cpp, vLLM, LM Studio, LocalAI, mlx servers.

Differences are probed, never concluded from a version: `/props` (llama.cpp) reports context, slots and vision,
`/v1/models` (vLLM) the context; schemas are tried as `json_schema`, then `json_object`, then in words only. Pictures
are sent as JPEG or PNG data URLs before the text: llama.cpp does not decode WebP, and LLaVA answers worse to a picture
after the text. Some builds of LM Studio refuse data URLs and take mere base64.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import AnswerTruncated, Capability, ImageRejected, ModelInfo, SchemaMismatch
from vidlocal.engines.host_policy import check_host, origin
from vidlocal.engines.model_server import OnToken, OnUsage, Options
from vidlocal.engines.ollama.transport import GuardedTransport, Timeouts, error_for_status
from vidlocal.engines.openai.build import Entry, openai_digest, openai_entry
from vidlocal.engines.openai.requests import SCHEMA_FORMS, add_schema, picture_part, without_data_urls
from vidlocal.engines.openai.usage import usage_of
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing
from vidlocal.text import pluralize

Json = dict[str, Any]

_SERVER_NAME = "model server"
# Longer than any description: the model is in a loop.
_MAX_ANSWER_CHARACTERS = 16_000
_MAX_TOP_TOKENS = 20
_LACKS: Mapping[Capability, str] = {
    "vision": "images",
    "embedding": "embeddings",
    "completion": "text generation",
}


@dataclass(slots=True)
class _Properties:
    """Self-description of a server; None if unknown."""

    context: int | None = None
    slots: int | None = None
    has_vision: bool | None = None
    is_llama_cpp: bool = False
    version: str = "unknown"


class OpenAiServer:
    """A connection to the server at `host`, a URL without `/v1`. Use as a context manager.

    Raises EngineError if `host` is another machine, unless `allow_remote`.
    """

    kind = "openai"

    def __init__(
        self,
        host: str,
        *,
        allow_remote: bool = False,
        api_key: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        check_host(host, allow_remote=allow_remote)
        self.host = host.rstrip("/").removesuffix("/v1")
        self._timeouts = timeouts or Timeouts()
        self._schema_form: dict[str, int] = {}
        self._takes_data_urls = True
        self._properties: _Properties | None = None
        transport = GuardedTransport(
            self._timeouts, local_only=True, encrypted=self.host.startswith("https"), api_key=api_key
        )
        self._client = httpx.Client(
            base_url=self.host,
            trust_env=False,
            follow_redirects=False,
            timeout=self._timeouts.for_models(),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    # ------------------------------------------------------------ the server

    def version(self) -> str:
        """Return the version, "unknown" if the server does not tell. Raises EngineUnreachable."""
        self._entries()
        return self.properties().version

    def properties(self) -> _Properties:
        """Request the self-description of the server once."""
        if self._properties is None:
            self._properties = self._probe()
        return self._properties

    def models(self) -> list[ModelInfo]:
        """List the models."""
        return [self._model_info(entry) for entry in self._entries()]

    def loaded_models(self) -> list[tuple[str, int, int]]:
        """Return nothing: the API does not tell memory."""
        return []

    def preflight(self, model: str, needs: Capability) -> ModelInfo:
        """Require a model. Any name selects the only model of a server.

        Raises EngineUnreachable, ModelMissing or EngineError.
        """
        info = self._model_info(self._entry(model))
        if needs == "vision" and self.properties().has_vision is False:
            raise EngineError(
                f"{info.name} on the model server at {origin(self.host)} does not support {_LACKS[needs]}. "
                "Start it with a vision model (llama.cpp: --mmproj)."
            )
        return info

    def digest(self, model: str) -> str:
        """Return a digest of the server's description of a model."""
        return self._model_info(self._entry(model)).digest

    def context(self, model: str, num_ctx: int) -> int:
        """Return the smaller of `num_ctx` and the context of the server."""
        stated = self._entry(model).get("max_model_len") or self.properties().context
        return min(num_ctx, stated) if isinstance(stated, int) and stated > 0 else num_ctx

    def slots(self, model: str | None = None) -> int | None:
        """Return the configured number of parallel requests; None if unknown."""
        return self.properties().slots

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
        """Return the complete answer to a message, as `ModelServer.chat` describes. `keep_alive` is not used."""
        for form in range(self._schema_form.get(model, 0), len(SCHEMA_FORMS)):
            body = self._chat_body(model, system, prompt, images, options)
            if schema is not None:
                add_schema(body, schema, SCHEMA_FORMS[form])
            try:
                answer = self._stream(model, body, on_token, on_usage)
            except SchemaMismatch:
                if schema is None or form + 1 == len(SCHEMA_FORMS):
                    raise
                continue
            self._schema_form[model] = form
            return answer
        raise SchemaMismatch(f"{model}: no form of schema is accepted.")

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
        """Return the most probable first tokens with their probabilities; empty if not reported."""
        body = self._chat_body(model, system, prompt, images, options)
        body |= {"stream": False, "logprobs": True, "top_logprobs": _MAX_TOP_TOKENS}
        reply = self._request("POST", "/v1/chat/completions", body, model=model)
        with _expecting(model):
            content = (reply["choices"][0].get("logprobs") or {}).get("content") or []
            entries = content[0]["top_logprobs"] if content else []
            return {entry["token"]: math.exp(min(0.0, entry["logprob"])) for entry in reversed(entries)}

    def embed(self, model: str, texts: Sequence[str], *, options: Options, keep_alive: str) -> Vectors:
        """Embed texts: one unnormalized vector each, float32, n x d."""
        reply = self._request("POST", "/v1/embeddings", {"model": model, "input": list(texts)}, model=model)
        with _expecting(model):
            rows = sorted(reply["data"], key=lambda entry: entry.get("index", 0))
            vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
            raise AnswerRejected(f"{model}: vectors of shape {vectors.shape} for {pluralize(len(texts), 'text')}.")
        return vectors

    def load(self, model: str, *, options: Options, keep_alive: str) -> None:
        """Check for an answer of the model, loaded by the server on request."""
        self.chat(model, system="", prompt="Hello", options={**options, "num_predict": 1}, keep_alive=keep_alive)

    def unload(self, model: str) -> None:
        """Do nothing: the API has no such request."""

    # ------------------------------------------------------------ requests

    def _chat_body(self, model: str, system: str, prompt: str, images: Sequence[bytes], options: Options) -> Json:
        content: object = prompt
        if images:
            pictures = [picture_part(image, as_data_url=self._takes_data_urls) for image in images]
            content = [*pictures, {"type": "text", "text": prompt}]
        messages = [{"role": "system", "content": system}] if system else []
        body: Json = {
            "model": model,
            "messages": [*messages, {"role": "user", "content": content}],
            "stream": True,
            "temperature": options.get("temperature", 0),
            "seed": options.get("seed", 0),
            "max_tokens": options.get("num_predict", 512),
        }
        if self.properties().is_llama_cpp:
            body["chat_template_kwargs"] = {"enable_thinking": False}
            body["cache_prompt"] = False
        if self.properties().version != "unknown":  # llama.cpp and vLLM; others may refuse it
            body["stream_options"] = {"include_usage": True}
        return body

    def _stream(self, model: str, body: Json, on_token: OnToken, on_usage: OnUsage) -> str:
        """Return the answer. After a rejection of data URLs, send pictures as plain base64 from now on."""
        try:
            return self._stream_once(model, body, on_token, on_usage)
        except ImageRejected as error:
            if not self._takes_data_urls or "base64" not in str(error):
                raise
            self._takes_data_urls = False
        return self._stream_once(model, without_data_urls(body), on_token, on_usage)

    def _stream_once(self, model: str, body: Json, on_token: OnToken, on_usage: OnUsage) -> str:
        with self._translate_errors(model), self._client.stream("POST", "/v1/chat/completions", json=body) as response:
            if response.status_code != 200:
                response.read()
                raise self._status_error(
                    response.status_code, response.text, model, has_format="response_format" in body
                )
            text, reason = _collect(self._parts(response, model, on_usage), on_token)
        if reason == "length" and body["max_tokens"] > 1:
            raise AnswerTruncated(f"{model}: answer truncated at {body['max_tokens']} tokens.")
        if reason not in ("stop", "length"):
            raise AnswerRejected(f"{model}: incomplete answer ({reason or 'no reason given'}).")
        return text

    def _parts(self, response: httpx.Response, model: str, on_usage: OnUsage) -> Iterator[Json]:
        """Yield the choices of a streamed answer. Servers may also answer at once, or 200 with an error."""
        for line in response.iter_lines():
            data = line.removeprefix("data:").strip()
            if not data or data == "[DONE]" or line.startswith((":", "event:", "id:", "retry:")):
                continue
            with _expecting(model):
                part = json.loads(data)
                error, choices = part.get("error"), list(part.get("choices") or ())
                usage = usage_of(part)
            if error:
                code = error.get("code") if isinstance(error, dict) else None
                raise self._status_error(code if isinstance(code, int) else 500, error, model)
            if on_usage is not None and usage is not None:
                on_usage(usage)
            yield from (choice for choice in choices if isinstance(choice, dict))

    def _request(self, method: str, path: str, body: Json | None = None, *, model: str = "") -> Json:
        """Send a request. Returns a JSON object."""
        with self._translate_errors(model or path):
            timeout = self._timeouts.for_models() if body else self._timeouts.for_metadata()
            response = self._client.request(method, path, json=body, timeout=timeout)
        if response.status_code != 200:
            raise self._status_error(response.status_code, response.text, model or path)
        try:
            reply = response.json()
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise EngineError(f"{origin(self.host)} has no OpenAI API. Check the address of the server.")
        if reply.get("error"):
            raise self._status_error(500, reply["error"], model or path)
        return reply

    def _status_error(self, status: int, error: object, model: str, *, has_format: bool = False) -> EngineError:
        if status == 404:
            return ModelMissing(f"{model} is not on the model server at {origin(self.host)}.")
        translated = error_for_status(status, error, model=model, host=self.host, server_name=_SERVER_NAME)
        is_about_input = "context" in str(translated) or "image" in str(error).lower()
        if has_format and status in (400, 422) and not is_about_input:
            return SchemaMismatch(str(translated))
        return translated

    @contextmanager
    def _translate_errors(self, model: str) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _unreachable(self.host) from error
        except httpx.TransportError as error:
            raise self._connection_error(model, error) from error

    def _connection_error(self, model: str, error: Exception) -> EngineError:
        """Return an error for a broken or silent connection: of the item if the server still responds."""
        try:
            self._client.get("/v1/models", timeout=self._timeouts.for_metadata())
        except (httpx.TransportError, EngineBusy):
            return _unreachable(self.host)
        return AnswerRejected(
            f"{model}: incomplete answer ({type(error).__name__}); the server at {origin(self.host)} is running."
        )

    # ------------------------------------------------------------ properties

    def _probe(self) -> _Properties:
        probed = _Properties()
        props = self._optional("/props")
        if props:
            settings, modalities = props.get("default_generation_settings"), props.get("modalities")
            probed.is_llama_cpp = True
            probed.version = f"llama.cpp {props.get('build_info') or ''}".strip()
            probed.slots = _positive(props.get("total_slots"))
            probed.context = _positive(settings.get("n_ctx")) if isinstance(settings, dict) else None
            if isinstance(modalities, dict) and isinstance(modalities.get("vision"), bool):
                probed.has_vision = modalities["vision"]
        else:
            probed.version = str(self._optional("/version").get("version") or "unknown")
        return probed

    def _optional(self, path: str) -> Json:
        """Return the JSON object at an optional path of the server, else empty."""
        try:
            return self._request("GET", path)
        except EngineUnreachable:
            raise
        except EngineError:
            return {}

    def _entries(self) -> list[Json]:
        data = self._request("GET", "/v1/models").get("data")
        if not isinstance(data, list):
            raise EngineError(f"{origin(self.host)} has no OpenAI API. Check the address of the server.")
        return [entry for entry in data if isinstance(entry, dict) and entry.get("id")]

    def _entry(self, model: str) -> Entry:
        return openai_entry(self._entries(), model, self.host)

    def _model_info(self, entry: Entry) -> ModelInfo:
        meta = entry.get("meta")
        size = _positive(meta.get("size")) if isinstance(meta, dict) else None
        return ModelInfo(str(entry["id"]), openai_digest(entry), None, size or 0)


def _collect(choices: Iterator[Json], on_token: OnToken) -> tuple[str, str]:
    """Return text and end reason of an answer, without reasoning (`reasoning_content`)."""
    text, reason = "", ""
    for choice in choices:
        message = choice.get("delta") or choice.get("message") or {}
        piece = message.get("content") if isinstance(message, dict) else None
        if isinstance(piece, str) and piece:
            text += piece
            if on_token is not None:
                on_token(piece)
        reason = str(choice.get("finish_reason") or reason)
        if len(text) > _MAX_ANSWER_CHARACTERS:
            return text, "too long"
    return text, reason


@contextmanager
def _expecting(model: str) -> Iterator[None]:
    """Raise AnswerRejected for a reply of another form."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise AnswerRejected(f"{model}: invalid response of the server ({type(error).__name__}).") from error


def _unreachable(host: str) -> EngineUnreachable:
    return EngineUnreachable(f"No model server at {origin(host)}. Start it, or correct its address.")


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 60 else None
