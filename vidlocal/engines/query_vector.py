"""The direction of a query in the space of the embedding model, by plain HTTP.

A search is over in a blink; the packages through which `enrich` talks to the server take longer to import than that,
so this speaks to it with the standard library alone. The rules are the same: no proxy, no redirect, no other machine
unless it was allowed, no hosted model, an end to every wait.
"""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidlocal.engines.host_policy import check_host, is_entry_of, refuse_hosted
from vidlocal.engines.prompts import embed_options, embed_prefixes
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing

if TYPE_CHECKING:
    from http.client import HTTPConnection

CONNECT_TIMEOUT_S = 0.3
TIMEOUT_S = 1.5

# As for passages: no question is longer.
MAX_QUERY_CHARACTERS = 2_000
# Lists of models, and vectors of 8,192 dimensions, are well below.
_MAX_REPLY_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A unit vector and the space it lives in: `key` is `name@digest12`, as vectors are stored under."""

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
) -> QueryVector:
    """The vector of a query, within `total_s` seconds whatever the server does. `host` is a URL.

    On the processor unless `on_gpu`, so that a search never pushes the vision model off a small card. Raises
    EngineUnreachable, ModelMissing or EngineError with a sentence.
    """
    from threading import Thread

    connection = _connection(host, allow_remote=allow_remote)
    ends: list[QueryVector | EngineError] = []

    def ask() -> None:
        try:
            ends.append(_ask(connection, model, text, on_gpu=on_gpu, keep_alive=keep_alive, total_s=timeout_s))
        except EngineError as error:
            ends.append(error)

    # In a thread, because nothing else bounds the looking-up of a name and an answer that drips.
    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout_s)
    if not ends:
        _hang_up(connection)
        raise EngineUnreachable(f"The Ollama server at {host} took longer than {timeout_s:g} s to embed the query.")
    if isinstance(ends[0], EngineError):
        raise ends[0]
    return ends[0]


def _connection(host: str, *, allow_remote: bool) -> "HTTPConnection":
    from http.client import HTTPConnection, HTTPSConnection

    check_host(host, allow_remote=allow_remote)
    parts = urlsplit(host)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=CONNECT_TIMEOUT_S)


def _hang_up(connection: "HTTPConnection") -> None:
    """End the connection under the thread that waits for it."""
    from socket import SHUT_RDWR

    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(SHUT_RDWR)


def _ask(
    connection: "HTTPConnection", model: str, text: str, *, on_gpu: bool, keep_alive: str, total_s: float
) -> QueryVector:
    """The whole conversation: which build of the model is there, then the vector it gives."""
    from http.client import HTTPException

    refuse_hosted(model)
    try:
        connection.connect()
        connection.sock.settimeout(total_s)
        name, digest = _installed(_reply(connection, "GET", "/api/tags", None, model), model)
        request = {
            "model": name,
            "input": embed_prefixes(name).query + text[:MAX_QUERY_CHARACTERS].encode("utf-8", "replace").decode(),
            "truncate": True,
            "keep_alive": keep_alive,
            "options": embed_options(on_gpu=on_gpu),
        }
        reply = _reply(connection, "POST", "/api/embed", request, model)
    except (OSError, HTTPException, UnicodeError) as error:
        raise EngineUnreachable(f"No Ollama server answers at {_address(connection)}.") from error
    finally:
        connection.close()
    refuse_hosted(model, reply)
    return QueryVector(f"{name}@{digest[:12]}", _unit(reply.get("embeddings"), model))


def _reply(
    connection: "HTTPConnection", method: str, path: str, body: dict[str, object] | None, model: str
) -> dict[str, object]:
    """The JSON object the server answers with. Raises OSError, HTTPException or EngineError."""
    data = None if body is None else json.dumps(body).encode()
    connection.request(method, path, body=data, headers={"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read(_MAX_REPLY_BYTES + 1)
    where = f"the Ollama server at {_address(connection)}"
    if response.status == 404:
        raise _missing(model)
    if response.status != 200:
        raise EngineError(f"The query could not be embedded: {where} answered HTTP {response.status}.")
    try:
        reply = json.loads(content) if len(content) <= _MAX_REPLY_BYTES else None
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        raise EngineError(f"The query could not be embedded: the answer of {where} makes no sense.")
    return reply


def _installed(listed: dict[str, object], model: str) -> tuple[str, str]:
    """Full name and digest of the model on the server."""
    models = listed.get("models")
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and is_entry_of(entry, model):
            refuse_hosted(model, entry)
            return str(entry.get("name") or entry.get("model")), str(entry.get("digest") or "").removeprefix("sha256:")
    raise _missing(model)


def _missing(model: str) -> ModelMissing:
    return ModelMissing(f"The model {model} is not on the Ollama server. Get it with: ollama pull {model}")


def _unit(vectors: object, model: str) -> tuple[float, ...]:
    """The first vector, of length 1."""
    first: Sequence[object] = (
        vectors[0] if isinstance(vectors, list) and vectors and isinstance(vectors[0], list) else ()
    )
    values = [float(value) for value in first if isinstance(value, int | float)]
    length = math.sqrt(sum(value * value for value in values)) if len(values) == len(first) else 0.0
    if not (length > 0 and math.isfinite(length)):
        raise EngineError(f"The model {model} gave no usable vector for the query.")
    return tuple(value / length for value in values)


def _address(connection: "HTTPConnection") -> str:
    return f"{connection.host}:{connection.port}"
