"""Cache of Hugging Face models on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path


def hub_cache(home: Path, env: Mapping[str, str] = os.environ) -> Path:
    """Return the shared cache folder of Hugging Face models.

    Source: environment variables of huggingface_hub, HF_HUB_CACHE before HF_HOME before XDG_CACHE_HOME.
    """
    if env.get("HF_HUB_CACHE", "").strip():
        return Path(os.path.expanduser(env["HF_HUB_CACHE"]))
    if env.get("HF_HOME", "").strip():
        return Path(os.path.expanduser(env["HF_HOME"])) / "hub"
    cache = env.get("XDG_CACHE_HOME", "").strip()
    return (Path(os.path.expanduser(cache)) if cache else home / ".cache") / "huggingface" / "hub"
