"""An Ollama server of ours on loopback: the documented protocol, models that look, faults on demand.

    with FakeOllama() as server:
        server.script(busy(retry_after=2))        # the next /api/chat only; then it answers as usual
        ...
        assert server.asked("/api/chat")[0].body["options"]["num_ctx"] == 4096

By hand: `python -m tests.fake_ollama --port 11434`.
"""

import argparse
import contextlib
import json
import re
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
    pictures_of,
)
from tests.support.fake_routes import LOAD_OPTIONS, ROUTES

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


@dataclass(frozen=True)
class Asked:
    """One recorded request. `picture` is the first image of it, decoded."""

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
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self._loaded: dict[str, Json] = {}
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
        """Listen, on the same port as before if there was one."""
        exchange = type("BoundExchange", (Exchange,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), exchange)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections, as a server that was stopped does."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._loaded.clear()
        for connection in list(self._open):
            _shut(connection)

    def script(self, *behaviours: Behaviour, path: str = "/api/chat") -> None:
        """What the next requests to `path` meet, one each; None of it is left over, it answers as usual again."""
        self._scripts.setdefault(path, deque()).extend(behaviours)

    def asked(self, path: str) -> list[Asked]:
        return [asked for asked in self.requests if asked.path == path]

    def behaviour_for(self, asked: Asked) -> Behaviour | None:
        with self.lock:
            self.requests.append(asked)
            scripted = self._scripts.get(asked.path)
            return scripted.popleft() if scripted else self.choose(asked)

    def find(self, name: str) -> Model | None:
        name = name if ":" in name else f"{name}:latest"
        found = self.models.get(name)
        if found is None and is_hosted_name(name):
            return Model(name, remote_host="https://ollama.com:443", remote_model=name)
        return found

    def load(self, model: Model, body: Json) -> bool:
        """Bring a model into memory, evicting the oldest. Whether it had to be loaded."""
        options = {key: body.get("options", {}).get(key) for key in LOAD_OPTIONS}
        with self.lock:
            known = self._loaded.pop(model.name, None)
            if known is not None and known != options:
                self.unloads[model.name] += 1
            if known != options:
                self.loads[model.name] += 1
            self._loaded[model.name] = options
            on_card = [name for name, how in self._loaded.items() if how["num_gpu"] != 0]
            for name in on_card[: max(0, len(on_card) - self.slots)]:
                self._drop(name)
            return known != options

    def unload(self, model: Model) -> None:
        with self.lock:
            self._drop(model.name)

    def loaded(self) -> list[str]:
        return list(self._loaded)

    def _drop(self, name: str) -> None:
        if self._loaded.pop(name, None) is not None:
            self.unloads[name] += 1


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer. Behaviours write through `send_json`, `send_lines`, `send_bytes`, `drop`."""

    fake: FakeOllama
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every streamed word waits 40 ms for an acknowledgement
    body: Json

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
        self.body = json.loads(raw) if raw else {}
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.body)
        behaviour = self.fake.behaviour_for(asked)
        if behaviour is not None:
            behaviour(self)
        else:
            self.usual()

    def usual(self) -> None:
        """The answer of a healthy server."""
        route = ROUTES.get(self.path)
        if route is None:
            self.send_bytes(404, b"404 page not found", "text/plain")
        else:
            route(self)

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
        """A stream of JSON lines (bytes go out as they are); `cut` ends it as a broken connection does."""
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

    def model(self) -> Model | None:
        name = str(self.body.get("model") or self.body.get("name") or "")
        found = self.fake.find(name)
        if found is None:
            self.fail(404, f"model '{name}' not found")
        return found

    def speak(self, text: str, *, done: bool = True, reason: str | None = "stop", thinking: str = "") -> None:
        """`text` in the envelope of the route, streamed unless the request said otherwise."""
        if self.body.get("stream", True):
            pieces = (
                [text[at : at + 4096] for at in range(0, len(text), 4096)]
                if len(text) > 4096
                else re.findall(r"\S+\s*|\s+", text)
            )
            lines = [self.part(piece) for piece in pieces]
            if thinking:
                lines.insert(0, self.part("", thinking=thinking))
            self.send_lines([*lines, self.last(done, reason)] if done else lines)
        else:
            self.send_json(self.part(text, thinking=thinking) | self.last(done, reason, text))

    def part(self, text: str, *, thinking: str = "") -> Json:
        piece: Json = {"content": text} | ({"thinking": thinking} if thinking else {})
        said: Json = {"message": {"role": "assistant", **piece}} if self.path == "/api/chat" else {"response": text}
        model = self.fake.find(str(self.body.get("model")))
        if model is not None and (model.remote_host or model.remote_model):
            said |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
        return {"model": self.body.get("model"), "created_at": "2026-11-21T00:00:00Z", "done": False} | said

    def last(self, done: bool, reason: str | None, text: str = "") -> Json:
        end = self.part(text) | {"done": done}
        if reason:
            end["done_reason"] = reason
        spent = {"total_duration": 9_000_000, "load_duration": 1_000_000, "prompt_eval_count": 600}
        return end | spent | {"prompt_eval_duration": 3_000_000, "eval_count": 60, "eval_duration": 5_000_000}


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
