"""The healthy answers of the pretended Ollama server, route by route."""

import hashlib
import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.fake_faults import Behaviour
from tests.support.fake_models import CATALOGUE, Json, Model, answer, decide, image_vector, vector
from tests.support.fake_requests import (
    DEFAULT_NUM_CTX,
    MAX_TOP_LOGPROBS,
    MIN_VISION_NUM_CTX,
    PICTURE_TOKENS,
    Refusal,
    check_format,
    check_options,
    count_tokens,
    engine_refusal,
    first_tokens,
    keep_alive_s,
    last_tokens,
    opened,
    pictures_of,
    prompt_of,
)

if TYPE_CHECKING:
    from tests.support.fake_ollama import Exchange

PREDICTED = re.compile(r"\S+\s*|\s+")


def _root(exchange: "Exchange") -> None:
    exchange.send_bytes(200, b"Ollama is running", "text/plain; charset=utf-8")


def _version(exchange: "Exchange") -> None:
    exchange.send_json({"version": exchange.fake.version})


def _status(exchange: "Exchange") -> None:
    exchange.send_json({"cloud": {"disabled": exchange.fake.cloud_disabled, "source": "env"}})


def _details(model: Model) -> Json:
    family = model.family or ("llama" if model.can("completion") else "bert")
    details: Json = {"parent_model": "", "format": "gguf", "family": family, "families": [family]}
    return details | {"parameter_size": "7B", "quantization_level": "Q4_0"}


def _listed(model: Model) -> Json:
    found: Json = {"name": model.name, "model": model.name, "modified_at": "2026-11-01T00:00:00Z", "size": model.size}
    found |= {"digest": model.sha, "details": _details(model)}
    if model.remote_host or model.remote_model:
        found |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
    if model.capabilities is not None:
        # The list says "completion" of embedding models too; only /api/show knows better.
        known = ["completion" if name == "embedding" else name for name in model.capabilities]
        found["capabilities"] = list(dict.fromkeys(known))
    return found


def _tags(exchange: "Exchange") -> None:
    exchange.send_json({"models": [_listed(model) for model in exchange.fake.models.values()]})


def _ps(exchange: "Exchange") -> None:
    running = []
    for loaded in sorted(exchange.fake.loaded(), key=lambda loaded: loaded.expires_at, reverse=True):
        model = loaded.model
        entry = {"name": model.name, "model": model.name, "size": model.size, "digest": model.sha}
        entry |= {"details": _details(model), "expires_at": loaded.expires_at.isoformat()}
        entry |= {"size_vram": model.size if loaded.on_card else 0, "context_length": loaded.context_length}
        running.append(entry)
    exchange.send_json({"models": running})


def _show(exchange: "Exchange") -> None:
    model = exchange.model()
    if model.remote_host and exchange.fake.cloud_disabled:
        raise Refusal(403, "ollama cloud is disabled: remote model details are unavailable")
    architecture = _details(model)["family"]
    shown: Json = {"modelfile": f"FROM {model.name}", "template": "{{ .Prompt }}", "details": _details(model)}
    shown["model_info"] = {
        "general.architecture": architecture,
        f"{architecture}.context_length": model.context_length,
        f"{architecture}.embedding_length": model.dimensions,
    }
    shown["modified_at"] = "2026-11-01T00:00:00Z"
    if model.can("vision"):
        shown["projector_info"] = {"general.architecture": "clip"}
    if model.system:
        shown["system"] = model.system
    if model.parameters:
        shown["parameters"] = "\n".join(f"{key:<30} {value}" for key, value in model.parameters.items())
    if model.capabilities is not None:
        shown["capabilities"] = list(model.capabilities)
    if model.remote_host or model.remote_model:
        shown |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
    exchange.send_json(shown)


def _speak(exchange: "Exchange") -> None:
    """/api/chat and /api/generate."""
    body, fake = exchange.body, exchange.fake
    pictures, lifetime_s = pictures_of(body), keep_alive_s(body.get("keep_alive"))
    if not 0 <= body.get("top_logprobs", 0) <= MAX_TOP_LOGPROBS:
        raise Refusal(400, "top_logprobs must be between 0 and 20")
    model = exchange.model()
    empty = not body.get("messages") if exchange.path == "/api/chat" else not body.get("prompt")
    if empty and lifetime_s == 0:
        fake.unload(model)
        exchange.send_json(exchange.part("") | {"done": True, "done_reason": "unload"})
        return
    _check_capabilities(exchange, model)
    fake.load(model, body)
    fake.ended.wait(fake.delay_s) if fake.delay_s else None
    if model.breaks and len(pictures) > 1:
        fake.broken.add(model.name)
    if model.name in fake.broken and not empty:
        raise Refusal(500, "got exception: Chunk not found")
    if empty:
        exchange.send_json(exchange.part("") | {"done": True, "done_reason": "load"})
        return
    check_format(body.get("format"))
    exchange.body = _fitted(body, model, pictures, old=fake.old)
    pieces, reason = _predicted(answer(exchange.body, model), body)
    if lifetime_s == 0:
        fake.unload(model)
    exchange.speak(pieces, reason)


def _check_capabilities(exchange: "Exchange", model: Model) -> None:
    body = exchange.body
    if (model.remote_host or model.remote_model) and exchange.fake.cloud_disabled:
        raise Refusal(403, "ollama cloud is disabled: remote model is unavailable")
    if body.get("think") and "thinking" not in (model.capabilities or ()):
        raise Refusal(400, f'"{body["model"]}" does not support thinking')
    if not model.can("completion"):
        raise Refusal(400, f'"{body["model"]}" does not support {exchange.path.removeprefix("/api/")}')
    check_options(body.get("options") or {})


def _fitted(body: Json, model: Model, pictures: list[bytes], *, old: bool) -> Json:
    """Request as seen by the model: over-long text has lost its beginning. Refusal for pictures out of place."""
    if pictures and not model.can("vision") and not old:
        if model.templated:
            raise engine_refusal(400, "Multimodal data provided, but model does not support multimodal requests.")
        hint = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
        raise engine_refusal(500, hint, "server_error")
    for picture in pictures:
        opened(picture)
    text, num_ctx = prompt_of(body), context_length(body, model)
    length = count_tokens(text) + len(pictures) * PICTURE_TOKENS
    if length < num_ctx:
        return body
    if pictures or not model.templated or body.get("truncate") is False:
        message = f"request ({length} tokens) exceeds the available context size ({num_ctx} tokens), try increasing it"
        raise engine_refusal(400, message, "exceed_context_size_error", n_prompt_tokens=length, n_ctx=num_ctx)
    return body | {"prompt": "", "messages": [{"role": "user", "content": last_tokens(text, num_ctx // 2)}]}


def context_length(body: Json, model: Model) -> int:
    """Tokens a model is loaded with: the request's `num_ctx` within the bounds of the model."""
    options = body.get("options") or {}
    asked = int(options.get("num_ctx") or model.parameters.get("num_ctx") or DEFAULT_NUM_CTX)
    least = MIN_VISION_NUM_CTX if "vision" in (model.capabilities or ()) else 1
    return min(max(asked, least), model.context_length)


def _predicted(text: str, body: Json) -> tuple[list[str], str]:
    """The pieces of an answer up to `num_predict`, and the reason for its end. 0 and less mean no limit."""
    pieces = PREDICTED.findall(text)
    limit = int((body.get("options") or {}).get("num_predict") or 0)
    return (pieces[:limit], "length") if 0 < limit < len(pieces) else (pieces, "stop")


def _embed(exchange: "Exchange") -> None:
    body, fake = exchange.body, exchange.fake
    given, lifetime_s = body.get("input"), keep_alive_s(body.get("keep_alive"))
    texts = ([given] if given else []) if isinstance(given, str) else given or []
    model = exchange.model()
    items = texts if isinstance(texts, list) else []
    images = [item["image"] for item in items if isinstance(item, dict) and "image" in item]
    if images and model.can("embedding") and model.can("vision") and len(images) == len(items):
        pictures = pictures_of({"images": images})
        rows = [image_vector(picture, model.dimensions, fake.vectors) for picture in pictures]
        exchange.send_json({"model": body["model"], "embeddings": rows})
        return
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refusal(400, "invalid input type")
    check_options(body.get("options") or {})
    fake.load(model, body)
    reply: Json = {"model": body["model"], "embeddings": []}
    if texts:
        if not model.can("embedding"):
            raise Refusal(501, "This server does not support embeddings. Start it with `--embeddings`")
        limit = context_length(body, model)
        if body.get("truncate") is False and any(count_tokens(text) > limit for text in texts):
            raise Refusal(400, "the input length exceeds the context length")
        texts = [first_tokens(text, limit) for text in texts]
        reply["embeddings"] = [_shortened(vector(text, model.dimensions, fake.vectors), body) for text in texts]
        count = sum(min(limit, count_tokens(text) + 2) for text in texts)
        reply |= {"total_duration": 2_000_000, "load_duration": 500_000, "prompt_eval_count": count}
    if lifetime_s == 0:
        fake.unload(model)
    exchange.send_json(reply)


def _system_one(exchange: "Exchange") -> None:
    body, model = exchange.body, exchange.model()
    if "decision" not in (model.capabilities or ()):
        raise Refusal(400, f'"{body["model"]}" does not support decisions')
    exchange.fake.load(model, body)
    (name, question), *_ = body["questions"].items()
    if question["type"] != "noul" or not question["instructions"]:
        raise Refusal(400, "question without instructions")
    answers = {name: {"type": "noul", "noul": decide(body, model)}}
    exchange.send_json({"model": body["model"], "answers": answers, "usage": {"input_tokens": 90, "output_tokens": 0}})


def _shortened(values: list[float], body: Json) -> list[float]:
    """The first `dimensions` values of a vector, of length 1 again."""
    wanted = int(body.get("dimensions") or 0)
    if not 0 < wanted < len(values):
        return values
    length = math.hypot(*values[:wanted]) or 1.0
    return [value / length for value in values[:wanted]]


def _pull(exchange: "Exchange") -> None:
    name = _full_name(exchange)
    if name not in CATALOGUE:
        _fail_pull(exchange)
        return
    model = CATALOGUE[name]
    layer = {"status": f"pulling {model.sha[:12]}", "digest": f"sha256:{model.sha}", "total": model.size}
    steps: list[Json] = [{"status": "pulling manifest"}]
    steps += [layer | {"completed": model.size * part // 4} for part in range(5)]
    steps += [{"status": status} for status in ("verifying sha256 digest", "writing manifest", "success")]
    exchange.fake.models[name] = model
    _send_steps(exchange, steps)


def _fail_pull(exchange: "Exchange") -> None:
    error = "pull model manifest: file does not exist"
    if not exchange.body.get("stream", True):
        raise Refusal(500, error)
    exchange.send_lines([{"status": "pulling manifest"}, {"error": error}])


def _send_steps(exchange: "Exchange", steps: list[Json]) -> None:
    exchange.send_lines(steps) if exchange.body.get("stream", True) else exchange.send_json(steps[-1])


def _full_name(exchange: "Exchange") -> str:
    name = str(exchange.body.get("model") or exchange.body.get("name"))
    return name if ":" in name else f"{name}:latest"


def _create(exchange: "Exchange") -> None:
    body, name = exchange.body, _full_name(exchange)
    if not body.get("from"):
        raise Refusal(400, "neither 'from' or 'files' was specified")
    base = exchange.fake.find(str(body["from"]))
    if base is None:  # the real server would download it
        _fail_pull(exchange)
        return
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    parameters = {**base.parameters, **body.get("parameters", {})}
    system = body.get("system") or base.system
    exchange.fake.models[name] = replace(base, name=name, digest=digest, system=system, parameters=parameters)
    _send_steps(exchange, [{"status": "using existing layer"}, {"status": "writing manifest"}, {"status": "success"}])


def _delete(exchange: "Exchange") -> None:
    del exchange.fake.models[exchange.model().name]
    exchange.send_bytes(200, b"", "text/plain")


ROUTES: dict[tuple[str, str], Behaviour] = {
    ("GET", "/"): _root,
    ("GET", "/api/version"): _version,
    ("GET", "/api/status"): _status,
    ("GET", "/api/tags"): _tags,
    ("GET", "/api/ps"): _ps,
    ("POST", "/api/show"): _show,
    ("POST", "/api/chat"): _speak,
    ("POST", "/api/generate"): _speak,
    ("POST", "/api/embed"): _embed,
    ("POST", "/v1/systemone"): _system_one,
    ("POST", "/api/pull"): _pull,
    ("POST", "/api/create"): _create,
    ("DELETE", "/api/delete"): _delete,
}
