"""An Ollama server of ours on loopback: the documented protocol, models that look, faults on demand.

    with FakeOllama() as server:
        server.script(busy(retry_after=2))        # the next /api/chat only; then it answers as usual
        ...
        assert server.asked("/api/chat")[0].body["options"]["num_ctx"] == 4096

By hand: `python tests/fake_ollama.py --port 11434`.
"""

import argparse
import base64
import binascii
import contextlib
import hashlib
import io
import json
import math
import re
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from PIL import Image

Json = dict[str, Any]
Behaviour = Callable[["Exchange"], None]

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 40),
    "black": (10, 10, 10),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "orange": (240, 140, 30),
    "brown": (110, 70, 40),
    "pink": (240, 150, 190),
    "purple": (130, 40, 150),
    "turquoise": (60, 200, 200),
}
RUNNER_CRASH = "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error"
SERVER_BUSY = "server busy, please try again.  maximum pending requests exceeded"
_PREFIX = re.compile(
    r"^(task: [^|]+\| query: |title: none \| text: |search_(query|document): |query: |passage: |"
    r"Represent this sentence for searching relevant passages: |Instruct: .*\nQuery: ?)"
)
_SMALL_WORDS = frozenset({"a", "an", "and", "are", "at", "by", "for", "in", "is", "it", "of", "on", "or", "the", "to"})
# Changing one of these between two requests makes the real server load the model anew.
_LOAD_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
_INTEGER_OPTIONS = (*_LOAD_OPTIONS, "num_predict", "seed", "top_k")


@dataclass(frozen=True)
class Model:
    """A model of the fake. `capabilities` None: a server too old to tell. `blind`: it answers without looking."""

    name: str
    capabilities: tuple[str, ...] | None = ("completion",)
    size: int = 4_000_000_000
    digest: str = ""
    remote_host: str = ""
    remote_model: str = ""
    blind: bool = False
    obeys_schema: bool = True
    dimensions: int = 256
    system: str = ""
    parameters: Json = field(default_factory=dict)

    @property
    def sha(self) -> str:
        return self.digest or hashlib.sha256(self.name.encode()).hexdigest()


VISION, TEXT, EMBEDDING = ("completion", "vision"), ("completion",), ("embedding",)
CATALOGUE = {
    model.name: model
    for model in (
        Model("llava:7b", VISION, 4_733_363_377),
        Model("llava:13b", VISION, 8_011_256_494),
        Model("llava:34b", VISION, 20_166_497_526),
        Model("bakllava:latest", VISION, 4_733_351_307),
        Model("moondream:latest", VISION, 1_738_451_197),
        Model("phi3.5:latest", TEXT, 2_176_178_843),
        Model("embeddinggemma:latest", EMBEDDING, 621_875_917),
        Model("nomic-embed-text:latest", EMBEDDING, 274_302_450),
        Model("all-minilm:latest", EMBEDDING, 45_960_996, dimensions=384),
    )
}


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
        return next(iter(_pictures(self.body)), None)


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
        options = {key: body.get("options", {}).get(key) for key in _LOAD_OPTIONS}
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
        route = _ROUTES.get(self.path)
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
            pieces = [text[at : at + 4096] for at in range(0, len(text), 4096)] if len(text) > 4096 else _words(text)
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


# ---------------------------------------------------------------- behaviours for `script` and `choose`


def hang(seconds: float = 60.0) -> Behaviour:
    """Accept and say nothing, until the server ends or the time is over; then the connection breaks."""

    def behave(exchange: Exchange) -> None:
        exchange.fake.ended.wait(seconds)
        exchange.drop()

    return behave


def stall(seconds: float = 60.0) -> Behaviour:
    """Begin to answer, then say nothing more."""

    def lines(exchange: Exchange) -> Iterable[Json]:
        yield exchange.part("A ")
        exchange.fake.ended.wait(seconds)

    return lambda exchange: exchange.send_lines(lines(exchange), cut=True)


def trickle(seconds_between: float, words: int = 10_000) -> Behaviour:
    """Speak for ever, a word at a time."""

    def lines(exchange: Exchange) -> Iterable[Json]:
        for number in range(words):
            if exchange.fake.ended.wait(seconds_between):
                return
            yield exchange.part(f"word{number} ")

    return lambda exchange: exchange.send_lines(lines(exchange))


def refuse() -> Behaviour:
    """Close the connection without a word."""
    return lambda exchange: exchange.drop()


def delay(seconds: float) -> Behaviour:
    """Answer as usual, but late."""

    def behave(exchange: Exchange) -> None:
        exchange.fake.ended.wait(seconds)
        exchange.usual()

    return behave


def broken(error: object = RUNNER_CRASH, status: int = 500) -> Behaviour:
    return lambda exchange: exchange.fail(status, error)


def busy(*, retry_after: int | None = None, status: int = 503) -> Behaviour:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda exchange: exchange.send_json({"error": SERVER_BUSY}, status, headers)


def redirect(location: str) -> Behaviour:
    return lambda exchange: exchange.send_bytes(307, b"", "text/plain", {"Location": location})


def body(content: bytes, *, status: int = 200, kind: str = "application/json") -> Behaviour:
    return lambda exchange: exchange.send_bytes(status, content, kind)


def lines(*parts: object, cut: bool = False) -> Behaviour:
    return lambda exchange: exchange.send_lines(parts, cut=cut)


def say(text: str, *, done: bool = True, reason: str | None = "stop", thinking: str = "") -> Behaviour:
    return lambda exchange: exchange.speak(text, done=done, reason=reason, thinking=thinking)


def break_off(error: object) -> Behaviour:
    """Speak a little, then an error line inside the stream."""
    return lambda exchange: exchange.send_lines([exchange.part("A "), {"error": error}])


_NESTED = {"error": {"code": 500, "message": "failed to process image", "type": "server_error"}}
_CUT_LINE = b'{"model":"llava:7b","message":{"role":"assistant","content":"A bri'
# Hardening F11: replies that no caption may come from.
GARBAGE: dict[str, Behaviour] = {
    "html_502": body(b"<html><h1>502 Bad Gateway</h1></html>", status=502, kind="text/html"),
    "html_200": body(b"<html><body>Sign in</body></html>", kind="text/html"),
    "array": body(b"[]\n"),
    "null": body(b"null\n"),
    "empty_body": body(b""),
    "truncated_line": lines(_CUT_LINE),
    "cut_connection": lines(_CUT_LINE, cut=True),
    "never_done": say("A bride walks down the aisle.", done=False),
    "empty_content": say(""),
    "thinking_only": say("", thinking="The user wants a description."),
    "token_loop": say("the the " * 300),
    "cut_at_num_predict": say('{"description": "A bride walks down the ai', reason="length"),
    "megabyte_caption": say("A bride with flowers walks down the aisle. " * 24_000),
    "invalid_utf8": lines(
        b'{"message":{"role":"assistant","content":"caf\xff\xfe"},"done":true,"done_reason":"stop"}\n'
    ),
    "error_line": break_off("an error was encountered while running the model"),
    "nested_error_line": break_off(_NESTED),
    "no_message": lines({"done": True, "done_reason": "stop"}),
    "loaded_only": say("", reason="load"),
}


# ---------------------------------------------------------------- routes


def _root(exchange: Exchange) -> None:
    exchange.send_bytes(200, b"Ollama is running", "text/plain; charset=utf-8")


def _version(exchange: Exchange) -> None:
    exchange.send_json({"version": exchange.fake.version})


def _status(exchange: Exchange) -> None:
    exchange.send_json({"cloud": {"disabled": exchange.fake.cloud_disabled, "source": "env"}})


def _listed(model: Model) -> Json:
    family = "clip" if "vision" in (model.capabilities or ()) else "llama"
    found: Json = {"name": model.name, "model": model.name, "modified_at": "2026-11-01T00:00:00Z", "size": model.size}
    found |= {"digest": model.sha, "details": {"format": "gguf", "family": family, "quantization_level": "Q4_0"}}
    if model.remote_host or model.remote_model:
        found |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
    return found | ({"capabilities": list(model.capabilities)} if model.capabilities is not None else {})


def _tags(exchange: Exchange) -> None:
    exchange.send_json({"models": [_listed(model) for model in exchange.fake.models.values()]})


def _ps(exchange: Exchange) -> None:
    fake = exchange.fake
    found = [_listed(fake.models[name]) | {"size_vram": fake.models[name].size} for name in fake.loaded()]
    exchange.send_json({"models": [model | {"context_length": 4096} for model in found]})


def _show(exchange: Exchange) -> None:
    model = exchange.model()
    if model is None:
        return
    if model.remote_host and exchange.fake.cloud_disabled:
        exchange.fail(403, "ollama cloud is disabled: remote model details are unavailable")
        return
    shown: Json = {"license": "", "template": "{{ .Prompt }}", "system": model.system, "details": {"format": "gguf"}}
    shown["model_info"] = {"general.architecture": "llama", "llama.context_length": 32768}
    shown["parameters"] = "\n".join(f"{key} {value}" for key, value in model.parameters.items())
    if model.capabilities is not None:
        shown["capabilities"] = list(model.capabilities)
    if model.remote_host or model.remote_model:
        shown |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
    exchange.send_json(shown)


def _speak(exchange: Exchange) -> None:
    """/api/chat and /api/generate."""
    model = exchange.model()
    if model is None:
        return
    refusal = _refusal(exchange.body, model, exchange.fake.old)
    if refusal is not None:
        exchange.fail(*refusal)
        return
    if exchange.body.get("keep_alive") == 0 and not _prompt(exchange.body):
        exchange.fake.unload(model)
        exchange.send_json(exchange.last(True, "unload"))
        return
    exchange.fake.load(model, exchange.body)
    exchange.fake.ended.wait(exchange.fake.delay_s) if exchange.fake.delay_s else None
    if not _prompt(exchange.body):
        exchange.send_json(exchange.last(True, "load"))
    else:
        exchange.speak(_answer(exchange.body, model))
    if exchange.body.get("keep_alive") == 0:
        exchange.fake.unload(model)


def _refusal(body: Json, model: Model, old: bool) -> tuple[int, str] | None:
    """The status and error of a request that the real server does not take."""
    for key in _INTEGER_OPTIONS:
        if not isinstance(body.get("options", {}).get(key, 0), int):
            return 500, f'option "{key}" must be of type integer'
    alive = body.get("keep_alive", 300)
    if isinstance(alive, str) and re.fullmatch(r"-?[1-9]\d*", alive):
        return 400, f'time: missing unit in duration "{alive}"'
    if body.get("think") and "thinking" not in (model.capabilities or ()):
        return 400, f'"{model.name}" does not support thinking'
    if "format" in body and body["format"] not in ("", "json") and not isinstance(body["format"], dict):
        return 500, f'invalid format: "{body["format"]}"; expected "json" or a valid JSON Schema'
    if model.capabilities is not None and "completion" not in model.capabilities:
        return 400, f'"{model.name}" does not support chat'
    try:
        seen = [Image.open(io.BytesIO(data)).size for data in _pictures(body)]
    except binascii.Error:
        return 400, "illegal base64 data at input byte 4"
    except OSError:
        return 500, "Failed to load image or audio file"
    if seen and "vision" not in (model.capabilities or ("vision",)) and not old:
        return 400, "Multimodal data provided, but model does not support multimodal requests."
    return None


def _embed(exchange: Exchange) -> None:
    model = exchange.model()
    if model is None:
        return
    given = exchange.body.get("input", [])
    texts = [given] if isinstance(given, str) else given
    if not all(isinstance(text, str) for text in texts):
        exchange.fail(400, "invalid input type")
        return
    if model.capabilities is not None and "embedding" not in model.capabilities:
        exchange.fail(400, "this model does not support embeddings")
        return
    exchange.fake.load(model, exchange.body)
    size = exchange.body.get("dimensions") or model.dimensions
    vectors = [_vector(text, size, exchange.fake.vectors) for text in texts]
    spent = {"total_duration": 2_000_000, "load_duration": 500_000, "prompt_eval_count": 8 * len(texts)}
    exchange.send_json({"model": exchange.body["model"], "embeddings": vectors} | spent)


def _pull(exchange: Exchange) -> None:
    name = str(exchange.body.get("model") or exchange.body.get("name"))
    name = name if ":" in name else f"{name}:latest"
    if name not in CATALOGUE:
        exchange.send_lines([{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}])
        return
    model = CATALOGUE[name]
    layer = {"status": f"pulling {model.sha[:12]}", "digest": f"sha256:{model.sha}", "total": model.size}
    steps: list[Json] = [{"status": "pulling manifest"}]
    steps += [layer | {"completed": model.size * part // 4} for part in range(5)]
    steps += [{"status": status} for status in ("verifying sha256 digest", "writing manifest", "success")]
    exchange.fake.models[name] = model
    exchange.send_lines(steps) if exchange.body.get("stream", True) else exchange.send_json({"status": "success"})


def _create(exchange: Exchange) -> None:
    name, base = str(exchange.body.get("model")), exchange.fake.find(str(exchange.body.get("from", "")))
    name = name if ":" in name else f"{name}:latest"
    if base is None:
        exchange.fail(400, "neither 'from' or 'files' was specified")
        return
    digest = hashlib.sha256(json.dumps(exchange.body, sort_keys=True).encode()).hexdigest()
    made = replace(base, name=name, digest=digest, system=exchange.body.get("system", ""))
    exchange.fake.models[name] = replace(made, parameters=exchange.body.get("parameters", {}))
    steps = [{"status": "using existing layer"}, {"status": "writing manifest"}, {"status": "success"}]
    exchange.send_lines(steps) if exchange.body.get("stream", True) else exchange.send_json(steps[-1])


def _delete(exchange: Exchange) -> None:
    model = exchange.model()
    if model is not None:
        del exchange.fake.models[model.name]
        exchange.send_json({})


_ROUTES: dict[str, Behaviour] = {
    "/": _root,
    "/api/version": _version,
    "/api/status": _status,
    "/api/tags": _tags,
    "/api/ps": _ps,
    "/api/show": _show,
    "/api/chat": _speak,
    "/api/generate": _speak,
    "/api/embed": _embed,
    "/api/pull": _pull,
    "/api/create": _create,
    "/api/delete": _delete,
}


# ---------------------------------------------------------------- what the models say


def colour_name(rgb: Sequence[float]) -> str:
    return min(COLOURS, key=lambda name: math.dist(COLOURS[name], rgb))


def caption(jpeg: bytes) -> str:
    """A sentence that tells one picture from another: its colours by region, and its mean as a number."""
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    (mean,) = _pixels(picture, 1)
    nine = _pixels(picture, 3)
    light = sum(mean) / 3
    tone = "dark" if light < 85 else "bright" if light > 170 else "softly lit"
    middle, left, right, low_left, low_right = (colour_name(nine[at]) for at in (4, 0, 2, 6, 8))
    shade = "".join(f"{value:02x}" for value in mean)
    return (
        f"A {tone} {colour_name(mean)} scene, shade {shade}, {middle} in the middle, {left} and {right} above, "
        f"{low_left} and {low_right} below."
    )


def _pixels(picture: Image.Image, side: int) -> list[tuple[int, int, int]]:
    """The picture as side x side mean colours, row by row."""
    data = picture.resize((side, side), Image.Resampling.BOX).tobytes()
    return [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]


def _answer(body: Json, model: Model) -> str:
    pictures, prompt = _pictures(body), _prompt(body)
    if model.blind or not pictures or "vision" not in (model.capabilities or ("vision",)):
        colour, seen = "purple", "A group of people enjoys a sunny day in a park."
    else:
        seen = caption(pictures[0])
        colour = seen.split(" scene")[0].split()[-1]
    if "one word" in prompt.lower() and re.search(r"colou?r", prompt.lower()):
        return colour.capitalize() + "."
    schema = body.get("format")
    if schema == "json" or (isinstance(schema, dict) and model.obeys_schema):
        return json.dumps(_fill(schema if isinstance(schema, dict) else {}, seen, colour))
    return seen


def _fill(schema: Json, seen: str, colour: str) -> Json:
    """An object with every property of `schema`, of the type it asks for."""
    by_type: Json = {"array": [colour, "light"], "integer": 1, "number": 0.4, "boolean": False, "string": colour}
    found = {name: by_type.get(kind.get("type", "string"), colour) for name, kind in schema["properties"].items()}
    known: Json = {"description": seen, "visible_text": "", "relationships": []}
    return found | {name: value for name, value in known.items() if name in found}


def _vector(text: str, size: int, table: dict[str, Sequence[float]]) -> list[float]:
    """A unit vector: from the table, else a hashed bag of words, so that texts that share words are near."""
    bare = _PREFIX.sub("", text)
    values = [float(value) for value in table.get(bare, table.get(text, ()))]
    if not values:
        values = [0.0] * size
        words = [word for word in re.findall(r"\w+", bare.lower()) if word not in _SMALL_WORDS]
        for word in words or [bare]:
            # Four letters are a stem for our purpose: walks, walked and walking are one word.
            number = int.from_bytes(hashlib.blake2b(word[:4].encode(), digest_size=8).digest(), "big")
            values[number % size] += 1.0 if number >> 63 else -1.0
    length = math.hypot(*values) or 1.0
    return [value / length for value in values]


def is_hosted_name(name: str) -> bool:
    return name.lower().endswith((":cloud", "-cloud"))


def _pictures(body: Json) -> list[bytes]:
    found = [*body.get("images", []), *(image for m in body.get("messages", []) for image in m.get("images") or [])]
    return [base64.b64decode(image, validate=True) for image in found]


def _prompt(body: Json) -> str:
    said = [str(message.get("content", "")) for message in body.get("messages", [])]
    return "\n".join([*said, str(body.get("prompt", ""))]).strip()


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


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
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
