"""A fake server with the OpenAI API, in several dialects. Its models are those of the fake Ollama behind.

with FakeOpenAi(dialect=LLAMA_CPP) as server:
    server.asked("/v1/chat/completions")[0]["max_tokens"]
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

from tests.support.fake_ollama import FakeOllama

Json = dict[str, Any]


@dataclass(frozen=True)
class Dialect:
    """Differences between servers.

    `props`: /props and times as of llama.cpp; `version`: as of vLLM (without both, `stream_options` get HTTP 400);
    `formats`: accepted kinds of response_format, others get HTTP 400; `streams`: else the answer comes at once;
    `reasons`: reasoning before the answer; `key`: needed; `max_model_len` as of vLLM; `data_urls`: else pictures are
    mere base64.
    """

    props: bool = False
    version: str = ""
    formats: tuple[str, ...] = ("json_schema", "json_object")
    streams: bool = True
    reasons: bool = False
    key: str = ""
    max_model_len: int | None = None
    logprobs: bool = True
    data_urls: bool = True


# Another one at each start of the real server.
MARKER = "<__media_x7__>"

LLAMA_CPP = Dialect(props=True)
VLLM = Dialect(version="0.11.0", max_model_len=3000, reasons=True)
LM_STUDIO = Dialect(formats=("json_schema",), logprobs=False)
LM_STUDIO_RAW = Dialect(formats=("json_schema",), logprobs=False, data_urls=False)
LOCAL_AI = Dialect(formats=("json_object",))
PLAIN = Dialect(formats=(), streams=False, logprobs=False)
DIALECTS = {
    "llama.cpp": LLAMA_CPP,
    "vLLM": VLLM,
    "LM Studio": LM_STUDIO,
    "LM Studio, no data URLs": LM_STUDIO_RAW,
    "LocalAI": LOCAL_AI,
    "plain": PLAIN,
}


class FakeOpenAi:
    """The server, listening during the block. `model`: the only model, or all of the fake Ollama.

    `answer` may replace the answer to a request by status and body.
    """

    def __init__(self, dialect: Dialect = LLAMA_CPP, *, model: str | None = None) -> None:
        self.dialect = dialect
        self.inner = FakeOllama([model] if model else ("llava:7b", "phi3.5:latest", "embeddinggemma:latest"))
        self.requests: list[tuple[str, Json, dict[str, str]]] = []
        self.answer: Callable[[str, Json], tuple[int, bytes] | None] = lambda path, body: None
        self._server: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    def asked(self, path: str) -> list[Json]:
        """The bodies of the requests to a path."""
        return [body for asked, body, _ in self.requests if asked == path]

    def __enter__(self) -> Self:
        self.inner.__enter__()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self.inner.__exit__(None, None, None)

    def reply(self, path: str, body: Json) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        replaced = self.answer(path, body)
        if replaced is not None:
            return replaced
        if path == "/v1/models":
            return 200, _pack({"object": "list", "data": [self._entry(model) for model in self.inner.models.values()]})
        if path == "/props" and self.dialect.props:
            return 200, _pack(
                {
                    "default_generation_settings": {"n_ctx": 4096},
                    "total_slots": 2,
                    "modalities": {
                        "vision": any("vision" in (m.capabilities or ()) for m in self.inner.models.values())
                    },
                    "build_info": "b1-fake",
                    "media_marker": MARKER,
                }
            )
        if path == "/version" and self.dialect.version:
            return 200, _pack({"version": self.dialect.version})
        if path == "/v1/chat/completions":
            return self._chat(body)
        if path == "/v1/embeddings":
            inner = self._post("/api/embed", {"model": body["model"], "input": body["input"]})
            if "embeddings" not in inner:
                return 501, _pack({"error": {"message": "This server does not support embeddings", "code": 501}})
            rows = [{"index": number, "embedding": row} for number, row in enumerate(inner["embeddings"])]
            return 200, _pack({"data": rows[::-1]})  # the order is that of the index
        if path == "/embeddings" and self.dialect.props:
            assert {item["prompt_string"] for item in body["content"]} == {MARKER}
            images = [{"image": data} for item in body["content"] for data in item["multimodal_data"]]
            embedded = self._post("/api/embed", {"model": body["model"], "input": images})
            if "embeddings" not in embedded:
                return 500, _pack({"error": {"message": "multimodal data is not supported", "code": 500}})
            listed = enumerate(embedded["embeddings"])
            return 200, _pack([{"index": number, "embedding": [row]} for number, row in listed])
        return 404, _pack({"error": {"message": "not found", "code": 404}})

    def _entry(self, model: Any) -> Json:
        entry: Json = {"id": model.name, "object": "model", "meta": {"size": model.size, "n_params": 7}}
        return entry if self.dialect.max_model_len is None else entry | {"max_model_len": self.dialect.max_model_len}

    def _chat(self, body: Json) -> tuple[int, bytes]:
        form = body.get("response_format", {}).get("type")
        if form is not None and form not in self.dialect.formats:
            return 400, _pack({"error": {"message": f"response_format {form} is not supported", "code": 400}})
        if "stream_options" in body and not (self.dialect.props or self.dialect.version):
            return 400, _pack({"error": {"message": "stream_options is not supported", "code": 400}})
        if not self.dialect.data_urls and "data:image" in json.dumps(body["messages"]):
            return 400, _pack({"error": "'url' field must be a base64 encoded image."})
        schema = body["response_format"]["json_schema"]["schema"] if form == "json_schema" else _schema_in_words(body)
        inner = self._post(
            "/api/chat",
            {
                "model": body["model"],
                "messages": [_inner_message(message) for message in body["messages"]],
                "stream": False,
                "format": schema,
                "options": {"num_predict": body["max_tokens"]},
            },
        )
        text, reason = inner["message"]["content"], inner.get("done_reason") or "stop"
        logprobs = None
        if body.get("logprobs") and self.dialect.logprobs:
            logprobs = {"content": [{"top_logprobs": [{"token": text.split()[0], "logprob": -0.1}]}]}
        if body.get("stream") and self.dialect.streams:
            usage = self._usage(inner) if body.get("stream_options", {}).get("include_usage") else None
            return 200, b"".join(self._events(text, reason, usage))
        choice = {"message": {"content": text}, "finish_reason": reason, "logprobs": logprobs}
        return 200, _pack({"choices": [choice], **self._usage(inner)})

    def _usage(self, inner: Json) -> Json:
        tokens = inner["eval_count"]
        timings = {"timings": {"predicted_n": tokens, "predicted_ms": inner["eval_duration"] / 1e6}}
        return {"usage": {"completion_tokens": tokens}} | (timings if self.dialect.props else {})

    def _events(self, text: str, reason: str, usage: Json | None) -> Iterator[bytes]:
        yield b": a comment\n\n"
        if self.dialect.reasons:
            yield _event({"choices": [{"delta": {"reasoning_content": "Let me think."}}]})
        for piece in (text[start : start + 7] for start in range(0, len(text), 7)):
            yield _event({"choices": [{"delta": {"content": piece}}]})
        yield _event({"choices": [{"delta": {}, "finish_reason": reason}]})
        if usage is not None:
            yield _event({"choices": [], **usage})
        yield b"data: [DONE]\n\n"

    def _post(self, path: str, body: Json) -> Json:
        answer: Json = httpx.post(self.inner.host + path, json=body, trust_env=False, timeout=30).json()
        return answer


def _schema_in_words(body: Json) -> Json | None:
    """The schema at the end of the prompt, obeyed by good models."""
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[-1]["text"]
    _, found, schema = text.partition("Answer with a JSON object of this schema, and nothing else: ")
    return json.loads(schema) if found else None


def _inner_message(message: Json) -> Json:
    content = message["content"]
    if isinstance(content, str):
        return message
    assert [part["type"] for part in content][-1] == "text", "pictures come before the text"
    urls = [part["image_url"]["url"] for part in content[:-1]]
    images = [url.removeprefix("data:image/jpeg;base64,").removeprefix("data:image/png;base64,") for url in urls]
    for image in images:
        base64.b64decode(image, validate=True)
    return {"role": message["role"], "content": content[-1]["text"], "images": images}


def _event(value: Json) -> bytes:
    return b"data: " + _pack(value) + b"\n\n"


def _pack(value: object) -> bytes:
    return json.dumps(value).encode()


def _handler(server: FakeOpenAi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_json = self.headers.get("content-type", "").startswith("application/json")
            self._reply(json.loads(body) if is_json else {})

        def _reply(self, body: Json) -> None:
            server.requests.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
            key = server.dialect.key
            if key and self.headers.get("authorization") != f"Bearer {key}":
                status, content = 401, _pack({"error": {"message": "Invalid API key", "code": 401}})
            else:
                status, content = server.reply(self.path, body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
