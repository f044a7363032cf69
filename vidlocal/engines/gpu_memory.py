"""How much memory the graphics card of this machine has."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import ToolError
from vidlocal.process import run

_AMD_FILES = "card*/device/mem_info_vram_total"
# Of the memory that an Apple chip shares with its graphics, macOS lets models have about three quarters.
_APPLE_SHARE = 0.75


def gpu_memory_bytes(devices: Path = Path("/sys/class/drm")) -> int | None:
    """Bytes of memory of the largest graphics card, None where none is found.

    NVIDIA is asked through nvidia-smi, AMD through the kernel; an Apple chip shares the machine's memory.
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
        answer = run([program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"], timeout=10.0)
        words = answer.stdout.decode("ascii", "replace").split()
        return [int(word) << 20 for word in words if word.isdecimal()] if answer.returncode == 0 else []
    return []


def _amd_bytes(devices: Path) -> list[int]:
    sizes = []
    for file in devices.glob(_AMD_FILES):
        with suppress(OSError, ValueError):
            sizes.append(int(file.read_text(encoding="ascii")))
    return sizes
