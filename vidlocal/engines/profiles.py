"""Profiles of models for small and large GPUs, with download sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ProfileName(StrEnum):
    """Profiles by GPU memory: 4 to 6 GB, 6 to 8 GB, more."""

    LIGHT = "light"
    STANDARD = "standard"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Profile:
    """Model names: three of Ollama, one of whisper.cpp."""

    name: ProfileName
    vision_model: str
    embed_model: str
    text_model: str
    whisper_model: str


# Source, rounded as there: https://ollama.com/library/NAME/tags.
OLLAMA_SIZES_BYTES: Mapping[str, int] = {
    "moondream": 1_700_000_000,
    "llava:7b": 4_700_000_000,
    "llava:13b": 8_000_000_000,
    "llava:34b": 20_000_000_000,
    "phi3.5": 2_200_000_000,
    "embeddinggemma": 622_000_000,
    "all-minilm": 46_000_000,
}

# 20 GB of weights, the projector, and a context of 4,096 tokens.
LLAVA_34B_MEMORY_BYTES = 24_000_000_000

_PROFILES = {
    ProfileName.LIGHT: Profile(ProfileName.LIGHT, "moondream", "all-minilm", "phi3.5", "base"),
    ProfileName.STANDARD: Profile(ProfileName.STANDARD, "llava:7b", "embeddinggemma", "phi3.5", "base"),
    ProfileName.BEST: Profile(ProfileName.BEST, "llava:13b", "embeddinggemma", "phi3.5", "large-v3-turbo"),
}
_BEST_ON_LARGE_GPU = Profile(ProfileName.BEST, "llava:34b", "embeddinggemma", "phi3.5", "large-v3-turbo")


def profile(name: ProfileName, *, gpu_memory_bytes: int | None) -> Profile:
    """Return the models of a profile. `best` depends on the GPU memory; None: no GPU detected."""
    # GPUs sold as 24 GB have 24 GiB minus the share of the driver.
    if name is ProfileName.BEST and (gpu_memory_bytes or 0) >= LLAVA_34B_MEMORY_BYTES * 0.98:
        return _BEST_ON_LARGE_GPU
    return _PROFILES[name]
