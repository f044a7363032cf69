"""Hardware for the installed build of whisper.cpp."""

import re

# Names in whisper.cpp's own list of its parts, and how people call them.
_BACKENDS = {
    "CUDA": "CUDA",
    "METAL": "Metal",
    "MTL": "Metal",
    "VULKAN": "Vulkan",
    "COREML": "Core ML",
    "OPENVINO": "OpenVINO",
}


def backend() -> str:
    """Name the backends of the build, such as `Metal`; `CPU` without any."""
    import _pywhispercpp

    return parse_backend(str(_pywhispercpp.whisper_print_system_info()))


def parse_backend(system_info: str) -> str:
    """Parse the list of whisper.cpp: parts as `NAME = 1`, or `NAME :` with details."""
    enabled = re.findall(r"(\w+) = 1\b|(\w+) :", system_info)
    names = [_BACKENDS[name.upper()] for pair in enabled for name in pair if name.upper() in _BACKENDS]
    return ", ".join(dict.fromkeys(names)) or "CPU"
