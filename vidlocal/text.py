"""Numbers and names as text."""


def pluralize(number: int, singular: str, plural: str = "") -> str:
    """`1 frame`, `1,234 frames`. `plural` defaults to `singular` + s."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {plural or singular + 's'}"


def full_model_name(model: str) -> str:
    """Return an Ollama model name with tag, in lower case: `llava` is `llava:latest`."""
    last = model.rsplit("/", 1)[-1]
    return (model if ":" in last else f"{model}:latest").lower()


def short_model_name(model: str) -> str:
    """Return the file name of a model that its server names by an absolute path, as llama.cpp does: `qwen3-vl`."""
    return model.rsplit("/", 1)[-1].removesuffix(".gguf") if model.startswith("/") else model


def model_key(name: str, digest: str) -> str:
    """Return the key of vectors of a model build: `name@digest12`."""
    return f"{name}@{digest[:12]}"


def format_size(size_bytes: int) -> str:
    """Format a size like `4.7 GB`, `46 MB`, `0.9 MB`."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1_000_000_000:.1f} GB"
    return f"{size_bytes / 1_000_000:.{0 if size_bytes >= 10_000_000 else 1}f} MB"
