"""Whether a vision model fits on a graphics card: its weights, its context, and room to compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GB = 1_000_000_000

# What llama.cpp needs beside weights and context for one picture and one batch: buffers, and the driver's own share.
WORKSPACE_BYTES = 600_000_000

# Bytes of key-value cache per token of context, half precision: layers x width of keys and values x 2 x 2 bytes,
# from the config.json of each model's language part (Phi-1.5, Mistral-7B, Vicuna-13B, Yi-34B).
CACHE_BYTES_PER_TOKEN: Mapping[str, int] = {
    "moondream": 24 * 2048 * 4,
    "llava:7b": 32 * 1024 * 4,
    "bakllava": 32 * 1024 * 4,
    "llava:13b": 40 * 5120 * 4,
    "llava:34b": 60 * 1024 * 4,
}
# A model that is not in the table is taken to be like today's 7B models.
_USUAL_CACHE_BYTES = 32 * 1024 * 4

# Best first: what is taken when the chosen model does not fit.
PREFERRED = ("llava:34b", "llava:13b", "llava:7b", "bakllava", "moondream")

# Contexts to try. Below 2,048 Ollama raises it by itself for models that see.
MIN_CONTEXT_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model on a server and the size of its weights."""

    name: str
    size_bytes: int


def required_bytes(name: str, size_bytes: int, num_ctx: int) -> int:
    """Memory of the card that a model takes with a context of `num_ctx` tokens."""
    per_token = CACHE_BYTES_PER_TOKEN.get(name.removesuffix(":latest"), _USUAL_CACHE_BYTES)
    return size_bytes + per_token * num_ctx + WORKSPACE_BYTES


def fitting_context(model: Candidate, num_ctx: int, card_bytes: float) -> int | None:
    """The context to use: `num_ctx`, or the least one where only that fits. None when the model does not fit at all."""
    for context in (num_ctx, min(num_ctx, MIN_CONTEXT_TOKENS)):
        if required_bytes(model.name, model.size_bytes, context) <= card_bytes:
            return context
    return None


def best_fitting_model(models: Sequence[Candidate], num_ctx: int, card_bytes: float) -> Candidate | None:
    """The best of the known vision models that are there and fit."""
    there = {model.name.removesuffix(":latest"): model for model in models}
    wanted = (there[name] for name in PREFERRED if name in there)
    return next((model for model in wanted if fitting_context(model, num_ctx, card_bytes) is not None), None)
