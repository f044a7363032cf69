"""A fake Ollama server on loopback: the documented protocol, models with vision, faults on demand.

    with FakeOllama() as server:
        server.script(busy(retry_after=2))        # the next /api/chat only; then it answers as usual
        ...
        assert server.asked("/api/chat")[0].body["options"]["num_ctx"] == 4096

By hand: `python -m tests.fake_ollama --port 11434`.
"""

import argparse
import contextlib
import json
import math
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.support.fake_faults import (
    GARBAGE,
    Behaviour,
    body,
    break_off,
    broken,
    busy,
    delay,
    hang,
    lines,
    redirect,
    refuse,
    say,
    stall,
    trickle,
)
from tests.support.fake_models import (
    CATALOGUE,
    COLOURS,
    EMBEDDING,
    TEXT,
    VISION,
    Json,
    Model,
    caption,
    is_hosted_name,
)
from tests.support.fake_requests import (
    LOAD_OPTIONS,
    PICTURE_TOKENS,
    Refusal,
    count_tokens,
    keep_alive_s,
    pictures_of,
    prompt_of,
)
from tests.support.fake_routes import PREDICTED, ROUTES, context_length

__all__ = [
    "CATALOGUE",
    "COLOURS",
    "EMBEDDING",
    "GARBAGE",
    "TEXT",
    "VISION",
    "Asked",
    "Behaviour",
    "Exchange",
    "FakeOllama",
    "Model",
    "body",
    "break_off",
    "broken",
    "busy",
    "caption",
    "delay",
    "hang",
    "lines",
    "redirect",
    "refuse",
    "say",
    "stall",
    "trickle",
]


_DEFAULT_KEEP_ALIVE_S = 300.0
_FOREVER = datetime(2300, 1, 1, tzinfo=UTC)
_METHODS = {"HEAD": "GET"}
# Of an answer with more words than this; shorter ones are streamed word by word.
_WORDS_PER_LINE = 512


@dataclass(frozen=True)
class Asked:
    """A recorded request. `picture`: its first image, decoded."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json

    @property
    def prompt(self) -> str:
        messages = self.body.get("messages") or [{"content": self.body.get("prompt", "")}]
        return "\n".join(str(message.get("content", "")) for message in messages)

    @property
    def picture(self) -> bytes | None:
        return next(iter(pictures_of(self.body)), None)


@dataclass(frozen=True)
class Loaded:
    """A model in memory, its load options, and its expiry."""

    model: Model
    options: Json
    context_length: int
    lifetime_s: float
    expires_at: datetime

    @property
    def on_card(self) -> bool:
        return bool(self.options["num_gpu"] != 0)


class FakeOllama:
    """The server, listening for as long as the block lasts.

    `slots` models fit on the card at once; with `num_gpu` 0 a model needs none of it. `choose` may pick a
    behaviour by looking at the request; `vectors` overrules the embedding of single texts.
    """

    def __init__(
        self,
        models: Iterable[Model | str] = ("llava:7b", "phi3.5:latest", "embeddinggemma:latest"),
        *,
        port: int = 0,
        version: str = "0.33.0",
        old: bool = False,
        cloud_disabled: bool = True,
        delay_s: float = 0.0,
        slots: int = 1,
    ) -> None:
        listed = [model if isinstance(model, Model) else CATALOGUE[model] for model in models]
        self.models = {model.name: model for model in listed}
        self.version, self.old, self.cloud_disabled = version, old, cloud_disabled
        self.delay_s, self.slots, self.port = delay_s, slots, port
        self.requests: list[Asked] = []
        self.loads: Counter[str] = Counter()
        self.unloads: Counter[str] = Counter()
        self.vectors: dict[str, Sequence[float]] = {}
        self.choose: Callable[[Asked], Behaviour | None] = lambda asked: None
        self.broken: set[str] = set()  # until the model is unloaded
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self._loaded: dict[str, Loaded] = {}
        self._scripts: dict[str, deque[Behaviour]] = {}
        self._open: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.down()

    def up(self) -> None:
        """Listen, on the previous port if any."""
        exchange = type("BoundExchange", (Exchange,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), exchange)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections, like a stopped server."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._loaded.clear()
        for connection in list(self._open):
            _shut(connection)

    def script(self, *behaviours: Behaviour, path: str = "/api/chat") -> None:
        """Behaviours for the next requests to `path`, one each, followed by normal answers.

        The path of requests for probabilities is "judge".
        """
        self._scripts.setdefault(path, deque()).extend(behaviours)

    def asked(self, path: str) -> list[Asked]:
        return [asked for asked in self.requests if asked.path == path]

    def behaviour_for(self, asked: Asked) -> Behaviour | None:
        with self.lock:
            self.requests.append(asked)
            scripted = self._scripts.get("judge" if asked.body.get("logprobs") else asked.path)
            return scripted.popleft() if scripted else self.choose(asked)

    def find(self, name: str) -> Model | None:
        """The model of a name in any case, with or without its tag."""
        full = (name if ":" in name else f"{name}:latest").lower()
        model = next((model for listed, model in self.models.items() if listed.lower() == full), None)
        if model is None and is_hosted_name(full):
            return Model(name, remote_host="https://ollama.com:443", remote_model=name)
        return model

    def load(self, model: Model, body: Json) -> None:
        """Load a model, again if its options changed, evicting the oldest."""
        requested = body.get("options") or {}
        options = {key: requested.get(key) for key in LOAD_OPTIONS}
        with self.lock:
            known = self._loaded.pop(model.name, None)
            if known is not None and options["num_gpu"] is None:
                options["num_gpu"] = known.options["num_gpu"]  # a request that leaves the choice open moves nothing
            if known is not None and known.options != options:
                self.unloads[model.name] += 1
            if known is None or known.options != options:
                self.loads[model.name] += 1
            lifetime_s = keep_alive_s(body.get("keep_alive"))
            if lifetime_s is None:
                lifetime_s = known.lifetime_s if known is not None else _DEFAULT_KEEP_ALIVE_S
            ends = _FOREVER if math.isinf(lifetime_s) else datetime.now(UTC) + timedelta(seconds=lifetime_s)
            self._loaded[model.name] = Loaded(model, options, context_length(body, model), lifetime_s, ends)
            on_card = [name for name, loaded in self._loaded.items() if loaded.on_card]
            for name in on_card[: max(0, len(on_card) - self.slots)]:
                self._drop(name)

    def unload(self, model: Model) -> None:
        with self.lock:
            self._drop(model.name)

    def loaded(self) -> list[Loaded]:
        return list(self._loaded.values())

    def _drop(self, name: str) -> None:
        self.broken.discard(name)
        if self._loaded.pop(name, None) is not None:
            self.unloads[name] += 1


class Exchange(BaseHTTPRequestHandler):
    """A request and its answer. Behaviours write through `send_json`, `send_lines`, `send_bytes`, `drop`."""

    fake: FakeOllama
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every streamed word waits 40 ms for an acknowledgement
    body: Json
    flaw: str  # of the body, in the words of the server

    def setup(self) -> None:
        super().setup()
        self.fake._open.add(self.connection)

    def finish(self) -> None:
        self.fake._open.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Silence: tests read `requests`."""

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names are http.server's

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError, OSError):
            self.close_connection = True

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.flaw = "missing request body" if self.command == "POST" and not raw else ""
        try:
            self.body = json.loads(raw or b"{}")
        except ValueError:
            self.body, self.flaw = {}, "unexpected EOF"
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.body)
        behaviour = self.fake.behaviour_for(asked)
        if behaviour is not None:
            behaviour(self)
        else:
            self.usual()

    def usual(self) -> None:
        """The answer of a healthy server."""
        route = ROUTES.get((_METHODS.get(self.command, self.command), self.path))
        if route is not None:
            try:
                if self.flaw:
                    raise Refusal(400, self.flaw)
                route(self)
            except Refusal as refusal:
                self.fail(refusal.status, refusal.error)
        elif any(path == self.path for _, path in ROUTES):
            self.send_bytes(405, b"405 method not allowed", "text/plain")
        else:
            self.send_bytes(404, b"404 page not found", "text/plain")

    def fail(self, status: int, error: object) -> None:
        self.send_json({"error": error}, status)

    def send_json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_bytes(status, json.dumps(value).encode(), "application/json; charset=utf-8", headers)

    def send_bytes(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_lines(self, lines: Iterable[object], *, cut: bool = False) -> None:
        """A stream of JSON lines (bytes unchanged); `cut` ends the stream like a broken connection."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        if cut:
            self.drop()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def drop(self) -> None:
        self.close_connection = True
        _shut(self.connection)

    def model(self) -> Model:
        """The model of the request. Refuses a missing model, in the words of each route."""
        name = str(self.body.get("model") or self.body.get("name") or "")
        model = self.fake.find(name) if name else None
        if model is not None:
            return model
        if self.path == "/api/embed" and name:
            raise Refusal(404, f'model "{name}" not found, try pulling it first')
        if not name and self.path in ("/api/chat", "/api/show"):
            raise Refusal(400, "model is required")
        full = f"{name}:latest" if self.path == "/api/show" and ":" not in name else name
        raise Refusal(404, f"model '{full}' not found")

    def speak(
        self, text: str | list[str], reason: str | None = "stop", *, done: bool = True, thinking: str = ""
    ) -> None:
        """Answer with `text`, or with its pieces, in the envelope of the route; streamed unless the request forbids."""
        pieces = PREDICTED.findall(text) if isinstance(text, str) else text
        end = self.last(done, reason, len(pieces))
        if not self.body.get("stream", True):
            self.send_json(
                end | self.part("".join(pieces), thinking=thinking) | {"done": done} | self._logprobs(pieces)
            )
            return
        if len(pieces) > _WORDS_PER_LINE:
            pieces = ["".join(pieces[at : at + _WORDS_PER_LINE]) for at in range(0, len(pieces), _WORDS_PER_LINE)]
        lines = [self.part(piece) | self._logprobs([piece]) for piece in pieces]
        if thinking:
            lines.insert(0, self.part("", thinking=thinking))
        self.send_lines([*lines, end] if done else lines)

    def part(self, text: str, *, thinking: str = "") -> Json:
        piece: Json = {"content": text} | ({"thinking": thinking} if thinking else {})
        chunk: Json = {"message": {"role": "assistant", **piece}} if self.path == "/api/chat" else {"response": text}
        model = self.fake.find(str(self.body.get("model")))
        if model is not None and (model.remote_host or model.remote_model):
            chunk |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
        return {"model": self.body.get("model"), "created_at": datetime.now(UTC).isoformat(), "done": False} | chunk

    def last(self, done: bool, reason: str | None, predicted: int = 0) -> Json:
        """The last line of an answer: the reason for its end, durations in nanoseconds, tokens read and written."""
        end = self.part("") | {"done": done} | ({"done_reason": reason} if reason else {})
        length = count_tokens(prompt_of(self.body)) + PICTURE_TOKENS * len(pictures_of(self.body))
        end |= {"total_duration": 9_000_000, "load_duration": 1_000_000, "prompt_eval_count": max(1, length)}
        # The token that ends an answer counts as one.
        written = predicted + (reason == "stop")
        return end | {"prompt_eval_duration": 3_000_000, "eval_count": written, "eval_duration": 5_000_000}

    def _logprobs(self, pieces: list[str]) -> Json:
        """Log probabilities of the tokens if requested, with the alternatives asked for."""
        if not self.body.get("logprobs"):
            return {}
        tokens = []
        for piece in pieces:
            token: Json = {"token": piece, "logprob": -0.1, "bytes": list(piece.encode())}
            more = [token | {"logprob": -0.1 - rank} for rank in range(self.body.get("top_logprobs", 0))]
            tokens.append(token | ({"top_logprobs": more} if more else {}))
        return {"logprobs": tokens}


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    parser = argparse.ArgumentParser(description="A pretended Ollama server, for trying vidlocal without one.")
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer of a model")
    asked = parser.parse_args()
    with FakeOllama(CATALOGUE.values(), port=asked.port, delay_s=asked.delay) as server:
        print(f"listening on {server.host} with {', '.join(server.models)}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.ended.wait()


if __name__ == "__main__":
    main()
