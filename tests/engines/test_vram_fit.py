"""Models within the memory of a GPU."""

import pytest

from vidlocal.engines.base import ModelInfo
from vidlocal.engines.vram_fit import GB, best_fitting_model, fitting_context, required_bytes


def model(name: str, size_bytes: int) -> ModelInfo:
    return ModelInfo(name, "0" * 64, None, size_bytes)


INSTALLED = [
    model("llava:7b", 4_700_000_000),
    model("llava:13b", 8_000_000_000),
    model("moondream:latest", 1_700_000_000),
    model("phi3.5:latest", 2_200_000_000),
]


@pytest.mark.parametrize(
    ("gpu_gb", "best"), [(2, None), (4, "moondream:latest"), (6, "llava:7b"), (8, "llava:7b"), (12, "llava:13b")]
)
def test_the_best_fitting_model_is_used(gpu_gb: int, best: str | None) -> None:
    result = best_fitting_model(INSTALLED, 4096, gpu_gb * GB)
    assert (result.name if result else None) == best


def test_a_model_may_fit_only_with_a_small_context() -> None:
    llava = model("llava:13b", 8_000_000_000)
    assert fitting_context(llava, 4096, 11 * GB) == 2048
    assert fitting_context(llava, 4096, 13 * GB) == 4096
    assert fitting_context(llava, 4096, 8 * GB) is None


def test_a_longer_context_needs_more() -> None:
    assert required_bytes("other", 4 * GB, 8192) > required_bytes("other", 4 * GB, 4096) > 4 * GB
