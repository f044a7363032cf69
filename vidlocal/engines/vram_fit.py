"""Estimates of GPU memory for vision models: weights, context, and workspace."""

from collections.abc import Mapping, Sequence

from vidlocal.engines.base import ModelInfo

GB = 1_000_000_000

# Memory of llama.cpp beside weights and context, for one image and one batch: buffers, and the share of the driver.
WORKSPACE_BYTES = 600_000_000

# Bytes of key-value cache per token of context in half precision: layers x width of keys and values x 2 x 2 bytes, from
# the config.json of the language part of each model (Phi-1.5, Mistral-7B, Vicuna-13B, Yi-34B).
CACHE_BYTES_PER_TOKEN: Mapping[str, int] = {
    "moondream": 24 * 2048 * 4,
    "llava:7b": 32 * 1024 * 4,
    "bakllava": 32 * 1024 * 4,
    "llava:13b": 40 * 5120 * 4,
    "llava:34b": 60 * 1024 * 4,
    # Qwen3 1.7B, 4B, 8B and 30B-A3B; Gemma 3, an upper bound, because most of its layers see a window only; Qwen2-7B.
    "qwen3-vl:2b": 28 * 1024 * 4,
    "qwen3-vl:4b": 36 * 1024 * 4,
    "qwen3-vl:8b": 36 * 1024 * 4,
    "qwen3-vl:30b": 48 * 512 * 4,
    "gemma3:4b": 34 * 1024 * 4,
    "gemma3:12b": 48 * 2048 * 4,
    "gemma3:27b": 62 * 2048 * 4,
    "minicpm-v": 28 * 512 * 4,
}
# For other models: as in current 7B models.
_DEFAULT_CACHE_BYTES = 32 * 1024 * 4

# Replacements for a model that does not fit, best first of each group.
PREFERRED = (
    *("llava:34b", "llava:13b", "llava:7b", "bakllava"),
    *(
        "qwen3-vl:30b",
        "gemma3:27b",
        "gemma3:12b",
        "qwen3-vl:8b",
        "minicpm-v",
        "qwen3-vl:4b",
        "gemma3:4b",
        "qwen3-vl:2b",
    ),
    "moondream",
)

# Ollama raises smaller contexts of vision models to this.
MIN_CONTEXT_TOKENS = 2048


def required_bytes(name: str, size_bytes: int, num_ctx: int) -> int:
    """Return the GPU memory for a model of `size_bytes` with a context of `num_ctx` tokens."""
    per_token = CACHE_BYTES_PER_TOKEN.get(name.removesuffix(":latest"), _DEFAULT_CACHE_BYTES)
    return size_bytes + per_token * num_ctx + WORKSPACE_BYTES


def fitting_context(model: ModelInfo, num_ctx: int, gpu_bytes: float) -> int | None:
    """Return `num_ctx`, or the minimum context if only that fits. None for a model too large."""
    for context in (num_ctx, min(num_ctx, MIN_CONTEXT_TOKENS)):
        if required_bytes(model.name, model.size_bytes, context) <= gpu_bytes:
            return context
    return None


def best_fitting_model(models: Sequence[ModelInfo], num_ctx: int, gpu_bytes: float) -> ModelInfo | None:
    """Return the best installed model of PREFERRED within the memory."""
    installed = {model.name.removesuffix(":latest"): model for model in models}
    candidates = (installed[name] for name in PREFERRED if name in installed)
    return next((model for model in candidates if fitting_context(model, num_ctx, gpu_bytes) is not None), None)
