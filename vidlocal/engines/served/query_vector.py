"""Embeds a query on a model server, with the standard library only.

A search takes less time than the import of the packages used by `enrich`. The rules are the same: no proxies, no
redirects, no other machine unless allowed, no hosted models, and a timeout for every wait.
"""

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidlocal.engines.host_policy import check_host, is_entry_of, origin, refuse_hosted
from vidlocal.engines.ollama.errors import model_missing, unreachable
from vidlocal.engines.openai.build import openai_build
from vidlocal.engines.prompts.vision_prompts import embed_options, embed_prefixes
from vidlocal.errors import EngineError, EngineUnreachable
from vidlocal.text import model_key

CONNECT_TIMEOUT_S = 0.3
TIMEOUT_S = 1.5

# As for passages.
MAX_QUERY_CHARACTERS = 2_000
# More than model lists and vectors of 8,192 dimensions need.
_MAX_REPLY_BYTES = 4 << 20

if TYPE_CHECKING:
    from vidlocal.engines.model_server import ModelServer


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A unit vector. `key` is `name@digest12`, the key of stored vectors."""

    key: str
    values: tuple[float, ...]


def embed_query(
    host: str,
    model: str,
    text: str,
    *,
    on_gpu: bool = False,
    allow_remote: bool = False,
    keep_alive: str = "30m",
    timeout_s: float = TIMEOUT_S,
    kind: str = "ollama",
    api_key: str | None = None,
) -> QueryVector:
    """Embed a query within `timeout_s` seconds, whatever the server does. `host` is a URL, `kind` ollama or openai.

    Runs on the CPU unless `on_gpu`, so that a search never evicts the vision model from a small GPU. Servers with the
    OpenAI API choose the device and keep their models by themselves. Raises EngineUnreachable, ModelMissing or
    EngineError.
    """
    from threading import Thread

    check_host(host, allow_remote=allow_remote)
    server = _Server(host, api_key)
    embed_by_kind = _embed_openai if kind == "openai" else partial(_embed_ollama, on_gpu=on_gpu, keep_alive=keep_alive)
    results: list[QueryVector | EngineError] = []

    def embed() -> None:
        try:
            results.append(_call(server, timeout_s, partial(embed_by_kind, server, model, text)))
        except EngineError as error:
            results.append(error)

    # A thread, because nothing else limits name resolution and slow partial answers.
    thread = Thread(target=embed, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not results:
        server.shut_down()
        raise _timeout(host, timeout_s)
    if isinstance(results[0], EngineError):
        raise results[0]
    return results[0]


def embed_query_by(server: "ModelServer", model: str, text: str) -> QueryVector:
    """Embed a query by an open server, such as an engine of a plugin. Raises EngineError."""
    info = server.preflight(model, "embedding")
    vectors = server.embed(info.name, [_query_text(info.name, text)], options={}, keep_alive="")
    return QueryVector(info.key, _unit(vectors.tolist(), model))


class _Server:
    """A connection to the server at `host`, a URL."""

    def __init__(self, host: str, api_key: str | None = None) -> None:
        from http.client import HTTPConnection, HTTPSConnection

        parts = urlsplit(host)
        connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self.host = host
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self.connection: HTTPConnection = connection_class(parts.hostname or "", parts.port, timeout=CONNECT_TIMEOUT_S)

    def request(self, method: str, path: str, body: dict[str, object] | None, model: str) -> dict[str, object]:
        """Return the JSON object of a response. Raises OSError, HTTPException or EngineError."""
        data = None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, body=data, headers=self._headers)
        response = self.connection.getresponse()
        content = response.read(_MAX_REPLY_BYTES + 1)
        if response.status == 404:
            raise model_missing(model, self.host)
        if response.status != 200:
            raise EngineError(
                f"Query not embedded: HTTP {response.status} from the model server at {origin(self.host)}."
            )
        try:
            reply = json.loads(content) if len(content) <= _MAX_REPLY_BYTES else None
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise EngineError(f"The model server at {origin(self.host)} sent an invalid response to the query.")
        return reply

    def shut_down(self) -> None:
        """End the connection, also while another thread waits for a response."""
        from socket import SHUT_RDWR

        if self.connection.sock is not None:
            with suppress(OSError):
                self.connection.sock.shutdown(SHUT_RDWR)


def _call(server: _Server, timeout_s: float, embed: Callable[[], QueryVector]) -> QueryVector:
    """Connect, embed, and translate the errors of the connection."""
    from http.client import HTTPException

    try:
        server.connection.connect()
        server.connection.sock.settimeout(timeout_s)
        return embed()
    except (OSError, HTTPException, UnicodeError) as error:
        is_slow = isinstance(error, TimeoutError) and server.connection.sock is not None
        raise (_timeout(server.host, timeout_s) if is_slow else unreachable(server.host)) from error
    finally:
        server.connection.close()


def _embed_ollama(server: _Server, model: str, text: str, *, on_gpu: bool, keep_alive: str) -> QueryVector:
    """Look up the installed build of the model, then embed."""
    refuse_hosted(model)
    name, digest = _installed_build(server, model)
    request = {
        "model": name,
        # In a list: for an empty text alone, Ollama answers without a vector.
        "input": [_query_text(name, text)],
        "truncate": True,
        "keep_alive": keep_alive,
        "options": embed_options(on_gpu=on_gpu),
    }
    reply = server.request("POST", "/api/embed", request, model)
    refuse_hosted(model, reply)
    return QueryVector(model_key(name, digest), _unit(reply.get("embeddings"), model))


def _embed_openai(server: _Server, model: str, text: str) -> QueryVector:
    """Look up the model as `OpenAiServer` does, then embed."""
    entries = server.request("GET", "/v1/models", None, model).get("data")
    listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    name, digest = openai_build(listed, model, server.host)
    reply = server.request("POST", "/v1/embeddings", {"model": name, "input": [_query_text(name, text)]}, model)
    data = reply.get("data")
    vectors = [entry.get("embedding") for entry in data if isinstance(entry, dict)] if isinstance(data, list) else None
    return QueryVector(model_key(name, digest), _unit(vectors, model))


def _query_text(model: str, text: str) -> str:
    return embed_prefixes(model).query + text[:MAX_QUERY_CHARACTERS].encode("utf-8", "replace").decode()


def _installed_build(server: _Server, model: str) -> tuple[str, str]:
    """Return full name and digest of the model on the server. Raises ModelMissing."""
    models = server.request("GET", "/api/tags", None, model).get("models")
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and is_entry_of(entry, model):
            refuse_hosted(model, entry)
            return str(entry.get("name") or entry.get("model")), str(entry.get("digest") or "").removeprefix("sha256:")
    raise model_missing(model, server.host)


def _timeout(host: str, timeout_s: float) -> EngineUnreachable:
    return EngineUnreachable(f"The model server at {origin(host)} did not embed the query within {timeout_s:g} s.")


def _unit(vectors: object, model: str) -> tuple[float, ...]:
    """Normalize the first vector."""
    first: Sequence[object] = (
        vectors[0] if isinstance(vectors, list) and vectors and isinstance(vectors[0], list) else ()
    )
    try:
        values = [float(value) for value in first if isinstance(value, int | float)]
        length = math.sqrt(sum(value * value for value in values)) if len(values) == len(first) else 0.0
    except OverflowError:  # an integer beyond every float
        length = 0.0
    if not (length > 0 and math.isfinite(length)):
        raise EngineError(f"{model}: invalid vector for the query.")
    return tuple(value / length for value in values)
