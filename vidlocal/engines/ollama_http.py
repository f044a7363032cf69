"""Talking HTTP to an Ollama server and to nobody else: addresses, limits, and its failures in our words.

No proxy from the environment, no redirect, no API key, no answer from a machine elsewhere, and an end to
every wait.
"""

import json
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from vidlocal.engines.base import ImageRejected
from vidlocal.engines.host_policy import origin
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError, EngineUnreachable, ModelMissing

# 64 texts in 4,096 dimensions are about 6 MB of JSON; nothing we ask for is larger.
MAX_REPLY_BYTES = 64 << 20

_FROM_ELSEWHERE = re.compile(rb'"remote_(?:host|model)"\s*:\s*"[^"]')
_OVERLAP_BYTES = 64
_CANNOT = re.compile(r"does not support|image input is not supported|mmproj|multimodal data provided", re.I)
_WILL_NOT_LOAD = re.compile(
    r"requires more system memory|unable to load model|error loading model|failed to load model|unsupported model", re.I
)
_LOAD_TROUBLE = re.compile(
    r"timed out waiting for|no longer running|out-of-memory during startup|maximum pending requests|server busy", re.I
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds.

    `first_byte` outlasts the 300 s that Ollama itself gives a model to load; `total` ends an answer that
    goes on for ever; `small` is for questions about the server that need no model.
    """

    connect: float = 5.0
    first_byte: float = 330.0
    between_chunks: float = 120.0
    total: float = 600.0
    small: float = 10.0

    def for_models(self) -> httpx.Timeout:
        return httpx.Timeout(connect=self.connect, read=self.first_byte, write=60.0, pool=self.connect)

    def for_metadata(self) -> httpx.Timeout:
        return httpx.Timeout(self.small, connect=self.connect)


class GuardedTransport(httpx.BaseTransport):
    """httpx's transport with our limits on every answer that passes.

    `local_only` ends an answer that says it was made on another machine. Not for the list of models, where
    one that is never used may say so of itself.
    """

    def __init__(self, timeouts: Timeouts, *, local_only: bool, encrypted: bool) -> None:
        self._local_only = local_only
        # Reading the world's certificates takes 30 ms that a server without encryption does not need.
        trusted = httpx.create_ssl_context(trust_env=False) if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._inner = httpx.HTTPTransport(verify=trusted, trust_env=False)
        self._timeouts = timeouts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The server's response, its body watched. EngineBusy for 429 and 503."""
        # The client of the ollama package adds OLLAMA_API_KEY for whatever host; ours has no use for it.
        request.headers.pop("authorization", None)
        request.headers["accept-encoding"] = "identity"  # so that the body can be watched as it passes
        deadline = time.monotonic() + self._timeouts.total
        response = self._inner.handle_request(request)
        if response.status_code in (429, 503):
            response.close()
            raise _busy(response, request.url)
        limits = request.extensions.get("timeout")
        if isinstance(limits, dict) and limits.get("read") == self._timeouts.first_byte:
            limits["read"] = self._timeouts.between_chunks  # read lazily, when the body begins
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise TypeError("the response of a synchronous transport has a synchronous stream")
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_GuardedStream(response.stream, deadline, request, local_only=self._local_only),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._inner.close()


class _GuardedStream(httpx.SyncByteStream):
    """The body of an answer; ends it when it is too late, too long, or was made on another machine."""

    def __init__(
        self, inner: httpx.SyncByteStream, deadline: float, request: httpx.Request, *, local_only: bool
    ) -> None:
        self._local_only = local_only
        self._inner = inner
        self._deadline = deadline
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        received, before = 0, b""
        for chunk in self._inner:
            received += len(chunk)
            if self._local_only and _FROM_ELSEWHERE.search(before + chunk):
                raise EngineError(
                    f"The server at {origin(str(self._request.url))} says this model runs on another machine (a hosted "
                    "model). vidlocal never uses those; choose a local model with: vidlocal setup"
                )
            if received > MAX_REPLY_BYTES:
                raise AnswerRejected(f"The answer is longer than {MAX_REPLY_BYTES >> 20} MB and was cut off.")
            if time.monotonic() > self._deadline:
                raise httpx.ReadTimeout("the answer went on for too long", request=self._request)
            before = (before + chunk)[-_OVERLAP_BYTES:]
            yield chunk

    def close(self) -> None:
        self._inner.close()


def unreachable(host: str) -> EngineUnreachable:
    return EngineUnreachable(f"No Ollama server answers at {origin(host)}. Start it with: ollama serve")


def error_for_status(status: int, error: object, *, model: str, host: str) -> EngineError:
    """The error of ours for an answer with an HTTP status (-1: inside a stream) and an error text."""
    text = error_text(error)
    where = f"the Ollama server at {origin(host)}"
    if status == 404:
        return model_missing(model, host)
    if 300 <= status < 400:
        return EngineError(f"{where[0].upper()}{where[1:]} redirects to another address, which vidlocal never follows.")
    if status in (401, 403):
        return EngineError(f"Access to {model} was denied by {where}: {text or status}. Check its settings.")
    if _CANNOT.search(text):
        return EngineError(f"The model {model} cannot do this ({text}). Choose another model with: vidlocal setup")
    if _WILL_NOT_LOAD.search(text):
        return EngineError(f"The model {model} does not load on {where} ({text}). Choose a smaller one: vidlocal setup")
    if _LOAD_TROUBLE.search(text):
        return EngineBusy(f"The model {model} did not start on {where} ({text}). Check its memory: ollama ps")
    if status >= 500 or status in (-1, 400):
        return ImageRejected(f"{model} failed ({text or status}). Its reason is in the log of {where}.")
    return AnswerRejected(f"{model}: HTTP {status} from {where} ({text}).")


def model_missing(model: str, host: str) -> ModelMissing:
    return ModelMissing(
        f"The model {model} is not on the Ollama server at {origin(host)}. Get it with: ollama pull {model}"
    )


def error_text(error: object) -> str:
    """The innermost message of an error that may be JSON in JSON, at most 300 characters."""
    for _ in range(4):
        if isinstance(error, str) and error.lstrip().startswith("{"):
            try:
                error = json.loads(error)
            except ValueError:
                break
        if not isinstance(error, dict):
            break
        error = error.get("error") or error.get("message") or ""
    text = re.sub(r"<[^>]*>", " ", str(error))  # the page of a proxy
    return " ".join(text.split())[:300]


def _busy(response: httpx.Response, url: httpx.URL) -> EngineBusy:
    after = response.headers.get("retry-after", "")
    return EngineBusy(
        f"The Ollama server at {origin(str(url))} is busy (HTTP {response.status_code}).",
        # A date instead of seconds is legal and rare: the caller's own patience does for it.
        retry_after=float(after) if after.isascii() and after.isdigit() and len(after) < 6 else None,
    )
