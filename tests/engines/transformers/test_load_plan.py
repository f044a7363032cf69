"""Device and precision of a model in process, by the free memory."""

import pytest

from vidlocal.engines.transformers.load_plan import GB, Device, LoadPlan, plan_load
from vidlocal.errors import EngineError

SEVEN_B = 7_000_000_000
CPU = Device("cpu", 64 * GB)


def plan(*devices: Device, parameters: int = SEVEN_B, can_quantize: bool = False) -> LoadPlan:
    return plan_load("llava", parameters, devices, can_quantize=can_quantize)


def test_a_gpu_with_room_comes_first() -> None:
    chosen = plan(Device("cuda:0", 24 * GB), CPU)
    assert (chosen.device, chosen.dtype, chosen.four_bit) == ("cuda:0", "bfloat16", False)
    assert chosen.needed_bytes == 15.5 * GB


def test_a_gpu_without_bfloat16_gets_float16() -> None:
    assert plan(Device("cuda:0", 24 * GB, False), CPU).dtype == "float16"
    assert plan(Device("mps", 24 * GB, False), CPU).device == "mps"


def test_four_bits_come_before_the_cpu() -> None:
    small = Device("cuda:0", 8 * GB)
    assert plan(small, CPU, can_quantize=True) == LoadPlan("cuda:0", "bfloat16", True, int(6.05 * GB))
    assert plan(small, CPU).device == "cpu"
    assert plan(Device("mps", 8 * GB, False), CPU, can_quantize=True).device == "cpu"


def test_a_cpu_without_room_for_float32_gets_bfloat16() -> None:
    assert plan(CPU).dtype == "float32"
    assert plan(Device("cpu", 16 * GB)).dtype == "bfloat16"


def test_a_model_that_fits_nowhere_is_refused_with_the_numbers() -> None:
    with pytest.raises(EngineError, match=r"llava needs about 15\.5 GB of memory; free: cuda:0 4\.0 GB, cpu 8\.0 GB"):
        plan(Device("cuda:0", 4 * GB), Device("cpu", 8 * GB))


def test_a_plan_reads_well() -> None:
    assert str(plan(Device("cuda:0", 24 * GB))) == "cuda:0, bfloat16, about 15.5 GB"
    assert "4 bits" in str(plan(Device("cuda:0", 8 * GB), can_quantize=True))
