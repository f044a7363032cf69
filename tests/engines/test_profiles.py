"""Profiles of models by GPU memory."""

from pathlib import Path

import pytest

from vidlocal.engines.gpu_memory import gpu_memory_bytes
from vidlocal.engines.profiles import OLLAMA_SIZES_BYTES, ProfileName, newer_models, profile, profile_for_memory

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("name", "gpu_bytes", "vision"),
    [
        (ProfileName.LIGHT, None, "moondream"),
        (ProfileName.STANDARD, 80 * GB, "llava:7b"),
        (ProfileName.BEST, None, "llava:13b"),
        (ProfileName.BEST, 16 * GB, "llava:13b"),
        (ProfileName.BEST, 24564 << 20, "llava:34b"),
    ],
)
def test_the_vision_model_fits_the_gpu(name: ProfileName, gpu_bytes: int | None, vision: str) -> None:
    assert profile(name, gpu_memory_bytes=gpu_bytes).vision_model == vision


@pytest.mark.parametrize(
    ("gigabytes", "name"),
    [(3, "light"), (4, "light"), (5.9, "standard"), (6, "standard"), (8, "standard"), (11.99, "best"), (24, "best")],
)
def test_the_profile_follows_the_memory(gigabytes: float, name: str) -> None:
    assert profile_for_memory(gigabytes * GB) is ProfileName(name)


@pytest.mark.parametrize(
    ("gigabytes", "newer"),
    [
        (2, ()),
        (4, ("qwen3-vl:2b",)),
        (6, ("qwen3-vl:4b", "gemma3:4b", "qwen3-vl:2b")),
        (8, ("qwen3-vl:8b", "minicpm-v", "qwen3-vl:4b")),
        (12, ("gemma3:12b", "gemma4:e4b", "qwen3-vl:8b")),
        (16, ("gemma3:12b", "gemma4:e4b", "qwen3-vl:8b")),
        (24, ("qwen3-vl:30b", "gemma3:27b", "gemma3:12b")),
    ],
)
def test_newer_models_are_proposed_that_fit(gigabytes: float, newer: tuple[str, ...]) -> None:
    assert newer_models(gigabytes * GB, 4096) == newer


def test_the_light_profile_fits_six_gigabytes_with_room() -> None:
    light = profile(ProfileName.LIGHT, gpu_memory_bytes=None)
    sizes = [OLLAMA_SIZES_BYTES[model] for model in (light.vision_model, light.text_model, light.embed_model)]
    assert sum(sizes) < 4.5 * GB


def test_every_ollama_model_of_a_profile_has_a_size() -> None:
    for name in ProfileName:
        for gpu_bytes in (None, 80 * GB):
            models = profile(name, gpu_memory_bytes=gpu_bytes)
            assert {models.vision_model, models.text_model, models.embed_model} <= set(OLLAMA_SIZES_BYTES)


def test_the_memory_of_the_largest_gpu_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for card, size in (("card0", 8 * GB), ("card1", 16 * GB)):
        (tmp_path / card / "device").mkdir(parents=True)
        (tmp_path / card / "device" / "mem_info_vram_total").write_text(f"{size}\n")
    nvidia = tmp_path / "nvidia-smi"
    nvidia.write_text("#!/bin/sh\necho 6144\necho 24564\n")
    nvidia.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    assert gpu_memory_bytes(tmp_path) == 16 * GB
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert gpu_memory_bytes(tmp_path) == 24564 << 20
    nvidia.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert gpu_memory_bytes(tmp_path) == 16 * GB
