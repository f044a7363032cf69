"""Plan for loading a model in process: device and precision by the free memory. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from vidlocal.errors import EngineError

GB = 1_000_000_000
# Beside the weights: activations of an image, key-value cache of 4,096 tokens, and buffers of the library.
WORKSPACE_BYTES = 1_500_000_000
# A weight in 4 bits, with the scales of bitsandbytes (a float32 per block of 64) and the layers it leaves in 16 bits.
_FOUR_BIT_BYTES = 0.65
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Device:
    """A device of torch: `cuda:0`, `mps` or `cpu`, with its free memory."""

    name: str
    free_bytes: int
    has_bfloat16: bool = True

    @property
    def precisions(self) -> tuple[str, ...]:
        """Precisions to use, best first. Arithmetic in 16 bits is slow on many CPUs."""
        if self.name == "cpu":
            return ("float32", "bfloat16")
        return ("bfloat16",) if self.has_bfloat16 else ("float16",)


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Device, precision and estimated memory of a model."""

    device: str
    dtype: str
    four_bit: bool
    needed_bytes: int

    def as_data(self) -> dict[str, object]:
        return asdict(self)

    def __str__(self) -> str:
        precision = "4 bits" if self.four_bit else self.dtype
        return f"{self.device}, {precision}, about {self.needed_bytes / GB:.1f} GB"


def plan_load(name: str, parameters: int, devices: Sequence[Device], *, can_quantize: bool) -> LoadPlan:
    """Return the best plan. `devices`: best first; `can_quantize`: bitsandbytes is installed.

    A GPU with the model in 4 bits comes before the CPU, which is many times slower. Raises EngineError if the model
    fits nowhere.
    """
    for device in devices:
        for dtype in device.precisions:
            needed = parameters * _BYTES[dtype] + WORKSPACE_BYTES
            if needed <= device.free_bytes:
                return LoadPlan(device.name, dtype, False, needed)
        needed = int(parameters * _FOUR_BIT_BYTES) + WORKSPACE_BYTES
        if can_quantize and device.name.startswith("cuda") and needed <= device.free_bytes:
            return LoadPlan(device.name, device.precisions[0], True, needed)
    smallest = (parameters * 2 + WORKSPACE_BYTES) / GB
    free = ", ".join(f"{device.name} {device.free_bytes / GB:.1f} GB" for device in devices)
    raise EngineError(f"{name} needs about {smallest:.1f} GB of memory; free: {free}. Choose a smaller model.")
