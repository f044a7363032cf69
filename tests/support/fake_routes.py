"""The healthy answers of the pretended Ollama server, route by route."""

import binascii
import hashlib
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from tests.support.fake_faults import Behaviour
from tests.support.fake_models import CATALOGUE, Json, Model, answer, pictures_of, prompt_of, vector

if TYPE_CHECKING:
    from tests.support.fake_ollama import Exchange

# Changing one of these between two requests makes the real server load the model anew.
LOAD_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
_INTEGER_OPTIONS = (*LOAD_OPTIONS, "num_predict", "seed", "top_k")


def _root(exchange: "Exchange") -> None:
    exchange.send_bytes(200, b"Ollama is running", "text/plain; charset=utf-8")


def _version(exchange: "Exchange") -> None:
    exchange.send_json({"version": exchange.fake.version})


def _status(exchange: "Exchange") -> None:
    exchange.send_json({"cloud": {"disabled": exchange.fake.cloud_disabled, "source": "env"}})


def _listed(model: Model) -> Json:
    family = "clip" if "vision" in (model.capabilities or ()) else "llama"
    found: Json = {"name": model.name, "model": model.name, "modified_at": "2026-11-01T00:00:00Z", "size": model.size}
    found |= {"digest": model.sha, "details": {"format": "gguf", "family": family, "quantization_level": "Q4_0"}}
    if model.remote_host or model.remote_model:
        found |= {"remote_host": model.remote_host, "remote_model": model.remote_model}
    return found | ({"capabilities": list(model.capabilities)} if model.capabilities is not None else {})


def _tags(exchange: "Exchange") -> None:
    exchange.send_json({"models": [_listed(model) for model in exchange.fake.models.values()]})


def _ps(exchange: "Exchange") -> None:
    fake = exchange.fake
    found = [_listed(fake.models[name]) | {"size_vram": fake.models[name].size} for name in fake.loaded()]
    exchange.send_json({"models": [model | {"context_length": 4096} for model in found]})


def _show(exchange: "Exchange") -> None:
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


def _speak(exchange: "Exchange") -> None:
    """/api/chat and /api/generate."""
    model = exchange.model()
    if model is None:
        return
    refusal = _refusal(exchange.body, model, exchange.fake.old)
    if refusal is not None:
        exchange.fail(*refusal)
        return
    if exchange.body.get("keep_alive") == 0 and not prompt_of(exchange.body):
        exchange.fake.unload(model)
        exchange.send_json(exchange.last(True, "unload"))
        return
    exchange.fake.load(model, exchange.body)
    exchange.fake.ended.wait(exchange.fake.delay_s) if exchange.fake.delay_s else None
    if not prompt_of(exchange.body):
        exchange.send_json(exchange.last(True, "load"))
    else:
        exchange.speak(answer(exchange.body, model))
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
        seen = [Image.open(io.BytesIO(data)).size for data in pictures_of(body)]
    except binascii.Error:
        return 400, "illegal base64 data at input byte 4"
    except OSError:
        return 500, "Failed to load image or audio file"
    if seen and "vision" not in (model.capabilities or ("vision",)) and not old:
        return 400, "Multimodal data provided, but model does not support multimodal requests."
    return None


def _embed(exchange: "Exchange") -> None:
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
    vectors = [vector(text, size, exchange.fake.vectors) for text in texts]
    spent = {"total_duration": 2_000_000, "load_duration": 500_000, "prompt_eval_count": 8 * len(texts)}
    exchange.send_json({"model": exchange.body["model"], "embeddings": vectors} | spent)


def _pull(exchange: "Exchange") -> None:
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


def _create(exchange: "Exchange") -> None:
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


def _delete(exchange: "Exchange") -> None:
    model = exchange.model()
    if model is not None:
        del exchange.fake.models[model.name]
        exchange.send_json({})


ROUTES: dict[str, Behaviour] = {
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
