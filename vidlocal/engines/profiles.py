"""Profiles of models for small and large GPUs, with download sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.engines.vram_fit import required_bytes


class ProfileName(StrEnum):
    """Profiles by GPU memory: 4 to 6 GB, 6 to 8 GB, more."""

    LIGHT = "light"
    STANDARD = "standard"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Profile:
    """Model names: three for Ollama, one for whisper.cpp."""

    name: ProfileName
    vision_model: str
    embed_model: str
    text_model: str
    whisper_model: str


# Rounded, in November 2026: by https://ollama.com/library/NAME/tags, qwen3-vl by https://ollama.com/dhiltgen/qwen3-vl,
# and bakllava, gemma4:e2b, gemma4:e4b and minicpm-v as users of Ollama list them.
OLLAMA_SIZES_BYTES: Mapping[str, int] = {
    "moondream": 1_700_000_000,
    "llava:7b": 4_700_000_000,
    "llava:13b": 8_000_000_000,
    "llava:34b": 20_000_000_000,
    "bakllava": 4_700_000_000,
    "qwen3-vl:2b": 1_900_000_000,
    "qwen3-vl:4b": 3_300_000_000,
    "qwen3-vl:8b": 6_200_000_000,
    "qwen3-vl:30b": 20_000_000_000,
    "gemma3:4b": 3_300_000_000,
    "gemma3:12b": 8_100_000_000,
    "gemma3:27b": 17_000_000_000,
    "gemma4:e2b": 7_200_000_000,
    "gemma4:e4b": 9_600_000_000,
    "minicpm-v": 5_500_000_000,
    "phi3.5": 2_200_000_000,
    "embeddinggemma": 622_000_000,
    "all-minilm": 46_000_000,
}

# 20 GB of weights, the projector, and a context of 4,096 tokens.
LLAVA_34B_MEMORY_BYTES = 24_000_000_000

# GPUs sold as 24 GB have 24 GiB minus the share of the driver, those sold as 6 GB sometimes 5.9.
_TOLERANCE = 0.97
_STANDARD_MEMORY_BYTES = 6_000_000_000
_BEST_MEMORY_BYTES = 12_000_000_000

# Vision models newer than LLaVA, the most capable first, as users of similar programs report. Not measured here:
# `vidlocal bench` compares them.
_NEWER_MODELS = (
    *("qwen3-vl:30b", "gemma3:27b", "gemma3:12b", "gemma4:e4b", "qwen3-vl:8b", "gemma4:e2b", "minicpm-v"),
    *("qwen3-vl:4b", "gemma3:4b", "qwen3-vl:2b"),
)
_MAX_PROPOSED = 3

_PROFILES = {
    ProfileName.LIGHT: Profile(ProfileName.LIGHT, "moondream", "all-minilm", "phi3.5", "base"),
    ProfileName.STANDARD: Profile(ProfileName.STANDARD, "llava:7b", "embeddinggemma", "phi3.5", "base"),
    ProfileName.BEST: Profile(ProfileName.BEST, "llava:13b", "embeddinggemma", "phi3.5", "large-v3-turbo"),
}
_BEST_ON_LARGE_GPU = Profile(ProfileName.BEST, "llava:34b", "embeddinggemma", "phi3.5", "large-v3-turbo")


def profile_for_memory(gpu_bytes: float) -> ProfileName:
    """Return the profile for a GPU of this memory."""
    if gpu_bytes >= _BEST_MEMORY_BYTES * _TOLERANCE:
        return ProfileName.BEST
    return ProfileName.STANDARD if gpu_bytes >= _STANDARD_MEMORY_BYTES * _TOLERANCE else ProfileName.LIGHT


def newer_models(gpu_bytes: float, num_ctx: int) -> tuple[str, ...]:
    """Return newer vision models for this memory, the most capable first."""
    fitting = (
        name
        for name in _NEWER_MODELS
        if required_bytes(name, OLLAMA_SIZES_BYTES[name], num_ctx) <= gpu_bytes / _TOLERANCE
    )
    return tuple(fitting)[:_MAX_PROPOSED]


def profile(name: ProfileName, *, gpu_memory_bytes: float | None) -> Profile:
    """Return the models of a profile. `best` depends on the GPU memory; None: no GPU detected."""
    if name is ProfileName.BEST and (gpu_memory_bytes or 0) >= LLAVA_34B_MEMORY_BYTES * _TOLERANCE:
        return _BEST_ON_LARGE_GPU
    return _PROFILES[name]
