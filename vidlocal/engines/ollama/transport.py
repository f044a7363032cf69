"""HTTP transport for Ollama servers with limits, and errors for HTTP status codes.

No proxy of the environment, no redirects, no API key, no answers made on other machines, and a timeout for every wait.
"""

import json
import logging
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from vidlocal.engines.base import ImageRejected, PromptTooLong, RunnerFailed, SchemaMismatch
from vidlocal.engines.host_policy import origin
from vidlocal.engines.ollama.errors import model_missing
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError

# The largest replies, vectors of 64 texts in 4,096 dimensions, are about 6 MB of JSON.
MAX_REPLY_BYTES = 64 << 20

_log = logging.getLogger(__name__)

_REMOTE_ANSWER = re.compile(rb'"remote_(?:host|model)"\s*:\s*"[^"]')
_OVERLAP_BYTES = 64
_UNSUPPORTED = re.compile(r"does not support|image input is not supported|mmproj|multimodal data provided", re.I)
_LOAD_FAILURE = re.compile(
    r"requires more system memory|unable to load model|error loading model|failed to load model|unsupported model", re.I
)
_TOO_LONG = re.compile(r"exceeds? the (?:available )?context|longer than the context", re.I)
_BAD_SCHEMA = re.compile(r"schema conversion failed|invalid format|failed to parse grammar|grammar", re.I)
_LOAD_DELAY = re.compile(
    r"timed out waiting for|no longer running|out-of-memory during startup|maximum pending requests|server busy", re.I
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds.

    `first_byte` is longer than the 300 s that Ollama allows for loading a model; `total` ends endless answers; `small`
    is for requests without a model.
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
    """An httpx transport with limits on every response.

    `local_only` refuses answers marked as made on another machine. Not for the model list, which may contain hosted
    models. `api_key` is sent, and nothing of the environment.
    """

    def __init__(self, timeouts: Timeouts, *, local_only: bool, encrypted: bool, api_key: str | None = None) -> None:
        self._local_only = local_only
        self._api_key = api_key
        # Loading the root certificates takes 30 ms, not needed without encryption.
        context = httpx.create_ssl_context(trust_env=False) if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A connection for each request: a server or proxy may send an answer twice, and the copy would be taken for
        # the answer to the next request.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.HTTPTransport(verify=context, trust_env=False, limits=limits)
        self._timeouts = timeouts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and guard the body of the response.

        Raises EngineBusy for 429 and 503, AnswerRejected for a compressed body.
        """
        # The ollama package sends OLLAMA_API_KEY to any host.
        request.headers.pop("authorization", None)
        if self._api_key is not None:
            request.headers["authorization"] = f"Bearer {self._api_key}"
        request.headers["accept-encoding"] = "identity"  # the guard reads the body
        started = time.monotonic()
        deadline = started + self._timeouts.total
        response = self._inner.handle_request(request)
        elapsed_s = time.monotonic() - started
        _log.debug("%s %s: %d after %.2f s", request.method, request.url, response.status_code, elapsed_s)
        if response.status_code in (429, 503):
            response.close()
            raise _busy(response, request.url)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()  # a few bytes could become gigabytes, and hide the mark of a hosted model
            raise AnswerRejected(
                f"The model server at {origin(str(request.url))} compresses its answers. Turn that off."
            )
        limits = request.extensions.get("timeout")
        if isinstance(limits, dict) and limits.get("read") == self._timeouts.first_byte:
            limits["read"] = self._timeouts.between_chunks  # read by httpx when the body begins
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
    """A response body, ended if too late, too long, or made on another machine."""

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
            if self._local_only and _REMOTE_ANSWER.search(before + chunk):
                raise EngineError(
                    f"The model of the server at {origin(str(self._request.url))} is hosted: it runs on another "
                    "machine. To choose a local model, run: vidlocal setup"
                )
            if received > MAX_REPLY_BYTES:
                raise AnswerRejected(f"The answer is larger than {MAX_REPLY_BYTES >> 20} MB.")
            if time.monotonic() > self._deadline:
                raise httpx.ReadTimeout("total timeout exceeded", request=self._request)
            before = (before + chunk)[-_OVERLAP_BYTES:]
            yield chunk

    def close(self) -> None:
        self._inner.close()


def error_for_status(
    status: int, error: object, *, model: str, host: str, server_name: str = "Ollama server"
) -> EngineError:
    """Return an error for an HTTP status (-1: inside a stream) and the error of the response."""
    text = error_text(error)
    server = f"the {server_name} at {origin(host)}"
    if status == 404 and server_name == "Ollama server":
        return model_missing(model, host)
    if 300 <= status < 400:
        return EngineError(f"{server[0].upper()}{server[1:]} redirects to another address; redirects are not followed.")
    if status in (401, 403):
        return EngineError(f"{model}: access denied by {server} ({text or status}). Check the settings of the server.")
    if _UNSUPPORTED.search(text):
        remedy = " To choose another model, run: vidlocal setup" if server_name == "Ollama server" else ""
        return EngineError(f"{model} cannot do this ({text}).{remedy}")
    if _LOAD_FAILURE.search(text):
        return EngineError(
            f"{model} does not load on {server} ({text}). To choose a smaller model, run: vidlocal setup"
        )
    if _LOAD_DELAY.search(text):
        return EngineBusy(f"{model} did not start on {server} ({text}). To check the memory, run: ollama ps")
    if _TOO_LONG.search(text) or "exceed_context_size" in str(error):
        return PromptTooLong(f"{model}: the prompt is longer than its context ({text}).")
    if _BAD_SCHEMA.search(text):
        return SchemaMismatch(f"{model}: the schema was refused by {server} ({text}).")
    if status >= 500 or status == -1:
        return RunnerFailed(f"{model} failed ({text or status}). See the log of {server}.")
    if status == 400:
        return ImageRejected(f"{model} failed ({text or status}). See the log of {server}.")
    return AnswerRejected(f"{model}: HTTP {status} from {server} ({text}).")


def error_text(error: object) -> str:
    """Return the innermost message of nested JSON errors, at most 300 characters."""
    for _ in range(4):
        if isinstance(error, str) and error.lstrip().startswith("{"):
            try:
                error = json.loads(error)
            except (ValueError, RecursionError):
                break
        if not isinstance(error, dict):
            break
        error = error.get("error") or error.get("message") or ""
    text = re.sub(r"<[^>]*>", " ", str(error))  # HTML page of a proxy
    return " ".join(text.split())[:300]


def _busy(response: httpx.Response, url: httpx.URL) -> EngineBusy:
    seconds = response.headers.get("retry-after", "")
    return EngineBusy(
        f"The model server at {origin(str(url))} is busy (HTTP {response.status_code}).",
        # Dates, legal but rare, are ignored.
        retry_after=float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 6 else None,
    )
