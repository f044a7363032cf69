"""GPU memory of this machine."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import ToolError
from vidlocal.process import run

_AMD_FILES = "card*/device/mem_info_vram_total"
# Share of the unified memory of an Apple chip that macOS gives to models, about.
_APPLE_SHARE = 0.75


def gpu_memory_bytes(devices: Path = Path("/sys/class/drm")) -> int | None:
    """Return the memory of the largest GPU in bytes, None without a known GPU.

    Sources: nvidia-smi for NVIDIA, the kernel for AMD, a share of the machine's memory for Apple chips.
    """
    sizes = [*_nvidia_bytes(), *_amd_bytes(devices)]
    if sys.platform == "darwin" and os.uname().machine == "arm64":
        sizes.append(int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _APPLE_SHARE))
    return max(sizes, default=None)


def _nvidia_bytes() -> list[int]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    with suppress(ToolError):
        result = run([program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"], timeout=10.0)
        words = result.stdout.decode("ascii", "replace").split()
        return [int(word) << 20 for word in words if word.isdecimal()] if result.returncode == 0 else []
    return []


def _amd_bytes(devices: Path) -> list[int]:
    sizes = []
    for file in devices.glob(_AMD_FILES):
        with suppress(OSError, ValueError):
            sizes.append(int(file.read_text(encoding="ascii")))
    return sizes
